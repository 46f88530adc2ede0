"""The user's own engine: elected once, survives its starter, ends when idle, and is replaced when it dies."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import torch

from kullm_tui import __version__
from kullm_tui.core.asking.exchange import Starting, exchange
from kullm_tui.core.asking.target import resolve
from kullm_tui.core.asking.thinking import Delta
from kullm_tui.core.endpoints.client import engine_endpoint, stream_chat
from kullm_tui.core.endpoints.endpoint import Finished, LoadProgress
from kullm_tui.core.endpoints.local_engine import (
    EngineFiles,
    EngineState,
    await_end,
    ensure_engine,
    hold_alive_lock,
    running_engine,
    stop_engine,
)
from kullm_tui.core.endpoints.local_health import engine_health
from kullm_tui.core.errors import EngineGone
from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from tests.engine.server import wait_until
from tests.tiny_models import Shape, save_model

QUESTION = [Message("user", "대한민국의 수도는 어디인가요?")]
STARTER = "from kullm_tui.core.endpoints.local_engine import ensure_engine; print(ensure_engine().pid)"


@pytest.fixture(autouse=True)
def no_engine_is_left(home: Path) -> Iterator[None]:
    yield
    if home.exists():
        stop_engine()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slow enough that a reply can be interrupted."""
    shape = Shape(hidden=256, layers=12, heads=4, context=2048)
    return save_model(tmp_path_factory.mktemp("slow"), "gpt_neox", shape=shape, dtype=torch.bfloat16)


