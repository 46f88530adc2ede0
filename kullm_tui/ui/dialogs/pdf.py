"""The text of a PDF, by poppler's `pdftotext`, where it is installed."""

import subprocess
from pathlib import Path

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

BEGINS = b"%PDF-"
LARGEST_BYTES = 50_000_000
_SECONDS = 60


def text_of(path: Path, name: str) -> bytes:
    """UTF-8, pages apart by a blank line."""
    command = ["pdftotext", "-enc", "UTF-8", "-nopgbrk", str(path.absolute()), "-"]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False)
    except FileNotFoundError as error:
        raise UsageError(
            say(
                f"{name}: PDF의 글을 읽으려면 pdftotext가 필요해요(sudo apt install poppler-utils, brew install poppler).",
                f"{name}: reading a PDF takes pdftotext (sudo apt install poppler-utils, brew install poppler).",
            )
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unread(name, cause_of(error)) from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _unread(name, last or str(done.returncode))
    if not done.stdout.strip():
        raise UsageError(
            say(
                f"{name}: 글이 없는 PDF예요. 그림으로 스캔한 것은 읽지 못해요.",
                f"{name} has no text. A scan is a picture and cannot be read.",
            )
        )
    return done.stdout


def _unread(name: str, why: str) -> UsageError:
    return UsageError(say(f"{name}: PDF를 읽지 못했어요 ({why}).", f"{name}: the PDF cannot be read ({why})."))
