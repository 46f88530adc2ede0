"""Downloads that outlive the screen that began them, one after another, each in a thread of its own.

What has arrived stays on the disk in the hub's own cache: a download that was paused, failed, or ended with the app goes on
there. A thread that waits for a silent server cannot be hurried, so pausing is said at once and the thread ends when it can.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from kullm_tui.core.errors import GatedModel, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.download import fetch, fetch_plan
from kullm_tui.core.models.resolve import ModelRef, Profile
from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.models.works import Works

State = Literal["waiting", "running", "paused", "done", "failed"]

_SPEED_SECONDS = 5.0
_SAMPLE_SECONDS = 0.2


class _Stopped(Exception):
    """What the progress of a paused download raises to end it."""


@dataclass
class Download:
    """One model on its way here. Its thread writes the numbers, everybody reads them."""

    name: str
    plan: tuple[Profile, ...]  # an adapter's base comes with it
    state: State = "waiting"
    step: int = 0
    done: int = 0
    total: int = 0
    error: str = ""
    gate: str = ""  # the page where the licence has to be accepted
    _samples: tuple[tuple[float, int], ...] = field(
        default=(), repr=False
    )  # replaced, never changed: two threads see it
    _thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def checking(self) -> bool:
        """All bytes are here, and are being compared with what the hub announced."""
        return self.state == "running" and 0 < self.total <= self.done

    @property
    def speed(self) -> float:
        """Bytes a second, over the last few seconds; 0 while nothing comes."""
        samples = self._samples
        if len(samples) < 2 or time.monotonic() - samples[-1][0] > _SPEED_SECONDS:
            return 0.0
        (begin, first), (end, last) = samples[0], samples[-1]
        return max(0.0, (last - first) / (end - begin))

    @property
    def rest_seconds(self) -> float | None:
        speed = self.speed
        return (self.total - self.done) / speed if speed else None

    def take(self, done: int, total: int) -> None:
        """For the thread: how far it is."""
        if self.state != "running":
            raise _Stopped
        self.done, self.total = done, total
        now, samples = time.monotonic(), self._samples
        if not samples or now - samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples = (*(one for one in samples if now - one[0] <= _SPEED_SECONDS), (now, done))


class Downloads(Works[Download]):
    def start(self, ref: ModelRef) -> Download:
        """Fetch the model when its turn comes, going on from what is here. UsageError for what does not come from the hub."""
        plan, before = fetch_plan(ref), self._all.get(ref.name)
        if before and before.active:
            return before
        # The old one's thread may still be on its way out, and holds the repository until then.
        download = self._all[ref.name] = Download(ref.name, plan, _thread=before._thread if before else None)
        self._run_next()
        return download

    def pause(self, name: str) -> None:
        download = self.under_way(name)
        if download:
            download.state = "paused"
            self._run_next()

    def resume(self, name: str) -> None:
        """A paused or failed download goes on, after those that are already queued."""
        download = self._all.get(name)
        if download and download.state in ("paused", "failed"):
            download.state, download.error, download.gate = "waiting", "", ""
            self._all[name] = self._all.pop(name)
            self._run_next()

    def close(self) -> None:
        """The app ends: what runs stops at its next bytes, or with the process."""
        for download in self._all.values():
            if download.active:
                download.state = "paused"

    def _run_next(self) -> None:
        if any(download.state == "running" for download in self._all.values()):
            return
        ready = (one for one in self._all.values() if one.state == "waiting" and not _is_alive(one._thread))
        download = next(ready, None)
        if download:
            download.state = "running"
            download._samples = ()
            loop, context = asyncio.get_running_loop(), contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._fetch, download, loop), daemon=True, name=f"download {download.name}"
            )
            download._thread = thread
            thread.start()

    def _fetch(self, download: Download, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread."""
        failure: KullmError | None = None
        whole = False
        try:
            for number, profile in enumerate(download.plan):
                download.step = number
                fetch(profile, progress=download.take)
            whole = True
        except _Stopped:
            pass
        except KullmError as error:
            failure = error
        finally:
            with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
                loop.call_soon_threadsafe(self._settle, download, whole, failure)

    def _settle(self, download: Download, whole: bool, failure: KullmError | None) -> None:
        thread, download._thread = download._thread, None
        if thread:
            thread.join()  # it has nothing left to do
        told = False
        if whole:
            download.state, told = "done", True
        elif download.state == "running":
            download.state, told = "failed", True
            download.error = terminal_safe(str(failure)) if failure else _unexpected()
            download.gate = terminal_safe(failure.page) if isinstance(failure, GatedModel) else ""
        self._run_next()
        if told:
            self._ended(download)


def _is_alive(thread: threading.Thread | None) -> bool:
    return thread is not None and thread.is_alive()


def _unexpected() -> str:
    return say(
        "kullm 안의 오류로 멈췄어요. 다시 시도하거나 `kullm models pull`에 --debug를 붙여 자세히 보세요.",
        "It stopped because of a bug in kullm. Try again, or see the details with `kullm models pull --debug`.",
    )
