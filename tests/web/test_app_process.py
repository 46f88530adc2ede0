"""The app behind two pipes: it takes what is typed, and a reader that takes nothing keeps it from nothing."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from kullm_tui.web import app_process
from kullm_tui.web.app_process import AppProcess
from tests.kullm_command import environment

_SECONDS = 240.0


async def test_an_app_that_nobody_reads_keeps_its_draft_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMUX", "/of/the/terminal")
    app = await AppProcess.begin(120, 40)
    drawings = app.drawings()
    await _drawn(drawings, "엇이든")
    assert "TMUX" not in psutil.Process(app.pid).environ()
    await app.look(focused=True)
    await app.type("")
    await app.type("안녕하세요")
    await _drawn(drawings, "안녕하세요")
    for columns in range(60, 160):  # a hundred whole screens, more than a pipe holds
        await app.resize(columns, 40)
    await app.end()

    assert not psutil.pid_exists(app.pid)
    with closing(sqlite3.connect(tmp_path / "kullm.db")) as store:
        assert store.execute("SELECT text FROM drafts").fetchall() == [("안녕하세요",)]


async def _drawn(drawings: AsyncIterator[bytes], text: str) -> None:
    drawn = b""
    async with asyncio.timeout(_SECONDS):
        while text.encode() not in drawn:
            drawn += await anext(drawings)


async def test_an_app_that_hangs_is_made_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app_process, "_SAVING_SECONDS", 0.1)
    monkeypatch.setattr(app_process, "_ENDING_SECONDS", 0.1)
    app = await AppProcess.begin(80, 24)
    await anext(app.drawings())
    os.kill(app.pid, signal.SIGSTOP)
    filling = asyncio.create_task(app.type("가" * 1_000_000))  # more than the pipe and what is before it hold
    async with asyncio.timeout(_SECONDS):
        await app.end()

    assert not psutil.pid_exists(app.pid)
    filling.cancel()
    await asyncio.wait([filling])
