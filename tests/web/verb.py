"""`kullm web` as somebody runs it: its address, its end."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kullm_command import COMMAND, environment

_SECONDS = 240.0


class WebVerb:
    def __init__(self, home: Path, *, opens: bool = False, env: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._options = () if opens else ("--no-open",)
        self._environment = environment(home, **(env or {}))

    async def __aenter__(self) -> Self:
        self._child = await asyncio.create_subprocess_exec(
            *(*COMMAND, "web", *self._options),
            env=self._environment,
            cwd=self._home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._child.stdout
        async with asyncio.timeout(_SECONDS):
            self.address = (await self._child.stdout.readline()).decode().strip()
        self.origin = self.address.partition("/?")[0]
        self.pid = self._child.pid
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.returncode is None:
            self._child.send_signal(signal.SIGTERM)
        await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(_SECONDS):
            return await self._child.wait()
