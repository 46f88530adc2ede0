"""`--batch`, killed wherever it may be, left with ctrl-c, and given up; against a server that takes batches."""

import json
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from evaluator.verdicts import VerdictStore
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.judge_server import FORM, FORM_SCORES
from tests.kullm_command import COMMAND, environment, kullm
from tests.openai_server import Part, Received, Reply, refuses

ANSWERS = 60
RUN = ("eval", "run", "--set", "q.jsonl", "--answers", "남=a.jsonl", "--judge-model", "gpt-4.1", "--batch", "--yes")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        running.steps = 1
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path, ANSWERS)
    return tmp_path


@pytest.fixture
def env(server: BatchServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-1"}


def write(home: Path, count: int) -> None:
    for name, row in (("q.jsonl", _question), ("a.jsonl", _answer)):
        (home / name).write_text("\n".join(json.dumps(row(number), ensure_ascii=False) for number in range(count)))


def started(home: Path, env: dict[str, str], command: Sequence[str] = RUN) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(home, **env),
        cwd=home,
    )


def _question(number: int) -> dict[str, str]:
    return {"id": f"q{number}", "instruction": f"지시 {number}"}


def _answer(number: int) -> dict[str, str]:
    return {"id": f"q{number}", "response": f"답 {number}"}


class Killer:
    """Kills a program with -9 when its request comes to a certain point: lost on the way, done and unanswered, half or wholly answered."""

    def __init__(self, server: BatchServer, chance: random.Random) -> None:
        self._server, self._chance = server, chance
        self._victim: subprocess.Popen[bytes] | None = None
        server.refuses, server.garbles = self._before, self._after
        self._matches: Callable[[Received], bool] = lambda _request: False
        self._moment = ""

    def aims(self, victim: subprocess.Popen[bytes], matches: Callable[[Received], bool], moment: str) -> None:
        self._victim, self._matches, self._moment = victim, matches, moment

    def _before(self, request: Received) -> Reply | None:
        if self._moment == "lost" and self._matches(request):
            self._kill()
            return refuses(503, "nobody hears this")
        return None

    def _after(self, request: Received, reply: Reply) -> Reply:
        if not self._moment or self._moment == "lost" or not self._matches(request):
            return reply
        if self._moment == "unanswered":
            self._kill()
            return reply
        whole = b"".join(
            part.encode() if isinstance(part, str) else part for part in reply.parts if isinstance(part, str | bytes)
        )
        headers = {"content-length": str(len(whole))}  # so that the client has its answer before the connection ends
        return Reply(self._answered(whole), reply.status, headers, reply.media_type)

    def _answered(self, whole: bytes) -> Iterator[Part]:
        yield whole[: len(whole) // 2] if self._moment == "half" else whole
        if self._moment == "answered":
            yield self._chance.uniform(0, 0.03)  # wherever the program has got to meanwhile
        self._kill()

    def _kill(self) -> None:
        assert self._victim
        self._moment = ""
        self._victim.kill()
        self._victim.wait(60)


def _posts(path: str) -> Callable[[Received], bool]:
    return lambda request: (request.method, request.path) == ("POST", path)


def _looks_for_it(request: Received) -> bool:
    return (request.method, request.path) == ("GET", "/v1/batches") and "limit=100" in request.query


def _asks_how_far(request: Received) -> bool:
    return request.method == "GET" and request.path.startswith("/v1/batches/")


def _fetches(request: Received) -> bool:
    return request.path.endswith("/content")


def _takes_away(request: Received) -> bool:
    return request.method == "DELETE"


def _nth(number: int) -> Callable[[Received], bool]:
    left = number

    def matches(_request: Received) -> bool:
        nonlocal left
        left -= 1
        return left == 0

    return matches


MOMENTS: list[tuple[Callable[[Received], bool], str]] = [
    (_posts("/v1/files"), "lost"),
    (_posts("/v1/files"), "unanswered"),
    (_posts("/v1/files"), "answered"),
    (_posts("/v1/batches"), "lost"),
    (_takes_away, "unanswered"),
    (_posts("/v1/batches"), "unanswered"),
    (_looks_for_it, "unanswered"),
    (_asks_how_far, "answered"),
    (_fetches, "unanswered"),
    (_fetches, "half"),
    (_fetches, "answered"),
    (_posts("/v1/batches"), "answered"),
    (_nth(2), "answered"),
    (_nth(5), "unanswered"),
    (_nth(4), "answered"),
]


def test_through_fifteen_kills_no_verdict_is_lost_and_none_is_bought_twice(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    """Every batch ends before it has come to all of its calls, so that there is always something to hand in anew."""
    killer = Killer(server, random.Random(os.urandom(8)))
    server.expires = lambda _batch: 3
    server.reads_at_once = True
    done = 0
    for matches, moment in MOMENTS:
        program = started(home, env)
        killer.aims(program, matches, moment)
        told = program.communicate(timeout=240)[1].decode()
        assert program.returncode == -signal.SIGKILL, (matches, moment, told)
        kept = _kept(home)
        assert done <= len(kept), "what was written down stays"
        assert kept <= server.billed.keys(), "what is there was bought"
        done = len(kept)
    server.expires = lambda _batch: None
    last = kullm(home, *RUN, "--json", env=env)
    assert last.returncode == 0, last.stderr
    server.finish()
    assert [(row["model"], row["n"]) for row in json.loads(last.stdout)["rows"]] == [("남", ANSWERS)]
    assert len(server.billed) == ANSWERS
    assert set(server.billed.values()) == {1}, "nothing was bought twice"
    assert _kept(home) == server.billed.keys(), "nothing was lost"
    used = {batch.input_file for batch in server.batches.values()}
    assert {one.id for one in server.files.values() if one.purpose == "batch"} <= used, "no file was left behind"
    assert kullm(home, "eval", "batches").stdout == "맡겨 둔 배치가 없어요.\n"


def _kept(home: Path) -> set[str]:
    with VerdictStore(home / "evaluation.db") as store, store.database.reading() as connection:
        return {row["key"] for row in connection.execute("SELECT key FROM verdicts")}


def waits(
    home: Path, env: dict[str, str], server: BatchServer, command: Sequence[str] = RUN
) -> subprocess.Popen[bytes]:
    """A run whose batch is there and not done."""
    looked = threading.Event()
    server.steps = 1_000_000
    server.refuses = lambda request: looked.set() if _asks_how_far(request) else None
    program = started(home, env, command)
    assert looked.wait(240)
    server.refuses = lambda _request: None
    return program


def left(home: Path, env: dict[str, str], server: BatchServer, command: Sequence[str] = RUN) -> str:
    """What such a run says when it is left with ctrl-c."""
    program = waits(home, env, server, command)
    program.send_signal(signal.SIGINT)
    told = program.communicate(timeout=240)[1].decode()
    assert program.returncode == 130, told
    return told


def test_ctrl_c_leaves_the_batch_there_and_the_same_command_takes_it(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    write(home, 4)
    told = left(home, env, server)
    assert "gpt-4.1에게 4번 물어요" in told
    assert "정가의 50%" in told
    assert "맡긴 배치 1개(채점 4개)는 그곳에서 계속돼요. 같은 명령을 다시 하면 받고" in told
    assert "배치로 맡겨 둔 채점 4개를 기다려요" in kullm(home, "eval", "list").stderr
    assert "배치로 맡겨 두었어요" in kullm(home, "eval", "table").stderr
    shown = json.loads(kullm(home, "eval", "batches", "--json", env=env).stdout)
    assert (shown["verdicts"], shown["done"], shown["judge"]) == (4, 0, "gpt-4.1")
    assert "finalizing" in kullm(home, "eval", "batches", env=env).stdout
    server.steps = 1
    again = kullm(home, *RUN, env=env)
    assert again.returncode == 0, again.stderr
    assert "4개는 배치로 이미 맡겨 두었어요" in again.stderr
    assert "4/4" in again.stdout
    assert set(server.billed.values()) == {1}
    assert len(server.batches) == 1


def test_every_verb_that_asks_much_hands_it_in_by_the_same_way(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    """Asked again, a file of answers, pairs, rates of wins: half the price, left with ctrl-c and taken up."""
    asked: Counter[str] = Counter()

    def verdict(question: str) -> str:
        """The first word on an answer cannot be read; of two the first is taken."""
        asked[question] += 1
        if "<response-2>" in question:
            return "- 선택 (1 - 3): 1"
        return "품질은 넷쯤입니다." if "답 1" in question and asked[question] == 1 else FORM

    server._verdict = verdict
    write(home, 2)
    (home / "b.jsonl").write_text((home / "a.jsonl").read_text().replace("답", "다른 말"))
    assert "1/2" in kullm(home, *RUN, "--answers", "나=b.jsonl", env=env).stdout
    retry = ("eval", "retry", "--batch", "--yes")
    told = left(home, env, server, retry)
    assert "정가의 50%" in told
    assert "맡긴 배치 1개(채점 1개)는 그곳에서 계속돼요. 같은 명령을 다시 하면 받고" in told
    server.steps = 1
    again = kullm(home, *retry, env=env)
    assert again.returncode == 0, again.stderr
    assert "1개는 배치로 이미 맡겨 두었어요" in again.stderr
    assert "1/2" not in kullm(home, "eval", "table").stdout

    judged = ("--judge-model", "gpt-4.1", "--batch", "--yes", "--json")
    row = {"id": "q", "instruction": "지시", "response": "새 답", "left": "가", "right": "나"}
    (home / "rows.jsonl").write_text(json.dumps(row, ensure_ascii=False))
    one = kullm(home, "judge", "rows.jsonl", *judged, env=env)
    assert json.loads(one.stdout)["scores"] == FORM_SCORES, one.stderr
    both = kullm(home, "judge", "rows.jsonl", "--pairwise", *judged, env=env)
    assert json.loads(both.stdout)["flipped"], both.stderr
    rates = kullm(home, "eval", "win", "--baseline", "남", "--batch", "--yes", env=env)
    assert "0-2-0" in rates.stdout, rates.stderr
    assert server.paid == 0, "nothing was asked call by call"
    assert len(server.billed) == 4 + 1 + 1 + 2 + 4
    assert set(server.billed.values()) == {1}


def test_what_is_given_up_keeps_what_was_done_and_frees_the_rest(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    write(home, 6)
    left(home, env, server)
    ended = kullm(home, "eval", "batches", "--cancel", env=env)
    assert ended.returncode == 0, ended.stderr
    assert "끝난 채점 3개를 받아 두었고, 3개는 그만두었어요" in ended.stderr
    assert "배치가 취소되어" in kullm(home, "eval", "table").stderr
    server.steps = 1
    again = kullm(home, *RUN, env=env)
    assert again.returncode == 0, again.stderr
    assert len(server.billed) == 6
    assert set(server.billed.values()) == {1}


def test_a_batch_that_is_gone_is_given_up_too(home: Path, env: dict[str, str], server: BatchServer) -> None:
    write(home, 2)
    left(home, env, server)
    server.batches.clear()
    server.steps = 1
    assert "정말 없어졌으면" in kullm(home, *RUN, env=env).stderr
    assert "2개는 그만두었어요" in kullm(home, "eval", "batches", "--cancel", env=env).stderr
    assert kullm(home, *RUN, env=env).returncode == 0


def test_a_run_that_waits_hears_that_its_batch_was_given_up(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    write(home, 4)
    program = waits(home, env, server)
    ended = kullm(home, "eval", "batches", "--cancel", env=env)
    told = program.communicate(timeout=240)[1].decode()
    assert ended.returncode == 0, ended.stderr
    assert program.returncode == 1, told
    assert len(server.batches) == 1, "nobody handed it in anew"
    assert set(server.billed.values()) == {1}


def test_an_endpoint_without_batches_is_told_before_anything_else(
    home: Path, env: dict[str, str], server: BatchServer
) -> None:
    server.has_batches = False
    done = kullm(home, *RUN, env=env)
    assert done.returncode == 1
    assert "배치(/v1/batches)를 받지 않는 곳이에요. 배치 없이(--batch 없이) 다시 하면 하나씩 물어요." in done.stderr
    assert not server.files


def test_max_cost_bounds_what_is_handed_in(home: Path, env: dict[str, str], server: BatchServer) -> None:
    limited = [one for one in RUN if one != "--yes"]
    done = kullm(home, *limited, "--max-cost", "0.01", env=env)
    spent = len(server.billed) * (500 * 2 + 80 * 8) / 1e6 / 2
    assert "예산 $0.01에 도달해서" in done.stderr
    assert 0 < spent <= 0.01 + 0.0015
    assert len(server.batches) > 1


def test_two_that_run_at_once_share_one_batch(home: Path, env: dict[str, str], server: BatchServer) -> None:
    write(home, 5)
    programs = [started(home, env) for _ in range(2)]
    told = [program.communicate(timeout=240)[1].decode() for program in programs]
    assert [program.returncode for program in programs] == [0, 0], told
    assert len(server.billed) == 5
    assert set(server.billed.values()) == {1}
