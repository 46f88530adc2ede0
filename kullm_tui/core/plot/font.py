"""The font of a figure: one that was named, or one with Hangul that the system has."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

_WINDOWS = "/mnt/c/Windows/Fonts"  # from within WSL
# In this order; after them whatever else has Hangul.
_KNOWN = (
    "NotoSansKR-Regular",
    "NotoSansCJKkr-Regular",
    "NotoSansCJK-Regular",
    "Pretendard-Regular",
    "AppleSDGothicNeo",
    "NanumGothic",
    "NanumBarunGothic",
    "malgun",
    "AppleGothic",
    "UnDotum",
)
# What the reader of an SVG may have, whose words stay words.
_READERS = ("Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic", "sans-serif")
_SYLLABLES = "가힣"


@contextmanager
def drawing_in(named: str, *, needed: bool) -> Iterator[None]:
    """matplotlib set to the font, and quiet about those of a reader that this machine lacks. UsageError without one that is `needed`."""
    import matplotlib as mpl
    from matplotlib import font_manager

    path = _named(named) if named else _of_the_system()
    if path is None and needed:
        raise UsageError(
            say(
                "한글이 있는 글꼴을 찾지 못했어요. --font 글꼴.ttf로 정하거나 글꼴을 설치하세요(데비안: apt install fonts-nanum). .svg는 글꼴 없이 돼요.",
                "No font with Hangul was found. Name one with --font FONT.ttf, or install one (Debian: apt install fonts-nanum). An .svg needs none.",
            )
        )
    families = list(_READERS)
    if path:
        font_manager.fontManager.addfont(path)
        own = font_manager.FontProperties(fname=path).get_name()
        families = [own] if needed else [own, *families] if named else [*families[:-1], own, families[-1]]
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        words_stay: Any = {"svg.fonttype": "none", "svg.hashsalt": "kullm", "pdf.fonttype": 42, "font.family": families}
        with mpl.rc_context(words_stay), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        log.setLevel(level)


def _named(name: str) -> Path:
    path = paths.typed(name)
    if not has_hangul(path):
        raise UsageError(
            say(
                f"{name}: 한글이 있는 글꼴 파일(.ttf, .otf, .ttc)이 아니에요.",
                f"{name} is no font (.ttf, .otf, .ttc) that has Hangul.",
            )
        )
    return path


def _of_the_system() -> Path | None:
    """The known ones first; asked of the system itself, not of matplotlib's list from when it first ran."""
    from matplotlib import font_manager

    found = {Path(one) for folders in (None, [_WINDOWS]) for one in font_manager.findSystemFonts(folders)}
    return next((path for path in sorted(found, key=lambda one: (_rank(one), one.name)) if has_hangul(path)), None)


def has_hangul(path: Path) -> bool:
    """By its own table of characters, not by its name."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError):
        return False
    return all(font.get_char_index(ord(syllable)) for syllable in _SYLLABLES)


def _rank(path: Path) -> int:
    return next((place for place, known in enumerate(_KNOWN) if path.stem == known), len(_KNOWN))
