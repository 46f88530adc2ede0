"""The workers' edge: faults are told, a bug is told and its traceback kept."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.ui import start
from kullm_tui.ui.background import apart, fault_of


async def _raises(error: Exception) -> None:
    raise error


async def test_what_was_said_for_people_is_told_as_it_is() -> None:
    error = UsageError("이렇게 하세요.")
    assert await fault_of(_raises(error)) is error
    full = OSError(28, "No space left on device")
    assert await fault_of(_raises(full)) is full


async def test_a_bug_is_told_and_its_traceback_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    ours = logging.getLogger("kullm_tui")
    before = list(ours.handlers)
    try:
        start._keep_a_log()
        fault = await fault_of(_raises(ZeroDivisionError("0으로 나눔")))
    finally:
        for handler in [one for one in ours.handlers if one not in before]:
            ours.removeHandler(handler)
            logging.getLogger("evaluator").removeHandler(handler)
            handler.close()
    assert isinstance(fault, KullmError)
    [log] = tmp_path.glob("**/app.log")
    assert str(log) in str(fault)
    assert "ZeroDivisionError: 0으로 나눔" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


async def test_nothing_wrong_is_nothing_told() -> None:
    async def fine() -> None:
        pass

    assert await fault_of(fine()) is None


async def test_work_aside_gives_its_result_or_its_error_to_whoever_waits() -> None:
    assert await apart(lambda: threading.current_thread().daemon) is True
    error = UsageError("이렇게 하세요.")

    def fails() -> None:
        raise error

    assert await fault_of(apart(fails)) is error


def test_the_end_of_the_app_waits_for_no_work_aside() -> None:
    """A machine that is silent for minutes holds up nobody who quits."""
    released = threading.Event()

    async def quits() -> None:
        waiting = asyncio.create_task(_aside(released))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(quits())
    assert not released.is_set()
    released.set()


async def _aside(released: threading.Event) -> None:
    await apart(lambda: released.wait(600))
