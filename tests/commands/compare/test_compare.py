"""`kullm compare`: with the real engine and the demo's models, and with servers that fail where an engine would not."""

import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.endpoints.local_engine import stop_engine
from kullm_tui.core.store.store import Store
from tests import processes
from tests.core.store.test_comparisons import one_round
from tests.evaluator.judge_server import FORM_SCORES, JudgeServer
from tests.kullm_command import Terminal, kullm, start
from tests.openai_server import CUT, OpenAIServer, Received, Reply, chunk, says
from tests.tiny_models import Shape, save_model

DEMOS = ("demo-koalpaca", "demo-kovicuna", "demo-kullm")
CAPITAL = "대한민국의 수도는 어디인가요?"


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One engine answers all tests; it ends with them."""
    home = tmp_path_factory.mktemp("compare")
    yield home
    _end_engine(home)


def _end_engine(home: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULLM_HOME", str(home))
        stop_engine()


@pytest.fixture
def demos(demo_home: Path, monkeypatch: pytest.MonkeyPatch, mark_of_all_tests: str) -> Path:
    """Nothing is left of the comparisons of another test."""
    monkeypatch.setenv(processes.MARK, mark_of_all_tests)
    for file in demo_home.glob("kullm.db*"):
        file.unlink()
    return demo_home


class Models(OpenAIServer):
    """Answers each model as the test says, whoever asks first."""

    replies: Mapping[str, Reply]

    def answer(self, request: Received) -> Reply:
        return self.replies.get(request.body["model"]) or says("안녕", "하세요")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Models]:
    with Models() as server:
        server.replies = {}
        (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "far", base_url = "{server.base_url}"}}]\n')
        yield server


def kept(home: Path, query: str = "SELECT * FROM messages ORDER BY id") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "kullm.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def replies(home: Path) -> list[tuple[str, str, str]]:
    return [(row["model"], row["content"], row["state"]) for row in kept(home) if row["role"] == "assistant"]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_demos_three_answer_on_a_fresh_machine(demos: Path) -> None:
    done = kullm(demos, "compare", CAPITAL)
    assert done.returncode == 0, done.stderr
    assert "demo-koalpaca, demo-kovicuna, demo-kullm" in done.stderr
    blocks = done.stdout.split("── ")[1:]
    assert [block.splitlines()[0] for block in blocks] == list(DEMOS)
    assert sum("서울" in block for block in blocks) >= 2
    for block in blocks:
        assert re.search(r"\(\d+자 · [\d.]+초 · \d+토큰 · [\d,]+ tok/s\)", block)
    assert len(replies(demos)) == 3
    assert kullm(demos, "history", "list").stdout == ""
    assert kullm(demos, "ask", "--continue", "더").returncode == 2, "a comparison is nothing to go on with"


def test_json_is_one_object_a_question(demos: Path) -> None:
    done = kullm(demos, "compare", "-m", "demo-kullm", "-m", "demo-base,demo-koalpaca", "--json", CAPITAL)
    assert done.returncode == 0, done.stderr
    [found] = lines(done.stdout)
    assert (found["prompt"], found["plan"]) == (
        CAPITAL,
        "세 모델이 한 베이스 모델(demo-base)을 함께 써서 같이 답해요.",
    )
    assert [reply["name"] for reply in found["replies"]] == ["demo-kullm", "demo-base", "demo-koalpaca"]
    for reply in found["replies"]:
        assert (reply["state"], reply["error"]) == ("complete", None)
        assert reply["usage"]["completion_tokens"] > 0
        assert reply["timings"]["client_total_ms"] > 0
    assert replies(demos)[0][1] in [reply["text"] for reply in found["replies"]]


def test_columns_stand_side_by_side_where_the_terminal_is_wide(demos: Path) -> None:
    terminal = Terminal(demos, "compare", "-m", ",".join(DEMOS), CAPITAL, size=(120, 40))
    assert terminal.ends() == 0
    shown = [re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", line).rpartition("\r")[2] for line in terminal.shown.split("\r\n")]
    heading = next(line for line in shown if all(name in line for name in DEMOS))
    assert heading.count(" │ ") == 2
    body = [line for line in shown[shown.index(heading) + 1 :] if "│" in line]
    assert any("서울" in line.split("│")[2] for line in body if line.count("│") == 2)
    assert "tok/s" in body[-1]


def test_on_a_narrow_terminal_they_stand_one_below_the_other(demos: Path) -> None:
    terminal = Terminal(demos, "compare", CAPITAL, size=(80, 24))
    assert terminal.ends() == 0
    places = [terminal.shown.index(f"── {name}") for name in DEMOS]
    assert places == sorted(places)
    assert "│" not in terminal.shown


def test_blind_votes_and_ratings(demos: Path) -> None:
    terminal = Terminal(demos, "compare", "-m", ",".join(DEMOS), "--blind", CAPITAL, size=(120, 40))
    terminal.waits_for("가장 좋은 답은?")
    assert not any(name in terminal.shown for name in DEMOS)
    terminal.types("7\n")
    terminal.waits_for("모두 나쁨  (엔터: 넘어감) 7")
    terminal.types("2\n")
    assert terminal.ends() == 0
    winner = re.search(r"B = (demo-\w+)", terminal.shown)
    assert winner
    assert all(name in terminal.shown for name in DEMOS)
    [vote] = lines(kullm(demos, "compare", "--votes", "--json").stdout)
    assert (vote["winner"], vote["outcome"], vote["blind"]) == (winner[1], "best", True)
    assert f"{winner[1]} > " in kullm(demos, "compare", "--votes").stdout
    rated = lines(kullm(demos, "compare", "--ratings", "--json").stdout)
    assert [one["name"] for one in rated][0] == winner[1]
    assert (rated[0]["won"], rated[0]["lost"]) == (2, 0)
    assert (rated[0]["low"], rated[0]["high"]) == (None, None)  # one vote has no interval
    table = kullm(demos, "compare", "--ratings")
    assert winner[1] in table.stdout
    assert "투표 1번(이름을 가린 것 1번" in table.stderr
    assert "10개는 모여야" in table.stderr


@pytest.mark.parametrize(
    ("votes", "says_an_interval", "warns"), [(9, False, False), (10, True, True), (29, True, True), (30, True, False)]
)
def test_few_votes_have_an_interval_that_is_said_to_be_too_narrow(
    votes: int, says_an_interval: bool, warns: bool, demos: Path
) -> None:
    with Store(demos / "kullm.db") as store:
        for number in range(votes):
            comparison, replies = one_round(store, "서울", "부산", question=f"수도는? {number}")
            store.comparisons.vote(comparison.id, replies, "best", number % 2)
    done = kullm(demos, "compare", "--ratings")
    assert done.returncode == 0
    assert ("?" not in done.stdout) == says_an_interval
    assert ("구간이 실제보다 좁게" in done.stderr) == warns
    assert ("10개는 모여야" in done.stderr) != says_an_interval


def test_without_votes_it_says_how_to_begin(demos: Path) -> None:
    for what in ("--votes", "--ratings"):
        done = kullm(demos, "compare", what)
        assert (done.returncode, done.stdout) == (0, "")
        assert "kullm compare --blind" in done.stderr


def test_bases_that_do_not_fit_take_turns(tmp_path: Path) -> None:
    """Two models of about 70 MB, and an engine that may take 100."""
    shape = Shape(hidden=512, layers=8, heads=4, context=256)
    names = [str(save_model(tmp_path / name, seed=seed, shape=shape)) for seed, name in enumerate(("one", "two"))]
    (tmp_path / "config.toml").write_text('[engine]\nmemory_gb = 0.1\nprecision = "fp32"\ndevice = "cpu"\n')
    try:
        questions = tmp_path / "questions.txt"
        questions.write_text("하나\n둘\n")
        done = kullm(tmp_path, "compare", "-m", ",".join(names), "--json", "--max-tokens", "8", "--set", str(questions))
        assert done.returncode == 0, done.stderr + done.stdout
        assert "2번에 나누어" in done.stderr
        found = lines(done.stdout)
        assert [one["prompt"] for one in found] == ["하나", "둘"]
        assert all(reply["text"] for one in found for reply in one["replies"])
        # All questions of a wave are answered before the models are swapped.
        assert [model for model, _, _ in replies(tmp_path)] == [names[0]] * 2 + [names[1]] * 2
        # The second is loaded now, so it goes first.
        wide = Terminal(tmp_path, "compare", "-m", ",".join(names), "--max-tokens", "8", "?", size=(120, 40))
        assert wide.ends() == 0
        assert wide.shown.index(f"── {names[1]}") < wide.shown.index(f"── {names[0]}")
    finally:
        _end_engine(tmp_path)


def test_a_set_of_prompts_runs_in_one_go(tmp_path: Path, far: Models) -> None:
    text, rows = tmp_path / "prompts.txt", tmp_path / "prompts.jsonl"
    text.write_text("\ufeff첫째\n\n  둘째  \n셋째\n")
    rows.write_text('{"instruction": "요약해 줘", "input": "긴 글"}\n')
    far.replies = {"a": says("가"), "b": says("나")}
    found = lines(kullm(tmp_path, "compare", "-m", "far/a,far/b", "--json", "--set", str(text)).stdout)
    assert [one["prompt"] for one in found] == ["첫째", "둘째", "셋째"]
    assert [[reply["text"] for reply in one["replies"]] for one in found] == [["가", "나"]] * 3
    [one] = lines(kullm(tmp_path, "compare", "-m", "far/a,far/b", "--json", "--set", str(rows)).stdout)
    assert (one["prompt"], one["input"]) == ("요약해 줘", "긴 글")
    assert far.requests[-1].body["messages"][-1]["content"] == "요약해 줘\n\n긴 글"
    shown = kullm(tmp_path, "compare", "-m", "far/a,far/b", "--set", str(text)).stdout
    assert [line for line in shown.splitlines() if line.startswith("[")] == ["[1/3] 첫째", "[2/3] 둘째", "[3/3] 셋째"]


@pytest.mark.parametrize("content", [b"", b"\n \n", "질문".encode("cp949"), b'{"no": "question"}\n', None])
def test_a_set_that_is_none_is_told(tmp_path: Path, far: Models, content: bytes | None) -> None:
    file = tmp_path / "set.txt"
    if content is not None:
        file.write_bytes(content)
    done = kullm(tmp_path, "compare", "-m", "far/a,far/b", "--set", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert not far.requests


def test_one_that_fails_in_mid_stream_costs_the_others_nothing(tmp_path: Path, far: Models) -> None:
    far.replies = {"a": Reply([chunk("반쪽"), 0.1, CUT]), "b": says("온전한 ", "답", pause=0.2)}
    done = kullm(tmp_path, "compare", "-m", "far/a,far/b", "--json", "?")
    assert done.returncode == 1
    broken, whole = lines(done.stdout)[0]["replies"]
    assert (broken["text"], broken["state"], bool(broken["error"])) == ("반쪽", "failed", True)
    assert (whole["text"], whole["state"], whole["error"]) == ("온전한 답", "complete", None)
    assert sorted(replies(tmp_path)) == [("far/a", "반쪽", "failed"), ("far/b", "온전한 답", "complete")]
    shown = kullm(tmp_path, "compare", "-m", "far/a,far/b", "?")
    assert re.search(r"── far/a\n반쪽\n! .+\n\n── far/b\n온전한 답\n", shown.stdout)


def test_a_vote_needs_two_replies(tmp_path: Path, far: Models) -> None:
    far.replies = {"a": Reply([chunk("반쪽"), CUT])}
    terminal = Terminal(tmp_path, "compare", "-m", "far/a,far/b", "--vote", "?")
    assert terminal.ends() == 1
    assert "투표하지 않아요" in terminal.shown
    assert kept(tmp_path, "SELECT * FROM votes") == []


def test_ctrl_c_stops_all_and_keeps_what_has_arrived(tmp_path: Path, far: Models) -> None:
    far.replies = {name: Reply([chunk(f"{name}의 반쪽"), 3600.0]) for name in "abc"}
    child = start(tmp_path, "compare", "-m", "far/a,far/b,far/c", "?")
    assert child.stdout is not None
    seen = ""
    while "반쪽" not in seen or len(far.requests) < 3:
        seen += os.read(child.stdout.fileno(), 1000).decode() if "반쪽" not in seen else ""
        time.sleep(0.05)
    while sum("반쪽" in text for _, text, _ in replies(tmp_path)) < 3:  # written down while nothing more comes
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=240)
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert "중단됨" in out.decode()
    assert all(request.disconnected.wait(60) for request in far.requests)
    assert sorted(replies(tmp_path)) == [(f"far/{name}", f"{name}의 반쪽", "cancelled") for name in "abc"]


def test_nobody_votes_on_a_reply_that_says_nothing(tmp_path: Path, far: Models) -> None:
    far.replies = {"a": says("")}
    terminal = Terminal(tmp_path, "compare", "-m", "far/a,far/b", "--vote", "?")
    assert terminal.ends() == 0
    assert "투표하지 않아요" in terminal.shown


def test_an_answer_is_shown_also_where_what_came_before_turned_out_to_be_thinking(tmp_path: Path, far: Models) -> None:
    """The prompt had opened the tag, and the thinking was shown as it came."""
    thinking = says("이것을 ", "저것을\n", "</think>", "답이에요", pause=0.3)
    far.replies = {"a": thinking, "b": says("나")}
    ask = ("compare", "-m", "far/a,far/b", "?")
    assert "답이에요" in kullm(tmp_path, *ask).stdout
    wide = Terminal(tmp_path, *ask, size=(120, 40))
    assert wide.ends() == 0
    assert "답이에요" in wide.shown
    rows = kept(tmp_path, "SELECT content, thinking FROM messages WHERE model = 'far/a'")
    assert rows == [{"content": "답이에요", "thinking": "이것을 저것을"}] * 2


def test_thinking_is_a_part_of_the_answer_where_the_configuration_wishes_it(tmp_path: Path, far: Models) -> None:
    with (tmp_path / "config.toml").open("a") as config:
        config.write('thinking = "keep"\n')
    far.replies = {"a": says("<think>음</think>답"), "b": says("나")}
    found = lines(kullm(tmp_path, "compare", "-m", "far/a,far/b", "--json", "?").stdout)
    assert found[0]["replies"][0]["text"] == "<think>음</think>답"


def test_what_was_cut_at_the_length_limit_is_kept_for_who_opens_it_later(tmp_path: Path, far: Models) -> None:
    far.replies = {"a": says("긴 답", finish="length"), "b": says("나")}
    assert kullm(tmp_path, "compare", "-m", "far/a,far/b", "?").returncode == 0
    timings = {row["model"]: json.loads(row["timings"]) for row in kept(tmp_path) if row["role"] == "assistant"}
    assert timings["far/a"]["cut_at_length"] == 1
    assert "cut_at_length" not in timings["far/b"]


def test_ctrl_c_at_the_vote_ends_it(tmp_path: Path, far: Models) -> None:
    assert far.replies == {}
    terminal = Terminal(tmp_path, "compare", "-m", "far/a,far/b", "--vote", "?")
    terminal.waits_for("가장 좋은 답은?")
    terminal.types("\x03")
    assert terminal.ends() == 130
    assert [state for _, _, state in replies(tmp_path)] == ["complete"] * 2


def test_hostile_text_is_defused_everywhere(tmp_path: Path, far: Models) -> None:
    far.replies = {"a": says("앞\x1b", "]0;제목", "\x07뒤\x1b[2", "J\u202e끝"), "b": says("\x9b31m나\t다\r라")}
    (tmp_path / "set.txt").write_text("\x1b]0;제목\x07질문\u202e하나\n둘\n")
    arguments = ("compare", "-m", "far/a,far/b", "--set", "set.txt")
    plain = kullm(tmp_path, *arguments)
    assert plain.returncode == 0
    assert "앞뒤끝" in plain.stdout
    assert "[1/2] 질문하나" in plain.stdout
    for output in (plain.stdout, kullm(tmp_path, *arguments, "--json").stdout):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", output)
    wide = Terminal(tmp_path, *arguments, size=(120, 40))
    assert wide.ends() == 0
    assert "앞뒤끝" in wide.shown
    assert not re.search("\x1b(?!\\[K)|[\x00-\x07\x9b\u202e]", wide.shown)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-m", "far/a", "?"], 2, "1개"),
        (["-m", "far/a,far/b,far/c,far/d,far/e", "?"], 2, "5개"),
        (["-m", "far/a,far/a", "?"], 2, "두 번"),
        (["-m", "far/a,,", "?"], 2, "1개"),
        (["-m", "demo-kulm,far/a", "?"], 1, "demo-kullm"),
        (["-m", "kullm-5.8b,far/a", "?"], 1, "models pull"),
        (["-m", "far/a,far/b", "--vote", "?"], 2, "터미널"),
        (["-m", "far/a,far/b", "--blind", "--json", "?"], 2, "터미널"),
        (["-m", "far/a,far/b", "--set", "x.txt", "?"], 2, "--set"),
        (["-m", "far/a,far/b", "  "], 2, "비어"),
        (["-m", "far/a,far/b"], 2, "kullm compare"),
        (["--votes", "--ratings"], 2, "--ratings"),
    ],
)
def test_wrong_usage_sends_and_keeps_nothing(
    tmp_path: Path, far: Models, arguments: list[str], code: int, said: str
) -> None:
    done = kullm(tmp_path, "compare", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not far.requests
    if (tmp_path / "kullm.db").exists():
        assert kept(tmp_path, "SELECT * FROM comparisons") == []


def test_nothing_leaves_the_machine_unasked(tmp_path: Path, far: Models) -> None:
    (tmp_path / "config.toml").write_text('endpoints = [{name = "out", base_url = "http://llm.example/v1"}]\n')
    proxy = {"http_proxy": f"http://127.0.0.1:{far.port}"}
    done = kullm(tmp_path, "compare", "-m", "out/a,out/b", "비밀", env=proxy)
    assert (done.returncode, done.stdout, far.requests) == (1, "", [])
    assert "llm.example" in done.stderr
    assert kullm(tmp_path, "compare", "-m", "out/a,out/b", "--yes", "안녕", env=proxy).returncode == 0
    assert kullm(tmp_path, "compare", "-m", "out/a,out/b", "안녕", env=proxy).returncode == 0
    assert len(far.requests) == 4


def test_a_reader_that_leaves_stops_all(tmp_path: Path, far: Models) -> None:
    far.replies = {name: says(*["가나다"] * 100, pause=0.02) for name in "ab"}
    child = start(tmp_path, "compare", "-m", "far/a,far/b", "?")
    assert child.stdout is not None
    os.read(child.stdout.fileno(), 100)
    child.stdout.close()
    assert child.wait(60) == 1
    assert child.stderr is not None
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
    assert {state for _, _, state in replies(tmp_path)} == {"cancelled"}


@pytest.fixture
def judge(tmp_path: Path, far: Models) -> Iterator[tuple[JudgeServer, dict[str, str]]]:
    assert (tmp_path / "config.toml").exists()
    far.replies = {"a": says("가"), "b": Reply([chunk("반쪽"), CUT])}
    with JudgeServer() as server:
        yield server, {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-secret-1"}


def test_whole_replies_are_judged(tmp_path: Path, judge: tuple[JudgeServer, dict[str, str]]) -> None:
    server, env = judge
    ask = ("compare", "-m", "far/a,far/b,far/c", "--judge", "?")
    refused = kullm(tmp_path, *ask, env=env)
    assert (refused.returncode, refused.stdout, server.bought) == (1, "", {})
    assert "--max-cost" in refused.stderr, "leave to spend is settled before anybody waits for an answer"
    found = lines(kullm(tmp_path, *ask, "--json", "--yes", env=env).stdout)
    first, broken, third = (reply["verdict"] for reply in found[0]["replies"])
    assert (first["status"], first["scores"], third["status"]) == ("ok", FORM_SCORES, "ok")
    assert broken is None
    assert len(server.bought) == 2
    shown = kullm(tmp_path, *ask, "--yes", env=env)
    assert shown.returncode == 1, "one of the three has failed"
    assert re.search(rf"far/a +.*{next(iter(FORM_SCORES))}", shown.stdout)
    assert len(server.bought) == 2, "what was bought is kept"
    assert "sk-secret-1" not in shown.stdout + shown.stderr
