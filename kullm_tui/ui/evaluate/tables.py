"""What an evaluation came to, as lines of a terminal: the paper's table, what differs, what to doubt, and how far people agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from evaluator.agreement import Agreement
from evaluator.answer_faults import CUT
from evaluator.chart import chart_rows
from evaluator.report import FEW, Cell, Table, TableRow, reading_notes
from evaluator.rubric import Criterion
from evaluator.unscored import loss_warning, reason_lines, unscored_text
from kullm_tui.core.language import say
from kullm_tui.ui.markdown.wrap import fold_words
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import cell
from kullm_tui.ui.widgets.plot import coloured

_NAME_CELLS, _NARROWEST_NAME = 22, 10
_MOST_COLUMN_CELLS = 14
_WIDE_INTERVAL, _NARROW_INTERVAL = 11, 9  # .123–.456 and with two decimals
_GAP = "  "
_ROOMY = 96  # cells; below, columns stand closer
_SIGNIFICANT = 0.05


def table_lines(table: Table, width: int) -> list[Content]:
    """The paper's layout: a mean, under it its 95 % interval, and how many items it rests on (in a narrow one under the name)."""
    shape = _shape(table, width)
    lines = _table_heading(table, shape)
    for row in table.rows:
        cells = [row.cells.get(one.name) for one in table.rubric.criteria]
        means = [cell(f"{one.mean:.3f}" if one else "–", shape.column, right=True).stylize("bold") for one in cells]
        spans = [cell(_span(one, shape.column) if one else "", shape.column, right=True) for one in cells]
        count = f"{row.scored}/{table.items}"
        last = [cell(count, shape.count, right=True)] if shape.count else []
        below = cell("" if shape.count else f"n {count}", shape.name)
        gap = Content(shape.gap)
        lines.append(gap.join([cell(safe_line(row.name), shape.name), *means, *last]))
        lines.append(gap.join([below, *spans]).stylize("$quiet"))
    return lines


@dataclass(frozen=True)
class _Shape:
    """How the table stands in the room there is, in cells."""

    name: int
    column: int
    count: int  # 0: it has no column of its own
    gap: str