def test_two_started_at_once_share_one_engine_twenty_times() -> None:
    for _ in range(20):
        starters = [
            subprocess.Popen([sys.executable, "-P", "-c", STARTER], stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        pids = {starter.communicate(timeout=240)[0] for starter in starters}
        assert len(pids) == 1
        assert stop_engine()


def test_it_says_that_it_imports_until_it_serves() -> None:
    """Its libraries take seconds, and twenty from a cold disk: whoever waits is told."""
    started = ensure_engine()
    assert started.phase == "importing"
    wait_until(lambda: (running_engine() or started).phase == "serving", seconds=120)
    state = running_engine()
    assert state
    assert (state.pid, state.url, state.token) == (started.pid, started.url, started.token)
    assert engine_health() is not None


async def test_each_phase_before_the_first_word_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    with Store(tmp_path / "kullm.db") as store:
        conversation = store.create_conversation("수도")
        turn = store.add_user_turn(conversation.id, QUESTION[0], parent_id=None)
        target = resolve("demo-kullm", ())
        with store.open_reply(conversation.id, turn, ReplySource(target.name, None, target.template, {})) as journal:
            async for piece in exchange(target, QUESTION, {}, journal):
                phase: str = piece.phase if isinstance(piece, Starting) else ""
                if isinstance(piece, LoadProgress):
                    phase = piece.phase or piece.status
                elif isinstance(piece, Delta):
                    phase = "word"
                told += [phase] if phase and phase not in told else []
            journal.finish("complete")
    assert told[:3] == ["process", "importing", "open"]
    assert told[-2:] == ["ready", "word"]


def test_the_engine_survives_whoever_started_it_and_its_token_is_private() -> None:
    pid = int(subprocess.run([sys.executable, "-P", "-c", STARTER], capture_output=True, text=True, check=True).stdout)
    state, files = running_engine(), EngineFiles()
    assert state
    assert state.pid == pid
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert state.token not in repr(state)
    assert os.getsid(pid) != os.getsid(0), "ctrl-c in this terminal must not reach it"


def test_api_keys_do_not_reach_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    state = ensure_engine()
    assert b"sk-secret" not in Path(f"/proc/{state.pid}/environ").read_bytes()


def test_kill_9_in_mid_stream_is_told_and_the_next_question_works(slow_model: Path) -> None:
    """How soon is for bench/moments.py; here: by the connection that closes, and not by a time-out, which is longer than this test."""
    killed = False

    async def ask(state: EngineState, *, tokens: int, kill: bool) -> str:
        nonlocal killed
        text = ""
        endpoint = engine_endpoint(state.url, state.token)
        decoding = {"max_tokens": tokens, "logit_bias": {"0": -100}}
        asked = stream_chat(endpoint, model=str(slow_model), messages=QUESTION, decoding=decoding, quiet_seconds=3600)
        async for event in asked:
            if isinstance(event, Delta):
                text += event.text
                if kill and not killed:
                    os.kill(state.pid, signal.SIGKILL)
                    killed = True
        return text

    first = ensure_engine()
    with pytest.raises(EngineGone, match="엔진"):
        asyncio.run(ask(first, tokens=900, kill=True))
    await_end(first)  # as whoever asks does: its connection goes a moment before its lock
    second = ensure_engine()
    assert second.pid != first.pid
    assert asyncio.run(ask(second, tokens=8, kill=False))


def test_ctrl_c_in_one_leaves_the_others_reply_alone(slow_model: Path) -> None:
    command = [sys.executable, "-P", "-m", "kullm_tui", "ask", "-m", str(slow_model), "--max-tokens", "600", "--json"]
    ensure_engine()
    asking = [
        subprocess.Popen([*command, "길게 말해 주세요"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert wait_until(lambda: _active_requests() == 2)
    asking[0].send_signal(signal.SIGINT)
    _, interrupted_error = asking[0].communicate(timeout=240)
    whole, other_error = asking[1].communicate(timeout=240)
    assert asking[0].returncode == 130
    assert "Traceback" not in interrupted_error
    assert asking[1].returncode == 0, other_error
    assert '"completion_tokens": 600' in whole or '"finish_reason": "stop"' in whole


def _active_requests() -> int:
    import httpx2

    state = running_engine()
    if state is None:
        return 0
    health = httpx2.get(f"{state.url}/health", headers={"Authorization": f"Bearer {state.token}"}, timeout=240).json()
    return int(health["active_requests"])


def test_an_idle_engine_ends_by_itself(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text("[engine]\nidle_minutes = 0.05\n")
    state = ensure_engine()
    assert wait_until(lambda: running_engine() is None)
    assert not EngineFiles().state.exists()
    assert wait_until(lambda: _has_ended(state.pid))


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return not Path(f"/proc/{pid}").exists()


def test_an_engine_that_is_ending_is_replaced_not_asked(slow_model: Path) -> None:
    async def ask(state: EngineState) -> list[object]:
        decoding = {"max_tokens": 3}
        endpoint = engine_endpoint(state.url, state.token)
        return [
            event async for event in stream_chat(endpoint, model=str(slow_model), messages=QUESTION, decoding=decoding)
        ]

    first = ensure_engine()
    asyncio.run(ask(first))
    os.kill(first.pid, signal.SIGTERM)
    assert wait_until(lambda: running_engine() is None), "its address goes first"
    second = ensure_engine()
    assert second.pid != first.pid
    assert isinstance(asyncio.run(ask(second))[-1], Finished)


def test_a_question_to_an_engine_that_dies_before_it_answers_is_asked_again(slow_model: Path) -> None:
    first = ensure_engine()
    os.kill(first.pid, signal.SIGSTOP)  # it takes the question and says nothing …
    command = [sys.executable, "-P", "-m", "kullm_tui", "ask", "-m", str(slow_model), "--max-tokens", "5", "안녕"]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: _is_connected(asking.pid, first))
    os.kill(first.pid, signal.SIGKILL)  # … and is gone
    answer, narration = asking.communicate(timeout=240)
    assert asking.returncode == 0, narration
    assert answer.strip()


def test_one_that_breaks_off_and_still_holds_its_lock_is_waited_for_not_asked_again(slow_model: Path) -> None:
    """The kernel closes what a killed process had open in an order of its own."""
    files = EngineFiles()
    command = [sys.executable, "-P", "-m", "kullm_tui", "ask", "-m", str(slow_model), "--max-tokens", "5", "안녕"]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        lock = hold_alive_lock(files)
        assert lock is not None
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        files.publish(EngineState(2**22, url, "token", __version__, "serving"))
        asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        listening.settimeout(240)
        listening.accept()[0].close()
    time.sleep(0.5)  # … longer than a second try takes to find nobody there
    os.close(lock)
    answer, narration = asking.communicate(timeout=240)
    assert asking.returncode == 0, narration
    assert answer.strip()


def _is_connected(pid: int, engine: EngineState) -> bool:
    connections = psutil.Process(pid).net_connections("tcp")
    return any(one.raddr and one.raddr.port == urlsplit(engine.url).port for one in connections)


def test_an_engine_that_cannot_start_says_why(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text("[engine]\nidle_minuets = 3\n")
    with pytest.raises(Exception, match="idle_minuets"):
        ensure_engine()


def test_a_stream_that_ends_well_is_finished(slow_model: Path) -> None:
    state = ensure_engine()

    async def last_event() -> object:
        last: object = None
        async for event in stream_chat(
            engine_endpoint(state.url, state.token),
            model=str(slow_model),
            messages=QUESTION,
            decoding={"max_tokens": 3},
        ):
            last = event
        return last

    assert isinstance(asyncio.run(last_event()), Finished)
