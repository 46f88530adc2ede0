"""The pictures of the README and the guides, taken from the real app in a real terminal: docs/pictures/SCENE-LANGUAGE.svg.

python -P bench/pictures.py [SCENE …]
"""

import html
import io
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.kullm_command import kullm
from tests.tmux import Tmux

_FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
_SIZE = 110, 30
_REST_SECONDS = 4.0  # without a change, which is when a scene is taken
# Fonts of another's server, and by whom it was drawn.
_OUTSIDE = re.compile(r"@font-face\s*\{[^}]*\}\s*|<!--.*?-->\s*")
_LONG = re.compile(r'(<text[^>]*textLength=")([\d.]+)("[^>]*>)([^<]+)')
_THEME = TerminalTheme((17, 20, 24), (222, 226, 230), [(0, 0, 0)] * 8, [(222, 226, 230)] * 8)
_QUESTION = {"ko": "대한민국의 수도는 어디인가요?", "en": "프랑스의 수도는 어디인가요?"}
_WRONG, _RIGHT = "7 곱하기 2는 얼마인가요?", "7 곱하기 2는 14입니다."


def main() -> None:
    wanted = sys.argv[1:] or list(_SCENES)
    _FOLDER.mkdir(exist_ok=True)
    for scene in wanted:
        for language in ("ko", "en"):
            with tempfile.TemporaryDirectory() as home:
                picture = _taken(scene, language, Path(home))
            (_FOLDER / f"{scene}-{language}.svg").write_text(picture, encoding="utf-8")
            print(f"{scene}-{language}", flush=True)


def _taken(scene: str, language: str, home: Path) -> str:
    env = {"KULLM_LANG": language, "COLORTERM": "truecolor"}
    for arguments in _BEFORE.get(scene, ()):
        done = kullm(home, *arguments, env=env, seconds=1200)
        assert done.returncode == 0, done.stderr
    with Tmux(home, size=_SIZE, env=env) as tmux:
        tmux.runs()
        tmux.shows("^p")
        _SCENES[scene](tmux, language)
        picture = _svg(_at_rest(tmux))
        tmux.presses("C-q")
    kullm(home, "engine", "stop", env=env)
    return picture


def _at_rest(tmux: Tmux) -> str:
    screen, since = tmux.coloured(), time.monotonic()
    while time.monotonic() - since < _REST_SECONDS:
        time.sleep(0.2)
        if (now := tmux.coloured()) != screen:
            screen, since = now, time.monotonic()
    return screen


def _svg(screen: str) -> str:
    console = Console(record=True, file=io.StringIO(), width=_SIZE[0], force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(screen.rstrip("\n")), no_wrap=True, crop=True)
    return _LONG.sub(_as_wide, _OUTSIDE.sub("", console.export_svg(title="kullm", theme=_THEME, unique_id="kullm")))


def _as_wide(found: re.Match[str]) -> str:
    """Rich counts letters where it says how wide a text is; one of Hangul takes two cells."""
    letters = html.unescape(found[4])
    return f"{found[1]}{float(found[2]) / len(letters) * cell_len(letters):.1f}{found[3]}{found[4]}"


def _asks(tmux: Tmux, question: str) -> None:
    tmux.types(question)
    tmux.presses("Enter")


def _chat(tmux: Tmux, language: str) -> None:
    _asks(tmux, _QUESTION[language])
    tmux.shows("tok/s")


def _compare(tmux: Tmux, language: str) -> None:
    tmux.presses("F4")
    tmux.shows("^l")
    _asks(tmux, _QUESTION[language])
    tmux.shows("tok/s")


def _train(tmux: Tmux, language: str) -> None:
    del language
    tmux.presses("F10")
    tmux.shows("first")
    tmux.presses("Enter")


def _data(tmux: Tmux, language: str) -> None:
    del language
    tmux.presses("F11")
    tmux.shows("demo")


def _feedback(tmux: Tmux, language: str) -> None:
    del language
    tmux.presses("F11")
    tmux.shows("kullm-v2")
    tmux.presses("f")


_SCENES: Mapping[str, Callable[[Tmux, str], None]] = {
    "chat": _chat,
    "compare": _compare,
    "train": _train,
    "data": _data,
    "feedback": _feedback,
}
_BEFORE: Mapping[str, Sequence[Sequence[str]]] = {  # what `kullm` has done by then
    "train": [("train", "demo-kullm", "--name", "first", "--set", "train.minutes=0.7")],
    "data": [("data", "build", "demo")],
    "feedback": [
        ("ask", _WRONG),
        ("feedback", "correct", "2", _RIGHT),
        ("ask", _QUESTION["ko"]),
        ("feedback", "mark", "5", "keep"),
    ],
}


if __name__ == "__main__":
    main()
