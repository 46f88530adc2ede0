"""The user's own editor, which has the terminal until it ends; the app waits."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from textual.app import App, SuspendNotSupported

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

_USUAL = ("nano", "vim", "vi")


def edited(app: App[None], text: str) -> str:
    """What the editor left, without the line's end that editors add; UsageError says why there is none."""
    command = _command(os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="kullm-") as folder:
            file = Path(folder) / "prompt.md"
            file.write_text(text, encoding="utf-8")
            code = _lent(app, [*command, str(file)])
            if code:
                raise _failed(command, say(f"종료 코드 {code}", f"exit code {code}"))
            return file.read_text(encoding="utf-8").removesuffix("\n")
    except SuspendNotSupported as error:
        raise UsageError(
            say(
                "여기서는 편집기를 열 수 없어요. 터미널에서 연 앱에서 쓰세요.",
                "No editor can be opened here. Use the app in a terminal.",
            )
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _failed(command, cause_of(error)) from error


def _lent(app: App[None], command: list[str]) -> int:
    """Its exit code. Textual does not take the terminal back where something is raised meanwhile."""
    fault: OSError | None = None
    code = 0
    with app.suspend():
        try:
            code = subprocess.run(command, check=False).returncode
        except OSError as error:
            fault = error
    if fault is not None:
        raise fault
    return code


def _command(environment: Mapping[str, str]) -> list[str]:
    chosen = environment.get("VISUAL") or environment.get("EDITOR")
    if chosen:
        try:
            return shlex.split(chosen)
        except ValueError:  # a quote that nothing ends
            return [chosen]
    for name in _USUAL:
        if shutil.which(name):
            return [name]
    raise UsageError(say("편집기를 찾지 못했어요. EDITOR에 적어 주세요.", "There is no editor. Name one in EDITOR."))


def _failed(command: list[str], why: str) -> UsageError:
    return UsageError(
        say(
            f"편집기({command[0]})가 글을 남기지 못했어요: {why}. 쓰던 글은 그대로예요.",
            f"The editor ({command[0]}) left no text: {why}. What you wrote is unchanged.",
        )
    )
