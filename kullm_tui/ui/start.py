"""The app's front door: what must hold before Textual is imported, then the app."""

import contextlib
import logging
import os
import sys

from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.paths import app_log
from kullm_tui.core.redact import redacted

_LOG_BYTES = 1_000_000


def run(*, goes_on: bool = False) -> int:
    """The exit code of the app; UsageError where there is no terminal to open it on. `goes_on`: at the last conversation."""
    _require_terminal()
    prepare()
    return _opened(goes_on=goes_on)


def run_behind_pipes() -> int:
    """The same where a browser draws it; TEXTUAL_DRIVER says so to Textual."""
    prepare()
    from kullm_tui.ui.terminal import browser_driver

    browser_driver.install()
    return _opened(goes_on=False)


def _opened(*, goes_on: bool) -> int:
    _keep_a_log()
    from kullm_tui.ui.app import KullmApp

    app = KullmApp(goes_on=goes_on)
    code = app.run()
    return app.return_code or code or 0


def prepare() -> None:
    """Idempotent. Textual reads its environment once, at its first import."""
    if is_iterm():
        # Under Textual's kitty flags iTerm2 drops whatever an input method composes.
        os.environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")
    from kullm_tui.ui.terminal import input_parser, output_writer

    input_parser.install()
    output_writer.install()


def _keep_a_log() -> None:
    """Of what should not happen: a terminal that is drawn on has no place for a traceback."""
    with contextlib.suppress(OSError, KullmError):
        file = app_log()
        if file.exists() and file.stat().st_size > _LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
        file.touch(mode=0o600)
        handler = logging.FileHandler(file, delay=True, encoding="utf-8", errors="backslashreplace")
        handler.setFormatter(_Redacting("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logging.getLogger("kullm_tui").addHandler(handler)
        logging.getLogger("evaluator").addHandler(handler)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def is_iterm() -> bool:
    return os.environ.get("LC_TERMINAL") == "iTerm2" or os.environ.get("TERM_PROGRAM") == "iTerm.app"


def _require_terminal() -> None:
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            say(
                "이 터미널에서는 화면을 그릴 수 없어요(TERM=dumb).\n"
                'TERM=xterm-256color로 다시 해 보거나, 한 번만 물으려면 `kullm ask "질문"`을 쓰세요.',
                "this terminal cannot draw a screen (TERM=dumb).\n"
                'Try again with TERM=xterm-256color, or ask once with `kullm ask "QUESTION"`.',
            )
        )
    # Textual draws on the standard error and reads the standard input.
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        raise UsageError(
            say(
                "앱은 터미널에서 열려요. 표준 입력과 표준 오류를 다른 곳으로 돌리지 말고 다시 해 보세요.\n"
                '글을 넘겨 한 번만 물으려면 `kullm ask "질문" < 글.txt`을 쓰세요.',
                "the app opens in a terminal. Run it again without redirecting standard input or standard error.\n"
                'To ask once about piped text: `kullm ask "QUESTION" < TEXT.txt`.',
            )
        )
