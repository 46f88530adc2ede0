"""Who is asked: the engine here, an endpoint elsewhere, with what consent, and what happens when it is not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.asking import ASK, adapter_at, messages, ready
from tests.kullm_command import COMMAND, Terminal, environment, kullm
from tests.openai_server import CUT, OpenAIServer, Reply, chunk, event, says


def test_an_adapter_that_is_not_there_is_told_as_one_and_nothing_is_kept(home: Path, engine: OpenAIServer) -> None:
    adapter_at(home / "adapters" / "job-20")
    (home / "empty").mkdir()
    for name, hint in (("nosuch", ""), ("job-21", "혹시 job-20인가요"), ("empty", ""), ("./no/such", "")):
        done = kullm(home, "ask", "-m", "kullm-5.8b", "--adapter", name, "?")
        assert done.returncode == 1
        assert f"'{name}' 어댑터가 없어요" in done.stderr
        assert hint in done.stderr
        assert ("혹시" in done.stderr) == bool(hint)
    assert not engine.requests
    assert messages(home) == []


def test_beam_search_tells_how_far_it_is_on_a_terminal_only(home: Path, server: OpenAIServer) -> None:
    def searched() -> Reply:
        step = {"index": 0, "delta": {}, "finish_reason": None, "progress": {"done": 43, "total": 100}}
        return Reply([event({"choices": [step]}), 0.1, chunk("서울", finish="stop"), event("[DONE]")])

    server.script.extend([searched(), searched()])
    terminal = Terminal(home, *ASK, "수도는?")
    assert terminal.ends() == 0
    assert "빔 탐색 중 43%" in terminal.shown
    assert terminal.shown.rpartition("\x1b[K")[2] == "서울\r\n"
    piped = kullm(home, *ASK, "수도는?")
    assert (piped.stdout, piped.stderr) == ("서울\n", "")


def test_without_a_model_the_demo_answers_and_it_says_how_to_choose(home: Path) -> None:
    done = kullm(home, "ask", "대한민국의 수도는 어디인가요?")
    assert "서울" in done.stdout
    assert "kullm models list" in done.stderr
    assert "kullm config set model" in done.stderr
    kullm(home, "config", "set", "model", "home/m")
    assert kullm(home, "ask", "안녕?").stdout == "안녕하세요\n"


def test_an_unknown_model_is_told_and_nothing_is_kept(home: Path) -> None:
    done = kullm(home, "ask", "-m", "kulm-5.8b", "안녕?")
    assert done.returncode == 1
    assert "kullm-5.8b" in done.stderr
    assert messages(home) == []


@pytest.fixture
def outside(home: Path, server: OpenAIServer) -> dict[str, str]:
    """An endpoint on another host; a proxy stands for the way there."""
    with (home / "config.toml").open("w") as file:
        file.write('endpoints = [{name = "far", base_url = "http://llm.example/v1"}]\n')
    return {"http_proxy": f"http://127.0.0.1:{server.port}"}


def test_nothing_leaves_the_machine_unasked(home: Path, server: OpenAIServer, outside: dict[str, str]) -> None:
    done = kullm(home, "ask", "-m", "far/m", "비밀", env=outside)
    assert (done.returncode, done.stdout) == (1, "")
    assert "llm.example" in done.stderr
    assert "kullm ask --yes" in done.stderr
    assert not server.requests
    assert messages(home) == []


def test_agreeing_once_is_enough(home: Path, server: OpenAIServer, outside: dict[str, str]) -> None:
    assert kullm(home, "ask", "-m", "far/m", "--yes", "안녕?", env=outside).stdout == "안녕하세요\n"
    assert kullm(home, "ask", "-m", "far/m", "안녕?", env=outside).stdout == "안녕하세요\n"
    assert len(server.requests) == 2


@pytest.mark.parametrize(("answer", "code", "sent"), [("y", 0, 1), ("ㅛ", 0, 1), ("", 1, 0)])
def test_on_a_terminal_it_asks_and_names_the_host(
    home: Path, server: OpenAIServer, outside: dict[str, str], answer: str, code: int, sent: int
) -> None:
    terminal = Terminal(home, "ask", "-m", "far/m", "안녕?", env=outside)
    terminal.waits_for("llm.example")
    terminal.waits_for("[y/N] ")
    terminal.types(f"{answer}\n")
    assert terminal.ends() == code
    assert len(server.requests) == sent
    assert ("안녕하세요" in terminal.shown) == bool(sent)


def test_a_local_model_is_loaded_first_with_progress_on_the_terminal(home: Path, engine: OpenAIServer) -> None:
    adapter_at(home / "adapters" / "job-20")
    engine.script.extend([ready(43), says("서울")])
    terminal = Terminal(home, "ask", "-m", "kullm-5.8b", "--adapter", "job-20", "수도는?", "--input", "글")
    assert terminal.ends() == 0
    assert "모델을 올리는 중 43%" in terminal.shown
    assert terminal.shown.rpartition("\x1b[K")[2] == "서울\r\n"
    load, chat = engine.requests
    assert load.body == {"model": "kullm-5.8b", "adapter": "job-20"}
    assert chat.body["messages"] == [{"role": "user", "content": "수도는?", "input": "글"}]
    assert (chat.body["model"], chat.body["adapter"]) == ("kullm-5.8b", "job-20")
    assert chat.headers["authorization"] == "Bearer engine-token"
    assert messages(home)[1]["template"] == "kullm-v2"


def test_quantising_asks_for_four_bits_whatever_the_configuration_says(home: Path, engine: OpenAIServer) -> None:
    (home / "model").mkdir()
    (home / "model" / "config.json").write_text('{"model_type": "gpt_neox"}')
    (home / "config.toml").write_text('engine = {precision = "bf16"}\n')
    engine.script.append(ready())
    assert kullm(home, "models", "quantize", "./model").returncode == 0
    assert engine.requests[0].body == {"model": str(home / "model"), "precision": "4bit"}


def test_without_a_terminal_there_is_no_progress(home: Path, engine: OpenAIServer) -> None:
    engine.script.extend([ready(), says("서울")])
    done = kullm(home, "ask", "-m", "kullm-5.8b", "수도는?")
    assert (done.returncode, done.stdout, done.stderr) == (0, "서울\n", "")


def test_an_adapter_in_a_folder_is_named_in_full(home: Path, engine: OpenAIServer) -> None:
    adapter_at(home / "my-adapter")
    engine.script.extend([ready(), says("네")])
    kullm(home, "ask", "-m", "kullm-5.8b", "--adapter", "my-adapter", "?")
    assert engine.requests[1].body["adapter"] == str(home / "my-adapter")


@pytest.mark.parametrize("replies", [[Reply([CUT])], [ready(), Reply([CUT])]])
def test_an_engine_that_swallowed_the_question_is_asked_once_more(
    home: Path, engine: OpenAIServer, replies: list[Reply]
) -> None:
    engine.script.extend([*replies, ready(), says("서울입니다.")])
    done = kullm(home, "ask", "-m", "kullm-5.8b", "수도는?")
    assert (done.returncode, done.stdout) == (0, "서울입니다.\n")
    assert [row["state"] for row in messages(home)] == ["complete", "complete"]


@pytest.mark.parametrize(
    "replies", [[Reply([CUT])] * 2, [ready(), Reply([CUT])] * 2, [ready(), Reply([chunk("반쪽"), CUT])]]
)
def test_an_engine_that_dies_is_told_with_the_way_out(home: Path, engine: OpenAIServer, replies: list[Reply]) -> None:
    engine.script.extend(replies)
    done = kullm(home, "ask", "-m", "kullm-5.8b", "수도는?")
    assert done.returncode == 1
    assert "다시 보내면 새로 시작해요" in done.stderr
    assert messages(home)[1]["state"] == "failed"


def test_without_the_local_part_it_says_how_to_install_it(home: Path) -> None:
    code = (
        "import sys, importlib.util as u; real = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'torch' else real(name, *rest);"
        "from kullm_tui.commands.main import main; sys.exit(main(['ask', '-m', 'kullm-5.8b', '?']))"
    )
    done = subprocess.run(
        [COMMAND[0], "-P", "-c", code], capture_output=True, text=True, env=environment(home), timeout=240, check=False
    )
    assert done.returncode == 1
    assert (
        f"{sys.executable} -m pip install -e '{Path(__file__).parents[2]}[local]'" in done.stderr
    )  # where this one is, from where it came
