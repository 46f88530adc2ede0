"""The question, the answer and what is kept of them, against a real server that speaks OpenAI's protocol."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import FinalState, ReplySource
from kullm_tui.core.store.store import Store
from tests.commands.asking import ASK, messages
from tests.kullm_command import COMMAND, environment, kullm, start
from tests.openai_server import CUT, OpenAIServer, Reply, chunk, refuses, says


def test_the_answer_goes_to_stdout_and_nothing_else_does(home: Path) -> None:
    done = kullm(home, *ASK, "안녕?")
    assert (done.returncode, done.stdout, done.stderr) == (0, "안녕하세요\n", "")


def test_an_answer_that_ends_its_line_gets_no_second_newline(home: Path, server: OpenAIServer) -> None:
    server.script.append(says("끝\n"))
    assert kullm(home, *ASK, "안녕?").stdout == "끝\n"


def test_question_and_answer_are_kept(home: Path, server: OpenAIServer) -> None:
    server.script.append(says("서울", last={"usage": {"prompt_tokens": 3, "completion_tokens": 1}}))
    kullm(home, *ASK, "--system", "짧게", "--temperature", "0.5", "수도는?")
    kept = [(row["role"], row["content"], row["state"]) for row in messages(home)]
    assert kept == [("system", "짧게", "complete"), ("user", "수도는?", "complete"), ("assistant", "서울", "complete")]
    answer = messages(home)[2]
    assert (answer["model"], answer["prompt_tokens"], json.loads(answer["parameters"])) == (
        "home/m",
        3,
        {"temperature": 0.5},
    )
    assert server.requests[0].body["messages"][0] == {"role": "system", "content": "짧게"}


def test_json_is_one_object_with_everything(home: Path, server: OpenAIServer) -> None:
    server.script.append(
        says(
            "서울\x1b[31m\x9b",
            finish="length",
            last={
                "usage": {"prompt_tokens": 3, "completion_tokens": 1},
                "timings": {"decode_ms": 5},
                "dropped_turns": 1,
            },
        )
    )
    done = kullm(home, *ASK, "--json", "수도는?")
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    assert "\x9b" not in done.stdout
    answer = json.loads(done.stdout)
    assert answer.pop("timings")["decode_ms"] == 5
    assert answer == {
        "model": "home/m",
        "adapter": None,
        "text": "서울\x1b[31m\x9b",
        "finish_reason": "length",
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        "dropped_turns": 1,
    }
    assert "문답 1개를 빼고" in done.stderr
    assert "길이 한도" in done.stderr


def test_hostile_answers_are_defused_even_when_cut_in_two(home: Path, server: OpenAIServer) -> None:
    server.script.append(says("앞\x1b", "]0;제목", "\x07뒤\x1b[2", "J\u202e끝"))
    assert kullm(home, *ASK, "?").stdout == "앞뒤끝\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "content"),
    [
        (["질문"], None, "질문"),
        ([], "파이프 질문\n", "파이프 질문"),
        (["-"], "\ufeff파이프 질문\r\n", "파이프 질문"),
        (["요약해 줘"], "긴 글\n둘째 줄\n", "요약해 줘\n\n긴 글\n둘째 줄"),
        (["요약해 줘", "--input", "준 글"], "버려질 글", "요약해 줘\n\n준 글"),
        (["요약해 줘"], "", "요약해 줘"),
        (["--", "-m은 무엇?"], None, "-m은 무엇?"),
        (["\u1112\u1161\u11ab"], None, "한"),
    ],
)
def test_the_question_comes_from_the_argument_or_from_stdin(
    home: Path, server: OpenAIServer, arguments: list[str], stdin: str | None, content: str
) -> None:
    assert kullm(home, *ASK, *arguments, stdin=stdin).returncode == 0
    assert server.requests[0].body["messages"] == [{"role": "user", "content": content}]


def test_only_the_options_given_are_sent(home: Path, server: OpenAIServer) -> None:
    options = [
        "--max-tokens",
        "9",
        "--temperature",
        "0",
        "--top-p",
        "0.5",
        "--seed",
        "7",
        "--stop",
        "가",
        "--stop",
        "나",
    ]
    kullm(home, *ASK, *options, "?")
    body = server.requests[0].body
    assert {key: body[key] for key in set(body) - {"model", "messages", "stream", "stream_options"}} == {
        "max_tokens": 9,
        "temperature": 0,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["가", "나"],
    }


def test_the_papers_decoding_can_be_asked_for_and_overridden(home: Path, server: OpenAIServer) -> None:
    kullm(home, *ASK, "--decoding", "paper", "--max-tokens", "9", "?")
    body = server.requests[0].body
    assert (body["num_beams"], body["repetition_penalty"], body["temperature"], body["max_tokens"]) == (4, 1.4, 0, 9)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--temperature", "nan", "?"],
        ["--temperature", "-1", "?"],
        ["--temperature", "11", "?"],
        ["--top-p", "2", "?"],
        ["--top-p", "0", "?"],
        ["--max-tokens", "99999999", "?"],
        ["--stop", "가" * 1001, "?"],
        [*["--stop", "가"] * 17, "?"],
        ["--max-tokens", "0", "?"],
        ["--seed", "많이", "?"],
        ["--decoding", "best", "?"],
        ["  \n"],
        [],
        ["--continue", "?"],
        [b"\xff\xfe".decode(errors="surrogateescape")],
    ],
)
def test_wrong_usage_sends_and_keeps_nothing(home: Path, server: OpenAIServer, arguments: list[str]) -> None:
    done = kullm(home, *ASK, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert not server.requests


@pytest.mark.parametrize("data", ["질문".encode("cp949"), b"x" * 8_000_001])
def test_a_pipe_that_is_no_question_is_told(home: Path, data: bytes) -> None:
    done = kullm(home, *ASK, stdin=data)
    assert done.returncode == 2
    assert "표준 입력" in done.stderr


def test_continue_goes_on_with_the_last_conversation_and_its_model(home: Path, server: OpenAIServer) -> None:
    kullm(home, *ASK, "--system", "짧게", "첫째", "--input", "글")
    done = kullm(home, "ask", "--continue", "둘째")
    assert (done.returncode, done.stdout) == (0, "안녕하세요\n")
    assert server.requests[1].body["model"] == "m"
    assert [message["content"] for message in server.requests[1].body["messages"]] == [
        "짧게",
        "첫째\n\n글",
        "안녕하세요",
        "둘째",
    ]
    assert len({row["conversation_id"] for row in messages(home)}) == 1
    assert kullm(home, *ASK, "--continue", "--system", "길게", "?").returncode == 2


def test_continue_survives_a_question_that_failed(home: Path, server: OpenAIServer) -> None:
    kullm(home, *ASK, "첫째")
    server.script.append(refuses(400, "안 돼요"))
    assert kullm(home, *ASK, "실패할 질문").returncode == 1
    assert kullm(home, "ask", "--continue", "둘째").returncode == 0
    assert [message["content"] for message in server.requests[-1].body["messages"]] == ["첫째", "안녕하세요", "둘째"]


def test_continue_tells_what_the_app_would_of_the_same_conversation(home: Path, server: OpenAIServer) -> None:
    """The system text that holds now, and no question that was never answered."""
    with Store(home / "kullm.db") as store:
        talk = store.create_conversation("첫째?", system="짧게")
        leaf = _answered(store, talk.id, "첫째?", talk.leaf_id, "하나", "complete")
        leaf = _answered(store, talk.id, "둘째?", leaf, "", "failed")
        leaf = store.add_user_turn(talk.id, Message("system", "길게"), parent_id=leaf)
        _answered(store, talk.id, "셋째?", leaf, "셋", "complete")
    assert kullm(home, *ASK, "--continue", "넷째?").returncode == 0
    assert [(one["role"], one["content"]) for one in server.requests[-1].body["messages"]] == [
        ("system", "길게"),
        ("user", "첫째?"),
        ("assistant", "하나"),
        ("user", "셋째?"),
        ("assistant", "셋"),
        ("user", "넷째?"),
    ]


def _answered(
    store: Store, conversation_id: int, question: str, parent_id: int | None, answer: str, state: FinalState
) -> int:
    asked = store.add_user_turn(conversation_id, Message("user", question), parent_id=parent_id)
    journal = store.open_reply(conversation_id, asked, ReplySource("home/m"))
    journal.feed(answer)
    journal.finish(state)
    return journal.reply_id


def test_what_was_left_out_and_cut_is_kept_for_who_opens_it_later(home: Path, server: OpenAIServer) -> None:
    server.script.append(says("긴 답", finish="length", last={"dropped_turns": 2}))
    kullm(home, *ASK, "?")
    timings = json.loads(messages(home)[-1]["timings"])
    assert (timings["cut_at_length"], timings["dropped_turns"]) == (1, 2)


def test_a_server_error_is_one_line_and_the_question_is_kept(home: Path, server: OpenAIServer) -> None:
    server.script.append(refuses(400, "그런 온도는 없음\x1b[2J"))
    done = kullm(home, *ASK, "안녕?")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "그런 온도는 없음" in done.stderr
    assert "\x1b" not in done.stderr
    assert [(row["content"], row["state"]) for row in messages(home)] == [("안녕?", "complete"), ("", "failed")]
    assert "그런 온도는 없음" in messages(home)[1]["error"]


def test_an_answer_cut_in_the_middle_keeps_its_text(home: Path, server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("반쪽 답"), CUT]))
    done = kullm(home, *ASK, "안녕?")
    assert (done.returncode, done.stdout) == (1, "반쪽 답\n")
    assert (messages(home)[1]["content"], messages(home)[1]["state"]) == ("반쪽 답", "failed")


def test_text_is_shown_as_it_arrives_also_through_a_pipe(home: Path, server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("먼저"), 3600.0, chunk("나중", finish="stop")]))
    child = start(home, *ASK, "안녕?")
    assert child.stdout is not None
    assert os.read(child.stdout.fileno(), 100).decode() == "먼저"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=240)


def test_ctrl_c_keeps_the_part_and_closes_the_connection(home: Path, server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("반쪽"), 3600.0]))
    child = start(home, *ASK, "안녕?")
    assert child.stdout is not None
    assert os.read(child.stdout.fileno(), 100).decode() == "반쪽"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=240)
    assert (child.returncode, out, err) == (130, b"\n", b"")
    assert server.requests[0].disconnected.wait(60)
    assert [(row["content"], row["state"]) for row in messages(home)] == [("안녕?", "complete"), ("반쪽", "cancelled")]


def test_a_reader_that_leaves_cancels_the_reply(home: Path, server: OpenAIServer) -> None:
    server.script.append(says(*["가나다"] * 100, pause=0.02))
    reader = subprocess.Popen(["head", "-c", "9"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdin is not None
    done = subprocess.run(
        [*COMMAND, *ASK, "?"],
        stdin=subprocess.DEVNULL,
        stdout=reader.stdin,
        stderr=subprocess.PIPE,
        env=environment(home),
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert reader.communicate()[0].decode() == "가나다"
    assert messages(home)[1]["state"] == "cancelled"
    assert server.requests[0].disconnected.wait(60)
