"""A bill as rows for a person: its totals by unit, and the stages that make them up."""

from collections.abc import Iterator, Sequence

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import safe_line, size_text
from kullm_tui.studies.bill import Bill, Item, Unit
from kullm_tui.studies.stages import Plan, kind_text
from trainer.jobs.plan_text import basis_text, billions, disk_text
from trainer.jobs.text import time_text

_TOTALS: Sequence[Unit] = ("characters", "answers", "calls", "seconds", "gpu-seconds", "memory", "bytes", "dollars")


def rows_of(bill: Bill, plan: Plan) -> list[list[str]]:
    """What, how much, and where it comes from, stage by stage; answers together, since all are alike; the totals at the end."""
    if not bill.items:
        return [[say("남은 일이 없어요.", "nothing is left to do."), "", ""]]
    rows = [[say("비용", "the bill"), "", ""]]
    for stage in plan.stages:
        items = [one for one in bill.items if one.stage == stage.id and not _is_small(one)]
        if items and stage.kind != "answers":
            rows += [[f"  {kind_text(stage.kind)} · {safe_line(stage.title)}", "", ""], *map(_row, items)]
        elif items and stage == next(
            one for one in plan.of("answers") if any(each.stage == one.id for each in bill.items)
        ):
            rows += _answers(bill, plan)
    return [*rows, [say("모두", "in all"), "", ""], *_totals(bill)]


def _answers(bill: Bill, plan: Plan) -> Iterator[list[str]]:
    ids = {one.id for one in plan.of("answers")}
    models = len({one.stage for one in bill.items if one.stage in ids})
    yield [say(f"  답 · 모델 {models}개", f"  answers · {models} models"), "", ""]
    units: Sequence[Unit] = ("answers", "seconds")
    for unit in units:
        items = [one for one in bill.items if one.stage in ids and one.unit == unit]
        yield _row(Item("", unit, sum(one.value or 0 for one in items), items[0].basis))


def _row(item: Item) -> list[str]:
    return [f"    {unit_text(item.unit)}", amount(item.unit, item.value), _where(item)]


def _is_small(item: Item) -> bool:
    """Parts of the disk that are summed up below."""
    return item.unit == "bytes" and item.about in ("tokens", "checkpoints", "artifacts")


def _totals(bill: Bill) -> Iterator[list[str]]:
    for unit in _TOTALS:
        items = [one for one in bill.items if one.unit == unit]
        if items:
            value, complete = bill.total(unit)
            bases = " · ".join(dict.fromkeys(basis_text(one.basis) for one in items))
            missing = "" if complete else say(" 이상 (모르는 것이 있어요)", " and more (not all is known)")
            yield [f"  {unit_text(unit)}", amount(unit, value), f"{bases}{missing}"]


def _where(item: Item) -> str:
    basis = say("모름", "not known") if item.value is None else basis_text(item.basis)
    return ", ".join(filter(None, (basis, disk_text(item.about))))


def unit_text(unit: Unit) -> str:
    return {
        "rows": say("행", "rows"),
        "characters": say("번역할 글자", "characters to translate"),
        "calls": say("채점 호출", "judge calls"),
        "tokens": say("토큰", "tokens"),
        "answers": say("답", "answers"),
        "seconds": say("시간", "time"),
        "gpu-seconds": say("GPU 시간", "GPU hours"),
        "bytes": say("디스크", "disk"),
        "memory": say("메모리", "memory"),
        "dollars": say("돈", "money"),
    }[unit]


def amount(unit: Unit, value: float | None) -> str:
    if value is None:
        return "?"
    if unit == "gpu-seconds":
        return f"{value / 3600:,.1f}"
    if unit in ("bytes", "memory"):
        return size_text(value)
    if unit == "seconds":
        return time_text(value)
    if unit == "tokens":
        return billions(value)
    return money(value) if unit == "dollars" else f"{value:,.0f}"
