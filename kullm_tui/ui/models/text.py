"""What is said of a model in the browser: one row of the list, and the facts beside it. Texts of the user's files come out safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.catalogue import Entry
from kullm_tui.core.models.facts import about_line, known_facts, state_word, use_word
from kullm_tui.core.text import size_text
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.models.progress_text import ModelWork, in_the_list, work_lines
from kullm_tui.ui.text import safe, safe_line

_WIDEST_NAME, _NARROW_NAME, _NARROW = 26, 20, 90
_WORKING = 13
_LABEL_CELLS = 9
_STATE_COLOURS = {"partial": "$warning", "here": "$success", "quantised": "$success"}
_GAP, _LEAST_ABOUT_CELLS = "  ", 10


@dataclass(frozen=True)
class Columns:
    """How wide each column is, from what stands in it: what is left is for the words about the model."""

    name: int
    size: int
    fit: int
    use: int
    state: int

    @classmethod
    def of(cls, rows: Sequence[tuple[Entry, ModelWork]], width: int) -> Columns:
        cells = [_heads(), *(_cells(entry, work) for entry, work in rows)]
        widest = [max(one.cell_length for one in column) for column in zip(*cells, strict=True)]
        if not any(row[4].plain for row in cells[1:]):
            widest[4] = 0
        elif any(in_the_list(work) for _, work in rows):
            widest[4] = max(widest[4], _WORKING)  # a per cent that runs moves nothing
        name = min(widest[0], _WIDEST_NAME if width > _NARROW else _NARROW_NAME)
        return cls(name, *widest[1:])


def heading(columns: Columns, width: int) -> Content:
    return _line(_heads(), Content(say("설명", "about")), columns, width).stylize("$quiet")


def row(entry: Entry, work: ModelWork, columns: Columns, width: int) -> Content:
    return _line(_cells(entry, work), _about(entry), columns, width)


def _heads() -> list[Content]:
    return [
        Content(say(*words))
        for words in (("이름", "name"), ("4비트", "4-bit"), ("메모리", "fits"), ("이용", "use"), ("상태", "state"))
    ]


def _cells(entry: Entry, work: ModelWork) -> list[Content]:
    size = entry.profile.size_4bit_gb
    return [
        Content(safe_line(entry.name)),
        Content(size_text(size * 1e9) if size else ""),
        Content.styled(*_fit_word(entry)),
        Content(use_word(entry.profile)),
        Content.styled(*state_text(entry, work)),
    ]


def _line(cells: list[Content], about: Content, columns: Columns, width: int) -> Content:
    name, size, fit, use, state = cells
    shown = [
        _cell(name, columns.name),
        Content(" " * (columns.size - size.cell_length)) + size,
        _cell(fit, columns.fit),
        _cell(use, columns.use),
        *([_cell(state, columns.state)] if columns.state else []),
    ]
    for place in (3, 1):  # licence class and size stand in the details too
        if _taken(shown) > width:
            del shown[place]
    rest = width - _taken(shown) - len(_GAP)
    if rest >= _LEAST_ABOUT_CELLS:
        shown.append(_cell(about, rest))
    return Content(_GAP).join(shown).truncate(width)


def _taken(columns: list[Content]) -> int:
    return sum(column.cell_length for column in columns) + len(_GAP) * (len(columns) - 1)


def _cell(content: Content, cells: int) -> Content:
    return content.truncate(cells, ellipsis=True, pad=True)


def _fit_word(entry: Entry) -> tuple[str, str]:
    if entry.state in ("remote", "cannot-run"):
        return "", ""
    return {
        "fits": (say("충분", "yes"), "$success"),
        "tight": (say("빠듯", "tight"), "$warning"),
        "too-large": (say("부족", "no"), "$error"),
        "unknown": ("", ""),
    }[entry.fit]


def state_text(entry: Entry, work: ModelWork) -> tuple[str, str]:
    """The one word, or the work that goes on, and its colour."""
    return in_the_list(work) or (state_word(entry.state), _STATE_COLOURS.get(entry.state, "$quiet"))


def _about(entry: Entry) -> Content:
    advised = (f"{say('추천', 'recommended')} · ", "$accent") if entry.recommended else ""
    return Content.assemble(advised, (safe_line(about_line(entry.profile)), "$quiet"))


def can_be(when: When, entry: Entry, work: ModelWork) -> bool:
    """Whether a key of the browser does something for this model now."""
    download, quantisation, profile = work.download, work.quantisation, entry.profile
    fetches = bool(download and download.active)
    if when == "usable":
        return entry.state not in ("missing", "partial", "cannot-run")
    if when == "downloadable":
        return entry.state in ("missing", "partial") and bool(profile.repository) and not fetches
    if when == "pausable":
        return fetches or entry.state == "partial" or bool(download and download.state in ("paused", "failed"))
    if when == "quantisable":
        return entry.state == "here" or bool(quantisation and quantisation.active)
    return entry.own or bool(entry.disk.downloaded or entry.disk.quantised)


def details(entry: Entry, memory: Memory | None, work: ModelWork, *, brief: bool = False) -> Content:
    """Everything known, the work that goes on first; `brief` without empty lines."""
    profile = entry.profile
    lines = [Content.styled(safe_line(profile.called), "bold"), Content(safe(profile.about)), Content("")]
    lines += work_lines(work)
    if profile.note:
        lines += [Content.styled(safe(profile.note), "$warning"), Content("")]
    need = memory_text(entry, memory)
    facts = [(say("메모리", "memory"), need)] if need else []
    for label, value in (*facts, *known_facts(profile, entry.disk, profile.folder if entry.own else "")):
        gap = " " * max(1, _LABEL_CELLS - Content(label).cell_length)
        lines.append(Content.assemble((f"{label}{gap}", "$quiet"), safe_line(value)))
    return Content("\n").join(line for line in lines if line.plain or not brief)


def memory_text(entry: Entry, memory: Memory | None) -> str:
    if entry.need is None or memory is None:
        return ""
    need = size_text(entry.need)
    have = size_text(memory.total if memory.free is None else memory.free)
    place = "GPU " if memory.device == "gpu" else ""
    return {
        "fits": say(f"{need} 필요 · {place}{have} 남음", f"needs {need} · {place}{have} free"),
        "tight": say(
            f"{need} 필요 · 지금은 {place}{have} 남음. 다른 모델이나 프로그램을 닫으면 돼요.",
            f"needs {need} · {place}{have} free now: close other models or programs.",
        ),
        "too-large": say(
            f"{need} 필요 · 여기서 모델이 쓸 수 있는 메모리는 모두 {place}{size_text(entry.most)}",
            f"needs {need} · models may take {place}{size_text(entry.most)} here in all",
        ),
        "unknown": "",
    }[entry.fit]
