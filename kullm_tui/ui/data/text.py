"""What the data mode says: mixtures, steps, counts, rows beside what they were translated from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from data.builder.progress import Progress
from data.row import Row
from data.shelf import BuiltFacts, Known, OutputFacts
from data.text import reason_text, reasons_text, step_text
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from kullm_tui.ui.data.builds import Building
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.cells import bar, cell, joined

_BAR_CELLS = 12


def head_line(known: Known, building: Building | None, width: int) -> Content:
    state = _state(known, building)
    return Content.assemble(
        cell(Content.styled(safe_line(known.name), "bold"), max(8, width - state.cell_length - 1)), " ", state
    )


def foot_line(known: Known, width: int) -> Content:
    if known.mixture is None:
        return Content.styled(safe_line(known.fault.splitlines()[0]), "$error").truncate(width, ellipsis=True)
    sources = ", ".join(one.name for one in known.mixture.sources)
    return Content.styled(f"  {safe_line(sources)}", "$quiet").truncate(width, ellipsis=True)


def _state(known: Known, building: Building | None) -> Content:
    if building and building.active:
        return Content.styled(say("만드는 중", "building"), "$accent")
    if building and building.error:
        return Content.styled(say("실패", "failed"), "$error")
    if known.built:
        return Content.styled(say(f"{known.built.rows:,}행", f"{known.built.rows:,} rows"), "$quiet")
    if building and building.stopped:
        return Content.styled(say("멈춤", "stopped"), "$warning")
    return Content.styled(say("아직", "not yet"), "$quiet")


def details(known: Known, building: Building | None, width: int) -> Content:
    """Everything about one mixture: what goes in, how far it is, what came out."""
    lines: list[Content] = [Content.styled(safe_line(known.name), "$accent bold")]
    if known.mixture is None:
        return joined([*lines, Content.styled(safe_line(known.fault), "$error")])
    mixture = known.mixture
    lines.append(plain(mixture.told))
    lines += [Content(""), Content.styled(say("소스", "sources"), "$quiet")]
    for one in mixture.sources:
        rows = say(f"처음 {one.rows:,}행", f"the first {one.rows:,}") if one.rows else say("모두", "all")
        lines.append(
            Content.assemble("  ", cell(safe_line(one.name), 16), " ", (safe_line(one.file or rows), "$quiet"))
        )
    lines.append(Content.styled(_steps_line(known), "$quiet"))
    if building and (progress := list(building_lines(building, width))):
        lines += [Content(""), *progress]
    if known.built and not (building and building.active):
        lines += [Content(""), *built_lines(known.built, width)]
    elif building is None:
        lines += [
            Content(""),
            Content(
                say(
                    "b를 누르면 만들어요. 번역이 필요하면 보내기 전에 가격을 물어요.",
                    "b builds it; what translation costs is asked before anything is sent.",
                )
            ),
        ]
    return joined(lines)


def _steps_line(known: Known) -> str:
    assert known.mixture
    steps = known.mixture.steps
    on = [
        step_text(name)
        for name, is_on in (
            ("clean", steps.clean),
            ("decontaminate", bool(steps.decontaminate)),
            ("paper", steps.paper),
            ("strict", steps.strict),
            ("near-duplicates", bool(steps.duplicates)),
        )
        if is_on
    ]
    return say("단계: ", "steps: ") + (" → ".join(on) or say("없음", "none"))


def building_lines(building: Building, width: int) -> Iterator[Content]:
    """One line a step and source, as they came."""
    if building.error:
        yield Content.styled(safe_line(building.error), "$error")
    elif building.stopped:
        yield Content.styled(say("멈췄어요. b를 누르면 이어서 만들어요.", "Stopped. b goes on from there."), "$warning")
    elif building.active:
        yield Content.styled(say("만드는 중 · s로 멈춰요", "building · s stops it"), "$accent")
    if building.active or building.error or building.stopped:
        for progress in building.steps.values():
            yield _progress_line(progress, width)


def _progress_line(progress: Progress, width: int) -> Content:
    counts = progress.counts
    seen = f"{counts.seen:,}" + (f"/{progress.of:,}" if progress.of else "")
    lost = say(f"{counts.lost:,} 빠짐", f"{counts.lost:,} out") if counts.lost else ""
    filled = bar(counts.seen, progress.of, _BAR_CELLS) if progress.of else Content(" " * _BAR_CELLS)
    line = Content.assemble(
        "  ",
        cell(step_text(progress.step), 15),
        " ",
        cell(Content.styled(safe_line(progress.source), "$quiet"), 11),
        " ",
        filled,
        " ",
        cell(seen, 15, right=True),
        "  ",
        (lost, "$quiet"),
        "  ",
        (safe_line(progress.note), "$quiet"),
    )
    return line.truncate(width, ellipsis=True)


def built_lines(facts: BuiltFacts, width: int) -> Iterator[Content]:
    yield Content.styled(say("만든 것", "built"), "$quiet")
    for output in facts.outputs:
        yield _output_line(output)
    yield Content("")
    yield Content.styled(say("단계마다 남은 행과 빠진 까닭", "rows kept by each step, and why others went"), "$quiet")
    for one in facts.steps:
        reasons = reasons_text(one.counts.rejected)
        yield Content.assemble(
            "  ",
            cell(step_text(one.step), 15),
            " ",
            cell(Content.styled(safe_line(one.source), "$quiet"), 11),
            cell(f"{one.counts.kept:,}", 9, right=True),
            "  ",
            (safe_line(reasons), "$quiet"),
        ).truncate(width, ellipsis=True)


def _output_line(output: OutputFacts) -> Content:
    size = sum(one.path.stat().st_size for one in output.files if one.path.exists())
    return Content.assemble(
        "  ",
        cell(safe_line(output.name), 20),
        cell(say(f"{output.rows:,}행", f"{output.rows:,} rows"), 14, right=True),
        "  ",
        (size_text(size), "$quiet"),
    )


def row_line(row: Row, mark: str, width: int) -> Content:
    first = row.messages[0].content if row.messages else row.place
    return Content.assemble((f"{mark:<2}", "$warning"), safe_line(first)).truncate(width, ellipsis=True)


def turns_text(row: Row, *, original: bool) -> Content:
    """The row, or what it was translated from, turn by turn."""
    turns = row.original if original else row.messages
    if not turns:
        return Content.styled(say("번역하지 않은 행이에요.", "This row was not translated."), "$quiet")
    parts: list[Content] = []
    for one in turns:
        name = (
            say("답변", "answer")
            if one.role == "assistant"
            else say("질문", "question")
            if one.role == "user"
            else one.role
        )
        parts.append(Content.styled(name, "$accent"))
        parts.append(plain(one.content))
        if one.input:
            parts += [Content.styled(say("입력", "input"), "$accent"), plain(one.input)]
        parts.append(Content(""))
    return joined(parts)


def about_row(row: Row, reason: str, detail: str) -> Content:
    parts: list[Content | str | tuple[str, str]] = [
        (safe_line(row.source), "$accent"),
        "  ",
        (safe_line(row.place), "$quiet"),
    ]
    if reason:
        parts += ["  ", (safe_line(reason_text(reason)), "$warning"), " ", (safe_line(detail), "$quiet")]
    return Content.assemble(*parts)


def lengths_lines(histogram: Sequence[tuple[int, int]], width: int) -> Iterator[Content]:
    """How long the texts are: one line a bin."""
    most = max((count for _, count in histogram), default=0) or 1
    for edge, count in histogram:
        cells = max(0, min(40, width - 26))
        yield Content.assemble(
            cell(say(f"{edge:,}자부터", f"from {edge:,}"), 12, right=True),
            " ",
            ("█" * round(cells * count / most), "$accent"),
            f" {count:,}",
        )
