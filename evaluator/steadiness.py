"""How steady a judge is that was asked about each answer several times: a table's foot says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluator.evaluation import Evaluation, SystemResult
from evaluator.panel_mean import own_deviation
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Steadiness:
    asked: int  # of each answer
    answers: int  # that have scores
    read: int  # verdicts that these scores are the means of
    own_deviation: Mapping[str, float | None]  # from one asking to the next, by the criterion's name


def steadiness_of(evaluation: Evaluation, results: Sequence[SystemResult]) -> Steadiness | None:
    """None where each answer was judged once."""
    if evaluation.repeats == 1:
        return None
    said = [verdict.askings for one in results for verdict in one.verdicts.values() if verdict.status == "ok"]
    own = {
        one.name: own_deviation([[scores[one.name] for scores in askings] for askings in said])
        for one in evaluation.rubric.criteria
    }
    return Steadiness(evaluation.repeats, len(said), sum(map(len, said)), own)


def steadiness_notes(one: Steadiness | None) -> list[str]:
    if one is None:
        return []
    wanted = one.asked * one.answers
    own = ", ".join(f"{name} {value:.2f}" for name, value in one.own_deviation.items() if value is not None) or "–"
    return [
        say(
            f"한 답을 {one.asked}번씩 채점한 평균이에요 (점수가 있는 답의 채점 {wanted:,}개 중 {one.read:,}개를 읽었어요). "
            f"다시 물을 때 채점자 자신의 표준편차: {own}",
            f"each answer was judged {one.asked} times, and the mean counts ({one.read:,} of {wanted:,} verdicts on scored "
            f"answers were read); the judge's own standard deviation from one asking to the next: {own}",
        )
    ]
