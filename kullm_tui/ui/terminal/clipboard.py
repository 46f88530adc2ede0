"""Puts text on the clipboard of whoever sits at the terminal, wherever the app runs.

Over SSH only the terminal can reach that clipboard: OSC 52, through tmux and screen if they stand in between. On this machine the system's own
program is surer, for it says whether it worked; so does tmux, which hands on what is in its buffer. Where neither is to be had, the text goes to a file. Text goes to programs on stdin,
never as an argument, which other users of the machine could read.
"""

import asyncio
import base64
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from textual.app import App

from kullm_tui.core.causes import cause_of
from kullm_tui.core.desktop import is_remote
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.paths import state_dir

_LARGEST_OSC_52 = (
    74_994  # bytes of text: what xterm, iTerm2 and tmux take at least (100,000 characters of base64 with the frame)
)
_SCREEN_PIECE = 76  # GNU screen drops a longer string in one DCS
_WAIT = 2.0  # seconds for a program that holds the clipboard
_NO_OSC_52 = ("linux", "dumb", "vt100", "vt220")


async def copy(app: App[Any], text: str) -> str:
    """Copies, and says in a sentence how it went."""
    if not text:
        return say("복사할 것이 없어요", "nothing to copy")
    environment = os.environ
    program = await _by_program(text, environment)
    if program and program != "tmux":
        return say(f"복사했어요 · {program}", f"copied · {program}")
    terminal = app._driver
    small = len(text.encode()) <= _LARGEST_OSC_52
    if terminal is not None and small and environment.get("TERM", "dumb") not in _NO_OSC_52:
        terminal.write("".join(osc_52(text, environment)))
        terminal.flush()
        way = "tmux · OSC 52" if program else "OSC 52"
        return say(f"복사했어요 · {way}", f"copied · {way}")
    if program:
        return say("tmux 버퍼에 복사했어요", "copied into tmux's buffer")
    return await asyncio.to_thread(_into_file, text, small)


def osc_52(text: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The bytes that ask the terminal to keep the text."""
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
    if environment.get("TMUX"):
        yield sequence  # tmux keeps it in its own buffer and, with set-clipboard, passes it on
    yield from passed_on(sequence, environment)


def passed_on(sequence: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The same for the terminal itself, wrapped for what stands between it and us."""
    if environment.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        yield f"\x1bPtmux;{doubled}\x1b\\"  # goes through with allow-passthrough
    elif environment.get("STY"):
        for start in range(0, len(sequence), _SCREEN_PIECE):
            yield f"\x1bP{sequence[start : start + _SCREEN_PIECE]}\x1b\\"
    else:
        yield sequence


def programs(environment: Mapping[str, str], platform: str = sys.platform) -> Iterator[tuple[str, ...]]:
    """What may reach the user's clipboard from here, the surest first."""
    if not is_remote(environment):
        yield from _local_programs(environment, platform)
    if environment.get("TMUX"):
        yield ("tmux", "load-buffer", "-w", "-")


def _local_programs(environment: Mapping[str, str], platform: str) -> Iterator[tuple[str, ...]]:
    if platform == "darwin":
        yield ("pbcopy",)
    if environment.get("WAYLAND_DISPLAY"):
        yield ("wl-copy",)
    if environment.get("DISPLAY"):
        yield ("xclip", "-selection", "clipboard")
        yield ("xsel", "--clipboard", "--input")
    if environment.get("WSL_DISTRO_NAME") or environment.get("WSL_INTEROP"):
        yield ("clip.exe",)


async def _by_program(text: str, environment: Mapping[str, str]) -> str | None:
    for command in programs(environment):
        if shutil.which(command[0]) and await _fed(command, text):
            return command[0]
    return None


async def _fed(command: tuple[str, ...], text: str) -> bool:
    # clip.exe takes the console's code page for anything but UTF-16 with its mark.
    data = text.encode("utf-16") if command[0] == "clip.exe" else text.encode()
    nowhere = asyncio.subprocess.DEVNULL
    try:
        # xclip and wl-copy stay behind as the clipboard's owner: their output must not be ours to wait for.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nowhere, stderr=nowhere
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(_WAIT):
            await process.communicate(data)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0


def _into_file(text: str, small: bool) -> str:
    reason = (
        say("이 터미널로는 복사할 수 없어서", "this terminal has no clipboard")
        if small
        else say("너무 길어서 복사하지 못하고", "too long for the terminal's clipboard")
    )
    try:
        path = state_dir() / "copied.txt"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, KullmError) as error:
        return say(f"복사하지 못했어요: {cause_of(error)}", f"not copied: {cause_of(error)}")
    return say(f"{reason} 파일로 저장했어요: {path}", f"{reason}, written to {path}")
