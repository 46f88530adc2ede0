"""What can be learnt of feedback, and what cannot."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.never import Never
from kullm_tui.core.records import Message
from kullm_tui.core.store.portable import PortableConversation, PortableMessage
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.gather import Feedback, Flaw, Kind, Where, gather
from kullm_tui.feedback.lessons import FEWEST_PAIRS, Lessons, lessons, lessons_in, shortage
from tests.feedback.said import answered, compared, followed

NOTHING = Never()


def said(
    question: str,
    chosen: str | None,
    rejected: str | None = None,
    *,
    kind: Kind = "vote",
    when: float = 1.0,
    flaw: Flaw = "",
    before: Sequence[Message] = (),
) -> Feedback:
    asked = (*before, Message("user", question))
    return Feedback(kind, asked, chosen, rejected, ("m",), "kullm-v2", Where(1, 1, "제목"), when, flaw=flaw)


def texts(found: Lessons) -> tuple[list[tuple[str, str]], list[str]]:
    return [(one.chosen, one.rejected or "") for one in found.pairs], [one.chosen for one in found.rows]


def test_corrections_and_kept_replies_are_rows_and_corrections_and_votes_pairs(store: Store) -> None:
    store.correct(answered(store, "수도는?", "부산"), "서울")
    store.mark(answered(store, "강은?", "한강"), "keep")
    compared(store, "산은?", ["백두산", "한라산"], "best", 0)
    found = lessons_in(store)
    assert sorted(texts(found)[0]) == [("백두산", "한라산"), ("서울", "부산")]
    assert sorted(texts(found)[1]) == ["서울", "한강"]
    assert found.left_out == ()


@pytest.mark.parametrize("flaw", ["tie", "bad", "other-prompt", "superseded", "cut", "never"])
def test_what_has_a_flaw_is_left_out_and_told(flaw: Flaw) -> None:
    found = lessons([said("q", None if flaw in ("tie", "bad") else "a", "b", flaw=flaw)], NOTHING)
    assert texts(found) == ([], [])
    assert found.reasons == {flaw: 1}


def test_a_correction_of_a_cut_reply_is_a_row_and_no_pair(store: Store) -> None:
    store.correct(answered(store, "수도는?", "부", state="cancelled"), "서울")
    found = lessons_in(store)
    assert texts(found) == ([], ["서울"])
    assert found.reasons == {"cut": 1}


def test_judges_verdicts_make_pairs_only_where_they_are_wanted() -> None:
    verdict = said("q", "a", "b", kind="verdict")
    assert lessons([verdict], NOTHING).reasons == {"verdict": 1}
    assert texts(lessons([verdict], NOTHING, verdicts=True)) == ([("a", "b")], [])


def test_replies_that_say_the_same_and_empty_ones_teach_nothing() -> None:
    found = lessons([said("q", "서울 이에요", " 서울  이에요"), said("r", " ", "b"), said("s", "a", "")], NOTHING)
    assert texts(found) == ([], [])
    assert found.reasons == {"same-text": 1, "empty": 2}


SECRET = "절대로 밖에 나가면 안 되는 이야기예요."


def a_store_with_a_secret(store: Store) -> None:
    """The same words, marked once, come in by every other way."""
    store.mark(answered(store, "비밀은?", SECRET), "never")
    store.correct(answered(store, "또 비밀은?", SECRET), "말할 수 없어요.")  # as what was corrected
    store.correct(answered(store, "그 말은?", "몰라요"), f"이랬죠: {SECRET}")  # as what was wanted
    store.mark(answered(store, "다시 한번", SECRET), "keep")
    compared(store, "누가 나아?", ["아니요", SECRET], "best", 0)
    compared(store, "누가 더 나아?", [SECRET, "아니요"], "best", 0)
    store.correct(answered(store, f"방금 '{SECRET}'라고 했죠?", "네"), "아니요, 그런 적 없어요.")  # quoted by the user
    first = answered(store, "뭐라고?", SECRET)
    conversation = next(one.id for one in store.conversations() if one.title == "뭐라고?")
    store.correct(followed(store, conversation, first, "수도는?", "부산"), "서울")  # said before it
    messages = (
        PortableMessage(1, None, "user", "비밀은?", 1.0),
        PortableMessage(2, 1, "assistant", SECRET.replace(" ", "  "), 1.0, model="m", mark="keep"),
    )
    store.keep([PortableConversation("elsewhere", "가져온 대화", 1.0, 1.0, messages)])  # imported
    store.mark(answered(store, "강은?", "한강"), "keep")


def test_nothing_of_a_reply_that_is_not_for_training_comes_in_by_any_way(store: Store) -> None:
    a_store_with_a_secret(store)
    found = lessons_in(store)
    assert SECRET.split()[0] not in json.dumps([one.texts for one in found.every], ensure_ascii=False)
    assert texts(found) == ([], ["한강"])
    assert set(found.reasons) == {"never"}


def test_it_stays_out_where_the_conversation_of_the_mark_was_deleted(store: Store) -> None:
    a_store_with_a_secret(store)
    store.delete(next(one.id for one in store.conversations() if one.title == "비밀은?"))
    assert texts(lessons_in(store)) == ([], ["한강"])


def test_a_short_reply_is_left_out_where_it_is_said_and_not_inside_others(store: Store) -> None:
    store.mark(answered(store, "수도는?", "네."), "never")
    store.mark(answered(store, "정말?", "네!"), "keep")
    store.mark(answered(store, "강은?", "네, 한강이에요."), "keep")
    assert texts(lessons_in(store)) == ([], ["네, 한강이에요."])


def test_the_same_said_twice_is_one_lesson() -> None:
    twice = [said("수도는 어디?", "서울", "부산", when=1), said("수도는  어디?", "서울 ", "부산", when=2)]
    found = lessons(twice, NOTHING)
    assert texts(found) == ([("서울 ", "부산")], [])
    [double] = found.left_out
    assert (double.reason, double.feedback.when, double.against and double.against.when) == ("duplicate", 1, 2)


def test_pairs_of_votes_are_those_of_comparisons_also_where_something_newer_says_the_same(store: Store) -> None:
    compared(store, "산은?", ["백두산", "한라산"], "best", 0)
    store.correct(answered(store, "산은?", "한라산"), "백두산")
    store.correct(answered(store, "수도는?", "부산"), "서울")
    out_of_a_file = said("강은?", "한강", "낙동강")
    found = lessons([*gather(store), out_of_a_file], NOTHING)
    assert len(found.pairs) == 3
    assert texts(found.of_votes) == ([("백두산", "한라산")], [])
    assert found.of_votes.reasons == {"duplicate": 1}


def test_signs_make_a_difference_to_what_is_said_and_none_to_the_side_that_it_stands_on() -> None:
    found = lessons(
        [said("1+1은?", "2", "0"), said("1-1은?", "0", "2"), said("C", "C++", "C"), said("r", "a", "b")], NOTHING
    )
    assert len(found.pairs) == 4
    assert found.left_out == ()
    assert len({one.held_out for one in found.pairs if "1" in one.prompt[-1].content}) == 1


def test_of_two_that_contradict_each_other_the_newer_counts_and_the_older_is_told() -> None:
    votes = [said("q", "a", "b", when=1), said("q", "b", "a", when=2), said("other", "a", "b", when=1)]
    found = lessons(votes, NOTHING)
    assert sorted(texts(found)[0]) == [("a", "b"), ("b", "a")]
    [conflict] = found.conflicts
    assert (conflict.feedback.when, conflict.against and conflict.against.when) == (1, 2)


def test_a_reply_that_was_kept_and_corrected_is_no_good_example(store: Store) -> None:
    reply = answered(store, "수도는?", "부산")
    store.mark(reply, "keep")
    store.correct(reply, "서울")
    found = lessons_in(store)
    assert texts(found) == ([("서울", "부산")], ["서울"])
    assert [one.feedback.chosen for one in found.conflicts] == ["부산"]


def test_the_best_of_a_vote_may_be_corrected_all_the_same(store: Store) -> None:
    best, _ = compared(store, "수도는?", ["서울일걸", "부산"], "best", 0)
    store.correct(best, "서울이에요")
    found = lessons_in(store)
    assert sorted(texts(found)[0]) == [("서울이에요", "서울일걸"), ("서울일걸", "부산")]
    assert found.conflicts == ()


@given(
    questions=st.lists(st.text(alphabet="가나다 ?.", min_size=1, max_size=4), min_size=2, max_size=30),
    share=st.floats(0, 0.9),
)
@settings(max_examples=100, deadline=None)
def test_a_question_is_never_on_both_sides(questions: list[str], share: float) -> None:
    before = (Message("user", "안녕"), Message("assistant", "네"))
    feedback = [
        said(question, f"좋은 답 {number}", f"나쁜 답 {number}", before=before if number % 2 else ())
        for number, question in enumerate(questions)
    ]
    found = lessons(feedback, NOTHING, held_out=share)

    def asked(part: Lessons) -> set[str]:
        return {
            "".join(filter(str.isalnum, one.prompt[-1].content)) or one.prompt[-1].content.strip() for one in part.every
        }

    assert not asked(found.train) & asked(found.held_out)
    assert len(found.train.every) + len(found.held_out.every) == len(found.every)
    if share and len(asked(found)) > 1:
        assert found.held_out.every
        assert found.train.every


def test_about_a_tenth_is_held_out_and_stays_there_as_more_is_said() -> None:
    feedback = [said(f"질문 {number}", "a", "b") for number in range(1000)]
    few, many = lessons(feedback[:500], NOTHING), lessons(feedback, NOTHING)
    assert 60 < len(many.held_out.pairs) < 140
    held = {one.prompt for one in few.held_out.pairs}
    assert len(held - {one.prompt for one in many.held_out.pairs}) <= 1, "but the one that stands in for none"


@pytest.mark.usefixtures("store")
def test_too_few_pairs_are_told() -> None:
    assert str(FEWEST_PAIRS) in shortage(FEWEST_PAIRS - 1)
    assert "300" in shortage(FEWEST_PAIRS)
    assert shortage(300) == ""
