"""Public question sets from a real HTTP server that is whole, cut, wrong, busy or not there."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from evaluator import question_fetch
from evaluator.question_fetch import HELD_OUT_SETS, PUBLIC_SETS, NotFetched, PublicSet, cached_place
from evaluator.questions import load_public, parse_questions
from tests.openai_server import CUT, OpenAIServer, Received, Reply, closed_port

TEXT = "".join(f'{{"id": "t{number}", "instruction": "지시 {number}", "input": "입력"}}\n' for number in range(5))


class FileServer(OpenAIServer):
    def answer(self, request: Received) -> Reply:  # noqa: ARG002
        return self.script.popleft() if self.script else Reply([TEXT], media_type="text/plain")


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluator.question_fetch._DELAY_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


def public(server: FileServer) -> PublicSet:
    return PublicSet("mine-5", f"http://127.0.0.1:{server.port}/x.jsonl", "CC0", 5, parse_questions(TEXT, "").sha256)


def test_a_set_is_fetched_once_and_read_from_the_cache_ever_after(server: FileServer) -> None:
    for _ in range(3):
        assert len(load_public(public(server)).questions) == 5
    assert len(server.requests) == 1
    assert cached_place(public(server)).stat().st_mode & 0o777 == 0o600


def test_a_cached_copy_that_was_damaged_is_fetched_again(server: FileServer) -> None:
    wanted = public(server)
    load_public(wanted)
    for damage in (TEXT[: len(TEXT) // 2], "", "\x00", TEXT.replace("지시 3", "지시 9")):
        cached_place(wanted).write_text(damage)
        assert load_public(wanted).questions[3].instruction == "지시 3"
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "fault",
    [
        Reply([TEXT[:60], CUT], media_type="text/plain"),
        Reply([TEXT[:60], CUT], headers={"content-length": str(len(TEXT.encode()))}, media_type="text/plain"),
        Reply(["oops"], 500),
        Reply(["busy"], 503, {"retry-after": "0"}),
        Reply(["slow down"], 429, {"retry-after": "0.05"}),
    ],
)
def test_a_passing_fault_is_tried_again(server: FileServer, fault: Reply) -> None:
    server.script.extend([fault, fault])
    assert len(load_public(public(server)).questions) == 5
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "times", "said"),
    [
        (Reply([TEXT[:60], CUT], media_type="text/plain"), 3, "끊겼어요"),
        (Reply(["oops"], 500), 3, "HTTP 500"),
        (Reply(["not here"], 404), 1, "HTTP 404"),
        (Reply([TEXT[:60]], media_type="text/plain"), 1, "질문 5개와 달라"),
        (Reply([TEXT.replace("지시 3", "지시 9")], media_type="text/plain"), 1, "질문 5개와 달라"),
        (Reply(["<html>Sign in</html>"], media_type="text/html"), 1, "질문 5개와 달라"),
        (Reply([b"\xff\xfe\x00"], media_type="text/plain"), 1, "UTF-8"),
    ],
)
def test_what_does_not_arrive_whole_is_told_and_never_kept(
    server: FileServer, fault: Reply, times: int, said: str
) -> None:
    server.script.extend([fault] * times)
    with pytest.raises(NotFetched, match=said) as told:
        load_public(public(server))
    assert "--set" in str(told.value)
    assert not cached_place(public(server)).exists()
    assert len(server.requests) == times
    assert len(load_public(public(server)).questions) == 5


def test_without_a_network_it_says_so_at_once_and_what_to_do(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(question_fetch, "time", SimpleNamespace(sleep=waits.append))
    away = replace(public(server), url=f"http://127.0.0.1:{closed_port()}/x.jsonl")
    with pytest.raises(NotFetched, match="네트워크를 확인") as told:
        load_public(away)
    assert len(waits) == 2, "three tries and no more"
    assert str(cached_place(away)) in str(told.value)
    cached_place(away).write_text(TEXT)  # as it was told
    assert len(load_public(away).questions) == 5


def test_a_redirection_is_followed(server: FileServer) -> None:
    server.script.append(Reply([], 302, {"location": f"http://127.0.0.1:{server.port}/elsewhere.jsonl"}))
    assert len(load_public(public(server)).questions) == 5


def test_the_public_sets_are_those_of_one_commit() -> None:
    for one in (*PUBLIC_SETS, *HELD_OUT_SETS):
        assert one.url.startswith("https://raw.githubusercontent.com/")
        assert any(len(part) == 40 and set(part) <= set("0123456789abcdef") for part in one.url.split("/"))
        assert len(one.sha256) == 64


@pytest.mark.network
def test_the_public_sets_are_where_they_are_said_to_be() -> None:
    for one in (*PUBLIC_SETS, *HELD_OUT_SETS):
        try:
            found = load_public(one)
        except NotFetched as error:
            pytest.skip(f"raw.githubusercontent.com is not reached from here: {error}")
        assert len(found.questions) == one.questions
