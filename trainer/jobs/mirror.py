"""A job elsewhere, followed into its directory here: what the agent sends is appended, and a mirror's length is how far it has come.

Nothing is lost and nothing doubled, whatever ends when: only one process writes a mirror at a time, it is appended to byte by byte,
and a file that was begun anew is emptied before its new `gen` is put down. A state that is the last one is put down when all else has
come, so that nobody who sees it misses a row. Without any sign of life for a while the way there is given up and tried again, with
longer and longer pauses: the link is stale then, and the job what it was.
"""

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from kullm_tui.core.errors import KullmError
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir, publish, row_of, try_lock
from trainer.jobs.link import LOST_SECONDS, SILENT_SECONDS
from trainer.jobs.registry import known_in, put_down
from trainer.jobs.transports import Transport

_AT_ONCE = 1 << 16
_LONGEST_HEADER = 16 << 20
_HURRY_SECONDS = 0.2
_MORE_ATTEMPTS = 8  # whose logs are asked for before there are any
_NOTE_SECONDS = 5.0  # between two notes of when it was heard
_TICK_SECONDS = 0.25
_ENDING_SECONDS = 5.0


class LinkLost(Exception):
    """Nothing came for too long, the way there ended, or what came is not what an agent sends."""


@dataclass(frozen=True)
class Patience:
    silent: float = SILENT_SECONDS
    ping: float = 5.0
    pause: float = 1.0  # before the first new try; each next is twice as long
    longest_pause: float = 30.0
    lost: float = LOST_SECONDS


