"""A job's files sent as they grow, from where the other side has them: whole lines, frames of JSON and bytes, a sign of life in between.

    → {"want": {"metrics.jsonl": {"gen": "…", "off": 1234}, …}}        then a line every few seconds: I am still here
    ← {"file": "metrics.jsonl", "gen": "…", "off": 1234, "bytes": 57}⏎ and 57 bytes;   {"state": …};   {"alive": true}
    ← {"come": true} once all that was there has come;   {"end": true} when nothing more will

`gen` changes where a file was begun anew or became shorter, and then it comes again from nought.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
import zlib
from typing import Any, BinaryIO

from trainer.jobs.agent import states
from trainer.jobs.agent.diagnosis import diagnosed
from trainer.jobs.agent.directory import JobDirectory

ALIVE_SECONDS = 2.0
SILENT_SECONDS = 60.0  # the other side said nothing for so long: it is gone, and this ends
_TICK_SECONDS = 0.25
_AT_ONCE = 1 << 20
_HEAD = 4096


class Follower:
    def __init__(self, job: JobDirectory, want: dict[str, Any], output: BinaryIO) -> None:
        self.job, self.output = job, output
        self.places: dict[str, tuple[str, int]] = {
            name: (str(at.get("gen") or ""), int(at.get("off") or 0)) for name, at in want.items() if _is_ours(name)
        }
        self.state: dict[str, Any] = {}
        self.come = False
        self.spoke = 0.0

    def run(self, listening: Any) -> None:
        """Until the job has ended and all of it was sent, or the other side is gone."""
        heard = time.monotonic()
        while time.monotonic() - heard < SILENT_SECONDS:
            state = diagnosed(self.job, waits=False)
            more = [self._send_new(name) for name in list(self.places)]
            if state != self.state:
                self.state = state
                self._frame({"state": state})
            if not (self.come or any(more)):
                self.come = True
                self._frame({"come": True})
            if states.is_terminal(state) and not state.get("saving") and not any(more):
                self._send_rests()
                return self._frame({"end": True})
            if time.monotonic() - self.spoke > ALIVE_SECONDS:
                self._frame({"alive": True})
            if select.select([listening], [], [], 0.0 if any(more) else _TICK_SECONDS)[0]:
                if not os.read(listening.fileno(), 4096):
                    return None
                heard = time.monotonic()
        return None

    def _send_new(self, name: str) -> bool:
        """Whether there is more to send at once."""
        try:
            with (self.job.path / name).open("rb") as file:
                size, now = os.fstat(file.fileno()).st_size, _generation(file)
                gen, off = self.places[name]
                if gen != now or size < off:
                    gen, off = now, 0
                file.seek(off)
                data = file.read(_AT_ONCE)
        except OSError:
            return False
        whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == _AT_ONCE else b"")
        if whole or self.places[name] != (gen, off):
            self._frame({"file": name, "gen": gen, "off": off, "bytes": len(whole)}, whole)
        self.places[name] = (gen, off + len(whole))
        return len(data) == _AT_ONCE

    def _send_rests(self) -> None:
        """Of logs: the half line that a trainer ended with is its last word, and nothing follows it."""
        for name in [name for name in self.places if name.endswith(".log")]:
            gen, off = self.places[name]
            try:
                with (self.job.path / name).open("rb") as file:
                    file.seek(off)
                    data = file.read(_AT_ONCE)
            except OSError:
                continue
            if data:
                self._frame({"file": name, "gen": gen, "off": off, "bytes": len(data)}, data)

    def _frame(self, header: dict[str, Any], body: bytes = b"") -> None:
        self.output.write(json.dumps(header, ensure_ascii=False).encode("utf-8") + b"\n" + body)
        self.output.flush()
        self.spoke = time.monotonic()


def _generation(file: BinaryIO) -> str:
    """By its beginning too: a file system gives the number of a removed file to the next one."""
    head = file.read(_HEAD)
    end = head.find(b"\n")
    first = head[: end + 1] if end >= 0 else head if len(head) == _HEAD else b""
    return f"{os.fstat(file.fileno()).st_ino}-{zlib.crc32(first):08x}"


def _is_ours(name: str) -> bool:
    """No way out of the job's folder."""
    return not name.startswith("/") and ".." not in name.split("/")


def follow(job: JobDirectory) -> None:
    line = sys.stdin.buffer.readline()
    want = json.loads(line or b"{}").get("want") or {}
    Follower(job, want, sys.stdout.buffer).run(sys.stdin.buffer)
