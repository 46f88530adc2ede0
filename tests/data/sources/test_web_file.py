"""A file of the web: fetched once, gone on with where it broke off, and never taken for what it was when it has changed."""

import hashlib
import os
from pathlib import Path

import pytest

from data.sources.web_file import WebFile, _locked, fetched, remembered
from kullm_tui.core.errors import HubError
from tests.hub_server import Hub, Repository

NAME = "somebody/web"
CONTENT, OTHER = os.urandom(300_000), os.urandom(300_000)
DIGEST, OTHER_DIGEST = (hashlib.sha256(content).hexdigest() for content in (CONTENT, OTHER))


@pytest.fixture
def url(hub: Hub) -> str:
    serve(hub, CONTENT)
    return f"{hub.url}/{NAME}/resolve/main/a%20table.jsonl?download=true"


def serve(hub: Hub, content: bytes) -> None:
    hub.repositories[NAME] = Repository({"a table.jsonl": content})


class Stopped(Exception):
    pass


def stop(done: int, _total: int) -> None:
    if done > 100_000:
        raise Stopped


def parts(path: Path) -> list[Path]:
    return list(path.parent.glob("*.part"))


def test_a_file_is_fetched_once_and_its_digest_is_remembered(hub: Hub, url: str) -> None:
    assert remembered(url) is None
    seen: list[tuple[int, int]] = []
    one = fetched(url, progress=lambda done, total: seen.append((done, total)))
    assert (one.path.name, one.path.read_bytes(), one.sha256) == ("a-table.jsonl", CONTENT, DIGEST)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    hub.requests.clear()
    assert fetched(url, sha256=DIGEST) == remembered(url) == one
    assert hub.requests == []
    assert parts(one.path) == []


def test_a_cut_connection_is_resumed_where_it_broke(hub: Hub, url: str) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts = 100_000, 2
    assert fetched(url).sha256 == DIGEST
    assert hub.bytes_sent[DIGEST] == len(CONTENT)


def test_what_was_ended_in_the_middle_goes_on_the_next_time(hub: Hub, url: str) -> None:
    with pytest.raises(Stopped):
        fetched(url, progress=stop)
    assert remembered(url) is None
    hub.bytes_sent.clear()
    assert fetched(url).path.read_bytes() == CONTENT
    assert 0 < hub.bytes_sent[DIGEST] < len(CONTENT)


def test_a_part_of_a_file_that_has_changed_meanwhile_is_begun_anew(hub: Hub, url: str) -> None:
    with pytest.raises(Stopped):
        fetched(url, progress=stop)
    serve(hub, OTHER)
    assert fetched(url).path.read_bytes() == OTHER


def test_a_part_longer_than_the_file_is_begun_anew(url: str) -> None:
    with pytest.raises(Stopped):
        fetched(url, progress=stop)
    (part,) = Path(os.environ["KULLM_HOME"]).rglob("*.part")
    part.write_bytes(bytes(len(CONTENT) + 10))
    assert fetched(url).path.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_file_anew(hub: Hub, url: str) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts, hub.faults.ignores_ranges = 100_000, 1, True
    assert fetched(url).path.read_bytes() == CONTENT


def test_an_address_that_sends_something_else_later_is_told_and_can_be_believed(hub: Hub, url: str) -> None:
    one = fetched(url)
    one.path.unlink()
    serve(hub, OTHER)
    with pytest.raises(HubError, match="sends something else") as raised:
        fetched(url)
    assert str(one.path.with_name("facts.json")) in str(raised.value)
    assert not one.path.exists()
    one.path.with_name("facts.json").unlink()
    assert fetched(url) == WebFile(one.path, OTHER_DIGEST)


def test_a_file_that_is_not_the_pinned_one_is_refused(url: str) -> None:
    with pytest.raises(HubError, match=OTHER_DIGEST[:16]):
        fetched(url, sha256=OTHER_DIGEST)
    assert remembered(url) is None
    assert fetched(url, sha256=DIGEST).sha256 == DIGEST


def test_a_file_that_was_damaged_here_is_fetched_again(url: str) -> None:
    one = fetched(url)
    one.path.write_bytes(CONTENT[:1000])
    assert remembered(url) is None
    assert fetched(url).path.read_bytes() == CONTENT


def test_a_server_that_fails_for_a_while_is_asked_again_and_one_that_refuses_is_not(hub: Hub, url: str) -> None:
    hub.faults.failures = 2
    assert fetched(url).sha256 == DIGEST
    hub.requests.clear()
    with pytest.raises(HubError, match=r"HTTP 404.*--file"):
        fetched(f"{hub.url}/somebody/web/resolve/main/absent.jsonl")
    assert len(hub.requests) == 1


def test_a_connection_that_never_holds_is_told_and_keeps_what_came(hub: Hub, url: str) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts = 0, 1000
    with pytest.raises(HubError, match="keeps breaking"):
        fetched(url)
    with pytest.raises(HubError, match="did not arrive"):
        fetched("http://127.0.0.1:9/rows.jsonl")


def test_two_programs_do_not_write_one_file(url: str) -> None:
    one = fetched(url)
    one.path.unlink()
    with _locked(one.path.parent, url), pytest.raises(HubError, match="Another kullm"):
        fetched(url)
    assert fetched(url) == one
