"""A bill as rows for a person: its totals by unit, and the stages that make them up."""

from collections.abc import Iterator, Sequence

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import size_text
from kullm_tui.studies.bill import Bill, Item, Unit
from trainer.jobs.plan_text import basis_text, billions
from trainer.jobs.text import time_text

_TOTALS: Sequence[Unit] = ("characters", "answers", "calls", "seconds", "gpu-seconds", "memory", "bytes", "dollars")


def rows_of(bill: Bill) -> list[list[str]]:
    """What, how much, and where it comes from; the totals at the end."""
    if not bill.items:
        return [[say("남은 일이 없어요.", "nothing is left to do."), "", ""]]
    rows = [[f"  {one.stage}: {unit_text(one.unit)}", amount(one.unit, one.value), _where(one)] for one in bill.items if not _is_small(one)]  # fmt: skip
    return [[say("비용", "the bill"), "", ""], *rows, [say("모두", "in all"), "", ""], *_totals(bill)]


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
    return ", ".join(filter(None, (basis, item.about)))


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
