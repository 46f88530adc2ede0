"""A build in a process of its own, for a program that has a screen to keep up with: it is told, asked and stopped in lines of JSON.

    to the child     {"answer": true}   {"stop": true}
    from the child   {"progress": …}   {"price": …}   {"error": …, "stopped": …}   {"done": true}

What the libraries of a build print goes into its log. It stops when the program that began it is gone, and keeps what it did.
"""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, Any

from data.builder.progress import BuildStopped, Progress
from data.builder.stage import Counts
from data.lines import line_of, told_in
from data.priced import Price
from data.translate.progress import Estimate
from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

_CHILD = "kullm_tui.commands.data.child"  # it knows the questions of evaluations, which nothing here does
_LOOK_SECONDS = 0.2
_LAST_WORDS_SECONDS = 10.0


def make_apart(
    name: str, *, told: Callable[[Progress], None], agree: Callable[[Price], bool], stop: threading.Event
) -> None:
    """Blocks until it is built. BuildStopped where it was stopped, KullmError where it failed."""
    log = paths.private_dir(paths.state_dir() / "data") / "build.log"
    with log.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", _CHILD, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # ctrl-c is not meant for it
        )
    try:
        _follow(child, told, agree, stop)
    finally:
        _end(child)


def _follow(
    child: "subprocess.Popen[bytes]",
    told: Callable[[Progress], None],
    agree: Callable[[Price], bool],
    stop: threading.Event,
) -> None:
    assert child.stdin
    assert child.stdout
    messages: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(child.stdout, messages), daemon=True).start()
    is_stopping = False
    while True:
        if stop.is_set() and not is_stopping:
            _say(child.stdin, {"stop": True})
            is_stopping = True
        try:
            message = messages.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if "progress" in message:
            told(_progress(message["progress"]))
        elif "price" in message:
            _say(child.stdin, {"answer": agree(_price(message["price"]))})
        elif "error" in message:
            raise (BuildStopped if message["stopped"] else KullmError)(message["error"])
        elif message.get("done"):
            return
        else:
            raise KullmError(_gone())


def _read(lines: IO[bytes], messages: "queue.Queue[Mapping[str, Any]]") -> None:
    for line in lines:
        messages.put(told_in(line))
    messages.put({})


def _say(pipe: IO[bytes], message: Mapping[str, Any]) -> None:
    try:
        pipe.write(line_of(message))
        pipe.flush()
    except BrokenPipeError:  # it has ended, and its last words are on their way
        return


def progress_message(progress: Progress) -> dict[str, Any]:
    return {"progress": asdict(progress)}


def _progress(message: Mapping[str, Any]) -> Progress:
    return Progress(**{**message, "counts": Counts(**message["counts"])})


def price_message(price: Price) -> dict[str, Any]:
    return {"price": asdict(price)}


def _price(message: Mapping[str, Any]) -> Price:
    return Price(**{**message, "estimate": Estimate(**message["estimate"])})


def _gone() -> str:
    log = paths.state_dir() / "data" / "build.log"
    return say(
        f"만들던 프로세스가 갑자기 끝났어요. 다시 시작하면 이어서 만들어요. 자세한 기록: {log}",
        f"the process that built it has died. Begin again and it goes on. The details: {log}",
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """It stops by itself once nobody speaks to it; it is not waited for without end."""
    for pipe in (child.stdin, child.stdout):
        if pipe:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        child.wait(_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def private_output() -> int:
    """Of a child: what it says goes there, and what anybody prints goes into the log."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return ours