def waited(stopping: threading.Event, hurry: threading.Event, seconds: float) -> None:
    """So long, or until one of them is set; what was in a hurry has had its turn then."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not hurry.is_set() and not stopping.wait(_HURRY_SECONDS):
        pass
    hurry.clear()


@dataclass
class Mirror:
    job: JobDirectory
    transport: Transport
    remote: str  # the job's directory there
    patience: Patience = field(default_factory=Patience)
    stopping: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)  # set: the next try is due now
    come: threading.Event = field(default_factory=threading.Event)  # all that was there when it was asked for
    ended: threading.Event = field(default_factory=threading.Event)
    reason: str = ""  # why the way there broke last
    _heard: float = 0.0
    _noted: float = 0.0  # when it was put down that it was heard; 0: not in this stream

    def follow(self) -> None:
        """Until the job has ended and all of it is here, or `stopping`; where another process writes the mirror, in its place once that ends."""
        try:
            with self._alone() as mine:
                if mine:
                    self._until_it_ended()
        finally:
            self.ended.set()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        handle = try_lock(self.job.path / "mirror.lock")
        while handle is None and not self.stopping.wait(0.5):
            handle = try_lock(self.job.path / "mirror.lock")
        try:
            yield handle is not None
        finally:
            if handle is not None:
                os.close(handle)

    def _until_it_ended(self) -> None:
        self._heard, pause = time.monotonic(), self.patience.pause
        while not self.stopping.is_set():
            before = self._heard
            try:
                if self._one_stream():
                    return
                continue  # for the logs of later attempts
            except (LinkLost, KullmError, OSError) as error:
                self.reason = str(error)
            if self._heard > before:
                pause = self.patience.pause
            if time.monotonic() - self._heard > self.patience.lost:
                put_down(self.job, unreachable=True)
            waited(self.stopping, self.hurry, pause)
            pause = min(2 * pause, self.patience.longest_pause)

    def _one_stream(self) -> bool:
        """Whether the end of it came. LinkLost for a way that broke."""
        attempts = int(document(self.job.state).get("attempt") or 0) + _MORE_ATTEMPTS
        asked = wanted(self.job, attempts)
        self._noted = 0.0
        stream = self.transport.stream("follow", self.remote)
        try:
            _say(stream, {"want": asked})
            return self._take(stream, frozenset(asked), attempts)
        finally:
            _end(stream)

    def _take(self, stream: "Popen[bytes]", asked: frozenset[str], attempts: int) -> bool:
        frames = Frames(stream, self.patience, self.stopping)
        last: dict[str, Any] = {}
        for header, body in frames.all():
            self._was_heard()
            if "file" in header:
                if header["file"] not in asked:
                    raise LinkLost("a file that was not asked for")
                append(self.job, header, body)
            elif isinstance(header.get("state"), dict):
                last = header["state"]
                if not states.is_terminal(last):
                    publish(self.job.state, last)
                    if int(last.get("attempt") or 0) >= attempts:
                        return False
            elif header.get("come"):
                self.come.set()
            elif header.get("end"):
                publish(self.job.state, last)
                put_down(self.job, complete=last.get("start"))
                return True
        return False

    def _was_heard(self) -> None:
        self._heard = time.monotonic()
        if not self._noted or self._heard - self._noted > _NOTE_SECONDS:
            self._noted = self._heard
            put_down(self.job, heard=round(time.time(), 3), unreachable=False)


def wanted(job: JobDirectory, attempts: int) -> dict[str, Any]:
    """Each file with what is here of it already."""
    gens = known_in(job).place.get("gen") or {}
    files = [job.events, job.metrics, job.samples, job.gpu, *map(job.log, range(1, attempts + 1))]
    names = [str(file.relative_to(job.path)) for file in files]
    return {name: {"gen": gens.get(name, ""), "off": _size(file)} for name, file in zip(names, files, strict=True)}


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def append(job: JobDirectory, header: dict[str, Any], body: bytes) -> None:
    """LinkLost where it does not go on from what is here."""
    name, gen, off = str(header["file"]), str(header.get("gen")), int(header.get("off") or 0)
    file = job.path / name
    private_dir(file.parent)
    with file.open("ab") as mirror:
        here = mirror.seek(0, os.SEEK_END)
        gens = known_in(job).place.get("gen") or {}
        if off == 0 and (here or gens.get(name) != gen):
            mirror.truncate(0)
            put_down(job, gen={**gens, name: gen})
            here = 0
        if off != here:
            raise LinkLost(f"{name}: {off} is not {here}")
        mirror.write(body)


@dataclass
class Frames:
    """What the agent sends, frame by frame, while it is told now and then that somebody listens."""

    stream: "Popen[bytes]"
    patience: Patience
    stopping: threading.Event
    _come: bytearray = field(default_factory=bytearray)
    _pinged: float = 0.0

    def all(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Until `stopping`. LinkLost when nothing came for too long, or the stream ended."""
        while True:
            header = self._header()
            if header is None:
                return
            length = int(header.get("bytes") or 0)
            while len(self._come) < length:
                if not self._more():
                    return
            body = bytes(self._come[:length])
            del self._come[:length]
            yield header, body

    def _header(self) -> dict[str, Any] | None:
        """None when it is to stop. A shell's greeting in front of it is passed over."""
        seen = 0
        while True:
            end = self._come.find(b"\n", seen)
            if end >= 0:
                header = row_of(bytes(self._come[:end]))
                del self._come[: end + 1]
                seen = 0
                if header is not None:
                    return header
                continue
            seen = len(self._come)
            if seen > _LONGEST_HEADER:
                raise LinkLost("no frame")
            if not self._more():
                return None

    def _more(self) -> bool:
        """False when it is to stop."""
        output = self.stream.stdout
        assert output is not None
        deadline = time.monotonic() + self.patience.silent
        while not self.stopping.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkLost("silent")
            if select.select([output], [], [], min(left, _TICK_SECONDS))[0]:
                data = os.read(output.fileno(), _AT_ONCE)
                if not data:
                    raise LinkLost("ended")
                self._come += data
                self._ping_if_due()
                return True
            self._ping_if_due()
        return False

    def _ping_if_due(self) -> None:
        now = time.monotonic()
        if now - self._pinged >= self.patience.ping:
            self._pinged = now
            _write(self.stream, b"\n")


def _say(stream: "Popen[bytes]", question: dict[str, Any]) -> None:
    _write(stream, json.dumps(question).encode() + b"\n")


def _write(stream: "Popen[bytes]", data: bytes) -> None:
    assert stream.stdin is not None
    try:
        stream.stdin.write(data)
        stream.stdin.flush()
    except OSError as error:
        raise LinkLost("ended") from error


def _end(stream: "Popen[bytes]") -> None:
    """It ends by itself when its stdin does; a way that hangs is killed."""
    for end in (stream.stdin, stream.stdout):
        if end is not None:
            with contextlib.suppress(OSError):
                end.close()
    stream.terminate()
    try:
        stream.wait(_ENDING_SECONDS)
    except TimeoutExpired:
        stream.kill()
        stream.wait()
