"""`kullm web`: the app in a browser on this machine, behind an address that opens once."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from kullm_tui.core.desktop import open_on_desktop
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.extras import require_web
from kullm_tui.core.language import say
from kullm_tui.core.paths import state_dir
from kullm_tui.core.text import terminal_safe

_HIGHEST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help=say("포트 (0: 빈 포트)", "the port (0: any free one)"))
    parser.add_argument(
        "--no-open",
        action="store_true",
        help=say("브라우저를 열지 않고 주소만 표시해요", "show the address and open no browser"),
    )


def run(args: argparse.Namespace) -> int:
    if not 0 <= args.port <= _HIGHEST_PORT:
        raise UsageError(
            say(f"--port는 0에서 {_HIGHEST_PORT} 사이여야 해요.", f"--port goes from 0 to {_HIGHEST_PORT}.")
        )
    require_web()
    from kullm_tui.web.server import serve

    with _leading_page() as leading_page:

        async def tell(address: str) -> None:
            print(address, flush=True)
            print(_advice(), file=sys.stderr, flush=True)
            if not args.no_open:
                await asyncio.to_thread(_open, leading_page, address)

        asyncio.run(serve(args.port, tell))
    return 0


def _advice() -> str:
    return say(
        "이 주소는 한 번만 열려요. 탭마다 앱이 하나씩 열리고, 탭을 닫으면 그 앱도 끝나요. 모두 끝내려면 여기서 Ctrl+C를 누르세요.\n"
        "^n, ^t, ^w, F11은 브라우저가 가져가요. 새 대화 같은 명령은 ^p에서 찾으세요. 한글 입력은 Chromium에서 시험했어요.",
        "This address opens once. Each tab has an app of its own, which ends when the tab is closed. Ctrl+C here ends all of them.\n"
        "The browser keeps ^n, ^t, ^w and F11 for itself: find a new conversation and the like with ^p. Typing Korean was tried in Chromium.",
    )


@contextlib.contextmanager
def _leading_page() -> Iterator[Path]:
    """A file that only its owner reads, for the browser's own command line, which others on the machine can read, to name in place of the address."""
    path = state_dir() / f"web-{os.getpid()}.html"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _open(leading_page: Path, address: str) -> None:
    try:
        descriptor = os.open(leading_page, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">')
        open_on_desktop(leading_page)
    except (OSError, KullmError) as error:
        print(terminal_safe(str(error)), file=sys.stderr, flush=True)
