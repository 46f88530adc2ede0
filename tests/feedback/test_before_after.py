"""What two sets of answers come to: gains, the paired test, what got worse first."""

import pytest

from evaluator.answer_store import Answer
from evaluator.questions import Question, QuestionSet
from evaluator.statistics import sign_test
from evaluator.verdict import Verdict
from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.feedback.before_after import Part, graded_offline, items_to_judge, judged, pairs_to_judge, sides, voted
from kullm_tui.feedback.held_out import HeldOut, KnownAnswer

pytestmark = pytest.mark.usefixtures("store")  # a home of the test's own

QUESTIONS = tuple(Question(f"q{number}", f"{number}에 1을 더하면?") for number in range(8))
# Right before: 0–4. Right after: 0–3 and 5–6.
BEFORE = {f"q{number}": Answer(f"{number + 1}입니다." if number < 5 else "모릅니다.") for number in range(8)}
AFTER = {
    f"q{number}": Answer(f"{number + 1}입니다." if number in (0, 1, 2, 3, 5, 6) else "글쎄요.") for number in range(8)
}


def known(*numbers: int) -> HeldOut:
    return HeldOut("셈", QuestionSet("셈", QUESTIONS), {f"q{n}": KnownAnswer((str(n + 1),)) for n in numbers})


def graded(*numbers: int) -> Part:
    return graded_offline(known(*numbers), {"before": BEFORE, "after": AFTER})


def test_known_answers_say_what_got_better_and_worse_and_what_was_kept() -> None:
    part = graded(*range(8))
    assert (part.grader, part.right("before"), part.right("after"), part.kept[0]) == ("known", 5, 6, 4)
    assert [one.gain for one in part.changes] == [0, 0, 0, 0, -1, 1, 1, 0]
    assert part.difference == sign_test([0, 0, 0, 0, -1, 1, 1, 0], furthest=1.0)
    assert part.kept[1].low < 4 / 5 < part.kept[1].high


def test_what_got_worse_stands_first_then_what_is_open_then_the_rest() -> None:
    part = graded(0, 4, 5)
    order = [one.question.id for one in part.worst_first]
    assert order[0] == "q4"
    assert set(order[1:3]) == {"q6", "q7"}  # no answer is known, and the two differ
    assert order[-1] == "q5"


def test_the_same_answer_twice_needs_nobody_to_say_that_neither_is_better() -> None:
    part = graded()
    assert [one.gain for one in part.changes if one.gain is not None] == [0.0] * 4
    assert part.grader == ""


def verdict(name: str, choice: int | None) -> Verdict:
    return Verdict(name, "ok", {"선택": choice}) if choice else Verdict(name, "unparsed")


def test_a_judge_has_to_find_the_same_one_better_in_both_orders() -> None:
    part = graded()
    pairs = pairs_to_judge(part, {"before": BEFORE, "after": AFTER})
    assert sorted(pairs) == ["q4", "q5", "q6", "q7"]
    assert len(items_to_judge(pairs)) == 8
    said = {"q4": (1, 3), "q5": (3, 1), "q6": (1, 1), "q7": (3, None)}
    verdicts = {f"{name}/{order}": verdict(f"{name}/{order}", choice) for name, both in said.items() for order, choice in zip("ab", both, strict=True)}  # fmt: skip
    found = {one.question.id: one.gain for one in judged(part, pairs, verdicts).changes}
    assert (found["q4"], found["q5"], found["q6"], found["q7"]) == (-1.0, 1.0, 0.0, None)


def test_votes_fill_in_what_was_open_and_nothing_else() -> None:
    part = voted(graded(4), {"q5": 1.0})
    found = {one.question.id: one.gain for one in part.changes}
    assert (found["q4"], found["q5"], found["q6"]) == (-1.0, 1.0, None)


def test_base_is_what_the_other_was_trained_over() -> None:
    both = sides("base", "demo-kullm", Config())
    assert (both.before.name, both.after.name, both.together) == ("demo-base", "demo-kullm", True)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("demo-kullm", "demo-kullm", "같은 모델"),
        ("base", "demo-base", "어댑터가 아니라서"),
        ("demo-base", "none-such", "none-such"),
    ],
)
def test_two_that_cannot_be_compared_are_refused(before: str, after: str, told: str) -> None:
    with pytest.raises(KullmError, match=told):
        sides(before, after, Config())


def test_a_usage_error_is_what_a_wrong_pair_is() -> None:
    with pytest.raises(UsageError):
        sides("demo-kullm", "demo-kullm", Config())
