"""A plot's rows in the theme's colours."""

from textual.content import Content

from kullm_tui.core.plot.rows import Row, Style

_SERIES = ("$accent", "$success", "$warning", "$error", "$secondary", "$foreground")
_WORDS = {"": "", "quiet": "$quiet", "strong": "bold", "alarm": "$error"}


def coloured(row: Row) -> Content:
    return Content.assemble(*((piece.text, _colour(piece.style)) for piece in row))


def series_colour(place: int) -> str:
    return _SERIES[place % len(_SERIES)]


def _colour(style: Style) -> str:
    return series_colour(style) if isinstance(style, int) else _WORDS[style]
