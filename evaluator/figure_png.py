"""Figure 1 as PNG, by Pillow (the extra `plot`), in a font that has Hangul: one that was named, or one that the system has."""

import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.figure import FONT_SIZE, Box, Figure, Line, figure
from evaluator.report import Table
from kullm_tui.core import paths
from kullm_tui.core.errors import MissingExtra, UsageError
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from PIL import ImageFont

_SCALE = 2  # pixels for one of the figure's units
_INK = "#222222"
_FOLDERS = (
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "/mnt/c/Windows/Fonts",  # of Windows, from within WSL
)
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
_SUFFIXES = (".ttf", ".otf", ".ttc")
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_SYLLABLES = "가힣"
_NOWHERE = "\U0010fffe"  # a place without a character, so that a font shows its sign for what it lacks


def png(table: Table, *, font: str = "") -> bytes:
    """MissingExtra without Pillow; UsageError where no font with Hangul is found, or the named one has none."""
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingExtra(
            say(
                "PNG 그림에는 Pillow가 더 필요해요. 설치: pip install 'kullm[plot]' (.svg는 없어도 돼요)",
                "A PNG also needs Pillow. Install: pip install 'kullm[plot]' (an .svg needs nothing)",
            )
        ) from error
    drawn = figure(table)
    face = _face(font)
    image = Image.new("RGB", (drawn.width * _SCALE, drawn.height * _SCALE), "#ffffff")
    _draw(ImageDraw.Draw(image), drawn, face)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw(on: Any, drawn: Figure, face: "ImageFont.FreeTypeFont") -> None:
    for shape in drawn.shapes:
        if isinstance(shape, Box):
            right, bottom = shape.x + shape.width, shape.y + shape.height
            if right > shape.x and bottom > shape.y:
                on.rectangle(
                    [shape.x * _SCALE, shape.y * _SCALE, right * _SCALE - 1, bottom * _SCALE - 1], shape.colour
                )
        elif isinstance(shape, Line):
            on.line([part * _SCALE for part in (shape.x1, shape.y1, shape.x2, shape.y2)], shape.colour, _SCALE // 2)
        else:
            on.text((shape.x * _SCALE, shape.y * _SCALE), shape.text, _INK, face, _ANCHORS[shape.anchor])


def _face(named: str) -> "ImageFont.FreeTypeFont":
    if named:
        face = _opened(paths.typed(named))
        if face is None or not _has_hangul(face):
            raise UsageError(
                say(
                    f"{named}: 한글이 있는 글꼴 파일(.ttf, .otf, .ttc)이 아니에요.",
                    f"{named} is no font (.ttf, .otf, .ttc) that has Hangul.",
                )
            )
        return face
    for path in _system_fonts():
        face = _opened(path)
        if face and _has_hangul(face):
            return face
    raise UsageError(
        say(
            "한글이 있는 글꼴을 찾지 못했어요. --font 글꼴.ttf로 정하거나 글꼴을 설치하세요(데비안: apt install fonts-nanum). .svg는 글꼴 없이 돼요.",
            "No font with Hangul was found. Name one with --font FONT.ttf, or install one (Debian: apt install fonts-nanum). An .svg needs none.",
        )
    )


def _opened(path: Path) -> "ImageFont.FreeTypeFont | None":
    from PIL import ImageFont

    try:
        # By its bytes: where a path is no font, Pillow would look for another one of that name.
        return ImageFont.truetype(io.BytesIO(path.read_bytes()), FONT_SIZE * _SCALE)
    except OSError:
        return None


def _has_hangul(face: "ImageFont.FreeTypeFont") -> bool:
    missing = _picture(face, _NOWHERE)
    return all(_picture(face, syllable) not in (missing, b"") for syllable in _SYLLABLES)


def _picture(face: "ImageFont.FreeTypeFont", character: str) -> bytes:
    return bytes(face.getmask(character))


@cache
def _system_fonts() -> tuple[Path, ...]:
    """The known ones first."""
    return tuple(sorted(_fonts(), key=lambda path: (_rank(path), path.name)))


def _fonts() -> Iterator[Path]:
    for folder in _FOLDERS:
        for place, _, names in os.walk(paths.typed(folder)):
            yield from (Path(place) / name for name in names if name.lower().endswith(_SUFFIXES))


def _rank(path: Path) -> int:
    return next((place for place, known in enumerate(_KNOWN) if path.stem == known), len(_KNOWN))