def _shape(table: Table, width: int) -> _Shape:
    roomy = width >= _ROOMY
    gap, count = (_GAP, len(f"{table.items}/{table.items}")) if roomy else (" ", 0)
    criteria = len(table.rubric.criteria)
    room = width - count - len(gap) * (criteria + roomy)
    wanted = max((Content(safe_line(row.name)).cell_length for row in table.rows), default=0)
    name = max(_NARROWEST_NAME, min(wanted, _NAME_CELLS, room - criteria * _NARROW_INTERVAL))
    column = max(5, min(_MOST_COLUMN_CELLS, (room - name) // max(1, criteria)))
    return _Shape(name, column, count, gap)


def _table_heading(table: Table, shape: _Shape) -> list[Content]:
    """Names of criteria over as many lines as they need, standing on the last."""
    folded = [_folded(one, shape.column) for one in table.rubric.criteria]
    height = max(map(len, folded))
    lines = []
    for at in range(height):
        last = at == height - 1
        words = [names[at - height + len(names)] if at >= height - len(names) else "" for names in folded]
        columns = [cell(word, shape.column, right=True) for word in words]
        first = cell(say("모델", "model") if last else "", shape.name)
        count = [cell("n" if last else "", shape.count, right=True)] if shape.count else []
        lines.append(Content(shape.gap).join([first, *columns, *count]).stylize("$quiet"))
    return lines


def _folded(criterion: Criterion, cells: int) -> list[str]:
    """The name between its words; its short form where a word would have to be broken."""
    name = safe_line(criterion.name)
    if criterion.short and any(Content(word).cell_length > cells for word in name.split()):
        name = safe_line(criterion.short)
    return [name[start:end] for start, end in fold_words(name, cells)]


def _span(one: Cell, column: int) -> str:
    if column >= _WIDE_INTERVAL:
        return f"{one.interval.low:.3f}–{one.interval.high:.3f}"
    if column >= _NARROW_INTERVAL:
        return f"{one.interval.low:.2f}–{one.interval.high:.2f}"
    return ""


def doubt_lines(table: Table) -> list[Content]:
    """What says how far to trust it: what is unscored, answers that are none, responses that spoke to the judge, length."""
    lines = []
    for row in table.rows:
        name = safe_line(row.name)
        for words, colour in _doubts(row):
            lines.append(Content.assemble(f"{name}: ", (words, colour)))
    return lines


def _doubts(row: TableRow) -> list[tuple[str, str]]:
    told = []
    unscored = unscored_text(row.unscored)
    faults = ", ".join(f"{fault_word(name)} {count}" for name, count in row.faults.items() if count and name != CUT)
    if unscored:
        told.append((say(f"점수 없음 ({unscored})", f"without scores ({unscored})"), "$warning"))
    told += [(safe_line(line), "$quiet") for line in reason_lines(row.reasons)]
    if warning := loss_warning(row.scored, row.unscored):
        told.append((warning, "$warning"))
    if faults:
        told.append(
            (
                say(
                    f"비정상 답변 ({faults}) · 프롬프트 양식을 확인하세요",
                    f"answers that are none ({faults}) · see whether its template is right",
                ),
                "$warning",
            )
        )
    if row.faults.get(CUT):
        told.append((f"{fault_word(CUT)} {row.faults[CUT]}", "$warning"))
    if row.flagged:
        told.append(
            (say(f"채점자에게 말을 거는 답변 {row.flagged}개", f"{row.flagged} speak to the judge"), "$warning")
        )
    if 0 < row.scored < FEW:
        few = say(
            f"점수가 {row.scored}개뿐이라 구간이 실제보다 좁아요",
            f"only {row.scored} scores: the intervals are too narrow",
        )
        told.append((few, "$warning"))
    elif row.length_correlation is not None:
        pull = f"{row.length_correlation:+.2f}"
        told.append((say(f"길이와 점수의 순위상관 {pull}", f"rank correlation of length and score {pull}"), "$quiet"))
    return told + [(note, "$quiet") for note in reading_notes(row)]


def difference_lines(table: Table) -> list[Content]:
    """Systems two by two, item by item; the last criterion. What stands out is told with all pairs in mind."""
    rows = []
    for (left, right), one in table.differences.items():
        among_all = one.p if one.p_among_all is None else one.p_among_all
        sure = among_all < _SIGNIFICANT
        rows.append(
            [
                Content(f"{safe_line(left)} − {safe_line(right)}"),
                Content.styled(f"{one.mean:+.3f}", "bold" if sure else ""),
                Content.styled(f"[{one.interval.low:+.3f}, {one.interval.high:+.3f}]", "$quiet"),
                Content.styled(f"p = {among_all:.4f}", "$accent" if sure else "$quiet"),
                Content.styled(f"n = {one.items}", "$quiet"),
            ]
        )
    widths = [max(row[place].cell_length for row in rows) for place in range(4)] if rows else []
    return [
        Content(_GAP).join([*(cell(one, width) for one, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]


# -- people ------------------------------------------------------------------------------------------------------------


def agreement_lines(found: Mapping[str, Agreement]) -> list[Content]:
    """Krippendorff's alpha, criterion by criterion."""
    heads = (say("기준", "criterion"), say("채점자와 α", "with judge α"), say("사람 사이의 α", "people α"), "n")
    name_cells = max(Content(name).cell_length for name in (*found, heads[0]))
    widths = [name_cells, 12, 12, 5]
    lines = [_aligned(heads, widths).stylize("$quiet")]
    for name, one in found.items():
        lines.append(_aligned((safe_line(name), _alpha(one.with_judge), _alpha(one.people), str(one.items)), widths))
    return lines


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> Content:
    return Content(_GAP).join(
        cell(text, cells, right=place > 0) for place, (text, cells) in enumerate(zip(texts, widths, strict=True))
    )


def _alpha(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def fault_word(name: str) -> str:
    """An answer that is none, in a word."""
    words = {
        "empty": say("빈 답", "empty"),
        "markup": say("기호뿐", "only markup"),
        "echo": say("질문 되풀이", "echoes the question"),
        "loop": say("되풀이", "loops"),
        "cut": say("길이 한도에서 잘림", "cut at the length limit"),
    }
    return words.get(name, name)


def flag_word(name: str) -> str:
    """A response that speaks to the judge, in a word."""
    words = {
        "imitates-result": say("결과 흉내", "imitates a result"),
        "asks-for-marks": say("점수 요구", "asks for marks"),
        "overrides-instructions": say("지시 무시 요구", "overrides instructions"),
    }
    return words.get(name, name)


# -- whole pages -------------------------------------------------------------------------------------------------------


def page_lines(table: Table, page: str, width: int, *, rater: str, judge: str, raters: Sequence[str]) -> list[Content]:
    """The table with all that belongs to it, or the figure; first of all whose scores they are."""
    whose = say(f"사람 {safe_line(rater)}의 점수", f"scores of {safe_line(rater)}") if rater else _judges(judge)
    more = say("   v 다른 사람의 점수", "   v another's scores") if raters else ""
    lines = [Content.styled(f"{whose}{more}", "$quiet"), Content("")]
    if not any(row.cells for row in table.rows):
        reasons = doubt_lines(table) if any(row.reasons for row in table.rows) else []
        return [*lines, Content(_nothing_yet(judge, rater)), *([Content(""), *reasons] if reasons else [])]
    if page == "plot":
        return [*lines, *map(coloured, chart_rows(table, width))]
    lines += table_lines(table, width)
    differences, doubts = difference_lines(table), doubt_lines(table)
    if differences:
        last = safe_line(table.rubric.criteria[-1].name)
        among_all = ", p: Holm" if len(table.differences) > 1 else ""
        head = say(
            f"같은 질문끼리 짝지어 비교한 차이 ({last}{among_all})",
            f"two by two, on the same questions ({last}{among_all})",
        )
        lines += [Content(""), Content.styled(head, "$quiet"), *differences]
    return [*lines, Content(""), *doubts] if doubts else lines


def _judges(judge: str) -> str:
    return (
        say(f"채점자 {safe_line(judge)}, 구간은 95 %", f"judge {safe_line(judge)}, intervals are 95 %") if judge else ""
    )


def _nothing_yet(judge: str, rater: str) -> str:
    if judge or rater:
        return say(
            "아직 점수가 없어요. r로 이어서 하거나 진행을 보세요(o).",
            "No scores yet. r goes on; o shows how far it is.",
        )
    return say(
        "채점자 없이 하는 평가예요. h에서 점수를 매기고 v로 그 표를 보세요.",
        "Nobody judges this one. Rate it under h; v shows the table.",
    )


def people_lines(
    ratings: Mapping[tuple[str, str], Mapping[str, object]], found: Mapping[str, Agreement]
) -> list[Content]:
    """Who rated how much, and how far they agree with the judge and with each other."""
    invite = say(
        "⏎ 점수 매기기: 누구의 답인지 가리고, 한 답씩 숫자 키로 매겨요.",
        "⏎ rates: answer by answer with the digits, not knowing whose it is.",
    )
    lines = [Content(invite), Content("")]
    counts: dict[str, int] = {}
    for given in ratings.values():
        for rater in given:
            counts[rater] = counts.get(rater, 0) + 1
    if not counts:
        return [*lines, Content.styled(say("아직 매긴 사람이 없어요.", "Nobody has rated yet."), "$quiet")]
    lines += [
        Content(say(f"{safe_line(name)}: {count:,}개", f"{safe_line(name)}: {count:,}"))
        for name, count in sorted(counts.items())
    ]
    head = say("크리펜도르프 α (1 = 일치, 0 = 우연)", "Krippendorff's α (1 agreement, 0 chance)")
    return [*lines, Content(""), Content.styled(head, "$quiet"), *agreement_lines(found)]
