"""What has no score: how it is called, why it has none, and when so much is missing that the means may lean."""

from collections import Counter
from collections.abc import Iterable, Mapping

from evaluator.verdict import Verdict
from kullm_tui.core.language import say

MOST_LOST = 0.03  # of what was to be judged, above which a table says what that does to its means
_SHOWN = 3


def status_word(name: str) -> str:
    """Why there are no scores, in a word."""
    words = {
        "unparsed": say("못 읽음", "unreadable"),
        "refused": say("거절", "refused"),
        "error": say("오류", "error"),
        "missing": say("채점 안 함", "not judged"),
        "other-judge": say("채점자의 다른 버전", "another version of the judge"),
    }
    return words.get(name, name)


def unscored_text(counts: Mapping[str, int]) -> str:
    """`못 읽음 40, 거절 5`; empty where everything has its scores."""
    return ", ".join(f"{status_word(name)} {count}" for name, count in counts.items() if count)


def reasons_of(verdicts: Iterable[Verdict]) -> Mapping[str, int]:
    """Why those without scores have none, the most frequent reason first."""
    return dict(Counter(one.reason or one.text for one in verdicts if one.status != "ok").most_common())


def reason_of_missing(*, answered: bool) -> str:
    """Why an item has no verdict at all."""
    if answered:
        return say("아직 채점하지 않았어요", "not judged yet")
    return say("채점할 답이 없어요", "there is no answer to judge")


def reason_lines(reasons: Mapping[str, int]) -> list[str]:
    shown = [(reason, count) for reason, count in reasons.items() if reason][:_SHOWN]
    lines = [say(f"{count:,}개: {reason}", f"{count:,}: {reason}") for reason, count in shown]
    rest = sum(reasons.values()) - sum(count for _, count in shown)
    if rest:
        lines.append(
            say(
                f"{rest:,}개: 그 밖의 까닭. `kullm eval items`에 하나씩 있어요",
                f"{rest:,}: other reasons. `kullm eval items` has each",
            )
        )
    return lines


def loss_warning(scored: int, counts: Mapping[str, int]) -> str:
    """Where more than 3 % of what was to be judged has no score. What was never judged is none of the judge's losses."""
    lost = sum(count for name, count in counts.items() if name != "missing")
    if not scored or lost <= MOST_LOST * (scored + lost):
        return ""
    share = f"{lost / (scored + lost):.1%}"
    return say(
        f"채점하려던 답의 {share}에 점수가 없어요. 빠진 답은 우연히 고른 것이 아니라서 평균이 한쪽으로 치우쳤을 수 있어요. "
        "두 시스템의 차이(A − B)는 둘 다 점수가 있는 문항만 셌어요",
        f"{share} of what was to be judged has no score. What is lost is not lost at random, so the means may lean to one side; "
        "a difference (A − B) rests on the items that both systems have",
    )
