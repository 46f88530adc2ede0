"""Verdicts in words: grouped by who gave them, several of one judge side by side. The cards and the full view are made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.ui.text import safe, safe_line

if TYPE_CHECKING:
    from evaluator.verdict import Verdict

_MOST_IN_A_ROW = 5  # scores of one criterion, one after the other; of more only the range is said


def by_origin(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Verdicts of one judge by one rubric, the newest first; scores of different judges are never mixed."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.origin or f"{verdict.model} {verdict.rubric}", []).append(verdict)
    return list(groups.values())


def title_of(group: Sequence[Verdict]) -> str:
    times = say(f" · {len(group)}번", f" · {len(group)} times") if len(group) > 1 else ""
    parts = [safe_line(part) for part in (group[0].model, group[0].rubric) if part]
    return f"{say('채점', 'Verdict')} {' · '.join(parts)}{times}"


def scores_of(group: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Each criterion's short name and its score, `4/5`; of several verdicts in the order they were given, `4·5·4`."""
    scored = [verdict for verdict in reversed(group) if verdict.status == "ok"]
    if not scored:
        return []
    highest = {one.name: one.high for one in scored[-1].criteria}
    short = {one.name: one.short for one in scored[-1].criteria}
    return [
        (safe_line(short.get(name) or name), _score([one.scores[name] for one in scored], highest.get(name)))
        for name in scored[-1].scores
    ]


def _score(given: Sequence[float], highest: int | None) -> str:
    if len(set(given)) == 1:
        return f"{given[0]}/{highest}" if highest is not None else str(given[0])
    if len(given) <= _MOST_IN_A_ROW:
        return "·".join(map(str, given))
    return f"{min(given)}–{max(given)}"


def reason_of(group: Sequence[Verdict]) -> str:
    """The newest judge's reason, on one line."""
    return next((safe_line(one.reason) for one in group if one.status == "ok" and one.reason), "")


def trouble_of(verdict: Verdict) -> str:
    """What the newest verdict is, where it gave no scores; empty where it did."""
    why = safe(verdict.reason or verdict.text)
    words = {
        "unparsed": say("점수를 읽을 수 없어요", "no scores could be read"),
        "refused": say("채점자가 거절했어요", "the judge refused"),
        "error": say("채점하지 못했어요", "not judged"),
    }
    if verdict.status == "ok":
        return ""
    return f"{words[verdict.status]}: {why}" if why else words[verdict.status]


def words_of(verdict: Verdict) -> str:
    """What a judge said that gave no scores, on one line; an error's words are its trouble already."""
    return safe_line(verdict.text) if verdict.status in ("unparsed", "refused") else ""


def warnings_of(group: Sequence[Verdict]) -> list[str]:
    """What stands beside the scores for whoever reads them: the reply speaks to the judge, or the judge wrote it."""
    words = _flag_names()
    flags = dict.fromkeys(flag for verdict in group for flag in verdict.flags)
    return [words.get(flag) or safe_line(flag) for flag in flags]


def _flag_names() -> Mapping[str, str]:
    return {
        "imitates-result": say("답이 채점 결과의 형식을 흉내 내요", "the reply imitates the form of a result"),
        "asks-for-marks": say("답이 점수를 달라고 해요", "the reply asks for marks"),
        "overrides-instructions": say(
            "답이 채점자의 지시를 바꾸려 해요", "the reply overrides the judge's instructions"
        ),
        "judges-itself": say(
            "채점자가 쓴 답이에요: 점수가 후할 수 있어요", "it judged its own reply: scores may be generous"
        ),
    }


def cost_of(group: Sequence[Verdict], won_per_dollar: float | None) -> str:
    """What these were bought for, together; empty where nothing was, `?` where nobody knows."""
    paid = [verdict for verdict in group if verdict.status != "error"]
    known = [verdict.cost for verdict in paid if verdict.cost is not None]
    if not paid:
        return ""
    return money(sum(known), won_per_dollar) if known else "$?"
