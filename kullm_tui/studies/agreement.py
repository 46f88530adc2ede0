"""What somebody must agree to before a study begins: that text is sent and money spent, and, where there is a screen to ask on, that hours go by."""

from dataclasses import dataclass

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import safe_line
from kullm_tui.studies.bill import Bill
from kullm_tui.studies.marks import mark_of
from kullm_tui.studies.stages import Plan, Stage, kind_text
from trainer.jobs.text import time_text

_LONG_SECONDS = 3600.0
_MOST_NOTES = 2  # of the bill's, which all stand with the bill itself


@dataclass(frozen=True)
class Question:
    asked: str
    consequence: str  # what agreeing does, for a button
    more: str
    spends: bool


def spending(plan: Plan) -> list[Stage]:
    """What is not done yet, and may send text away and cost money."""
    return [one for one in plan.stages if one.spends and mark_of(plan.study.name, one) is None]


def asked() -> str:
    return say("이대로 시작할까요?", "Begin?")


def question_of(plan: Plan, bill: Bill) -> Question | None:
    """None where it neither spends nor takes hours."""
    spends = spending(plan)
    dollars, priced = bill.total("dollars")
    seconds, timed = bill.total("seconds")
    if not spends and not dollars and priced and timed and seconds < _LONG_SECONDS:
        return None
    price = f"{money(dollars)}{_and_more(complete=priced)}" if dollars or spends else ""
    time = f"{time_text(seconds)}{_and_more(complete=timed)}" if seconds else say("시간은 몰라요", "time unknown")
    told = ", ".join(filter(None, (price, time)))
    return Question(asked(), say(f"시작하기 · {told}", f"Begin · {told}"), "\n".join(_more(spends, bill)), bool(spends))


def _and_more(*, complete: bool) -> str:
    return "" if complete else say(" 이상", " and more")


def _more(spends: list[Stage], bill: Bill) -> list[str]:
    listed = ", ".join(f"{kind_text(one.kind)} {safe_line(one.title)}" for one in spends)
    sends = say(f"글을 밖으로 보내고 돈이 드는 단계: {listed}", f"These send text away and cost money: {listed}")
    keeps = say(
        "멈춰도 한 일은 남고, 산 것은 다시 사지 않아요.",
        "Stopping keeps what was done; what was bought is not bought again.",
    )
    left_out = len(bill.notes) - _MOST_NOTES
    more = [say(f"그 밖에 {left_out}가지가 더 있어요.", f"And {left_out} more like that.")] if left_out > 0 else []
    return [*([sends] if spends else []), *bill.notes[:_MOST_NOTES], *more, keeps]
