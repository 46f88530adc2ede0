"""One app behind two pipes, for one tab: Textual's packets to it and from it, and its end, which is waited for.

to the app      D, length in four bytes, what a terminal would send · M, length, a JSON object: resize, focus, blur, quit
from the app    anything up to the marker's line, then D, length, what a terminal would draw
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping

_MARKER = b"__GANGLION__\n"
_MOST_CELLS = 1000
_SAVING_SECONDS = 10.0
_ENDING_SECONDS = 6.0
# What the terminal of `kullm web` says of itself would have the app speak to tmux, or to a terminal that is not there.
_OF_THE_TERMINAL = (
    "GHOSTTY_RESOURCES_DIR", "KITTY_WINDOW_ID", "LC_TERMINAL", "LC_TERMINAL_VERSION", "STY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION",
    "TMUX", "TMUX_PANE", "VTE_VERSION", "WEZTERM_PANE",
)  # fmt: skip


class AppProcess:
    def __init__(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdin
        assert child.stdout
        self._child = child
        self._keys, self._drawing = child.stdin, child.stdout

    @classmethod
    async def begin(cls, columns: int, lines: int) -> "AppProcess":
        """In a session of its own: ctrl-c in the terminal ends it through us, with all that it has to save. What it says on stderr is the terminal's."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "kullm_tui.ui"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(os.environ, columns, lines),
            start_new_session=True,
        )
        return cls(child)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def drawings(self) -> AsyncIterator[bytes]:
        """Until the app has ended."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._drawing.readuntil(_MARKER)
            while True:
                head = await self._drawing.readexactly(5)
                payload = await self._drawing.readexactly(int.from_bytes(head[1:], "big"))
                if head[:1] == b"D":
                    yield payload

    async def type(self, text: str) -> None:
        """Nothing at all would be the end of the input to Textual's parser, and the terminal in the page sends that now and then."""
        if text:
            await self._send(b"D", text.encode(errors="replace"))

    async def resize(self, columns: int, lines: int) -> None:
        await self._tell({"type": "resize", "width": bounded(columns), "height": bounded(lines)})

    async def look(self, *, focused: bool) -> None:
        await self._tell({"type": "focus" if focused else "blur"})

    async def end(self) -> None:
        """Asked to, then told to, then made to: by its own id."""
        self._put(b"M", b'{"type": "quit"}')  # not waited for: one that hangs takes nothing
        for seconds, go in ((_SAVING_SECONDS, self._child.terminate), (_ENDING_SECONDS, self._child.kill)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended()
                return
            with contextlib.suppress(ProcessLookupError):
                go()
        await self._ended()

    async def _ended(self) -> None:
        """What it still draws is read and dropped, or it would wait for a reader instead of ending."""
        while await self._drawing.read(65_536):
            pass
        await self._child.wait()
        self._keys.close()

    async def _tell(self, what: Mapping[str, str | int]) -> None:
        await self._send(b"M", json.dumps(what).encode())

    async def _send(self, kind: bytes, payload: bytes) -> None:
        self._put(kind, payload)
        await self._keys.drain()

    def _put(self, kind: bytes, payload: bytes) -> None:
        self._keys.write(kind + len(payload).to_bytes(4, "big") + payload)


def bounded(cells: object) -> int:
    """A width or height that somebody sent as something that can be drawn on."""
    return min(max(cells, 1), _MOST_CELLS) if isinstance(cells, int) else 1


def _environment(ours: Mapping[str, str], columns: int, lines: int) -> dict[str, str]:
    return {
        **{name: value for name, value in ours.items() if name not in _OF_THE_TERMINAL},
        "TERM": "xterm-256color",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "COLUMNS": str(bounded(columns)),
        "ROWS": str(bounded(lines)),
    }
