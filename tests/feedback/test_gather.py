"""What was said of replies, gathered from conversations, comparisons and verdicts."""

from pathlib import Path

from evaluator.judge import Judge
from evaluator.pairwise import PAIRWISE, Pair
from evaluator.verdict import JudgeReply
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.records import Message
from kullm_tui.core.store.portable import PortableConversation, PortableMessage
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.gather import Feedback, gather
from tests.feedback.said import answered, compared, followed


def told(feedback: Feedback) -> tuple[str, str | None, str | None]:
    return feedback.kind, feedback.chosen, feedback.rejected


def test_a_correction_says_what_led_there_and_where_it_is_from(store: Store) -> None:
    first = answered(store, "안녕", "네", system="짧게")
    turn = store.turn(first)
    conversation = store.conversations()[0]
    reply = followed(store, conversation.id, turn.id, "수도는?", "부산", given="한국")
    correction = store.correct(reply, "서울")
    [found] = gather(store)
    assert told(found) == ("correction", "서울", "부산")
    assert found.question == (
        Message("user", "안녕"),
        Message("assistant", "네"),
        Message("user", "수도는?", "한국"),
    )
    assert (found.system, found.template, found.models, found.flaw) == ("짧게", "kullm-v2", ("kullm-5.8b",), "")
    assert (found.where.conversation, found.where.message) == (conversation.id, correction.id)


def test_marks_are_feedback_and_are_gone_when_taken_back(store: Store) -> None:
    good, bad = answered(store, "수도는?", "서울"), answered(store, "비밀은?", "쉿")
    store.mark(good, "keep")
    store.mark(bad, "never")
    assert sorted(map(told, gather(store))) == [("kept", "서울", None), ("never", None, "쉿")]
    store.mark(good, None)
    store.mark(bad, None)
    assert gather(store) == ()


def test_the_best_of_a_vote_is_preferred_to_each_other_and_a_tie_prefers_nothing(store: Store) -> None:
    compared(store, "수도는?", ["서울", "부산", "대구"], "best", 0)
    compared(store, "강은?", ["한강", "낙동강"], "tie")
    compared(store, "산은?", ["없다", "몰라"], "bad")
    found = gather(store)
    assert sorted(map(told, found), key=str) == [
        ("vote", "서울", "대구"),
        ("vote", "서울", "부산"),
        ("vote", None, None),
        ("vote", None, None),
    ]
    assert {one.flaw for one in found if one.chosen is None} == {"tie", "bad"}
    assert [one.models for one in found if one.rejected == "부산"] == [("model-0", "model-1")]


def test_a_vote_on_replies_to_different_histories_says_so(store: Store) -> None:
    first = compared(store, "안녕", ["반가워요", "네"], "tie")
    comparison = store.comparisons.latest()[0]
    replies = [
        followed(store, column.conversation.id, reply, "수도는?", answer)
        for column, reply, answer in zip(comparison.columns, first, ["서울", "부산"], strict=True)
    ]
    store.comparisons.vote(comparison.id, replies, "best", 0)
    [vote] = [one for one in gather(store) if one.chosen]
    assert vote.flaw == "other-prompt"


def test_what_is_deleted_says_nothing_and_says_it_again_when_restored(store: Store) -> None:
    reply = answered(store, "수도는?", "부산")
    store.correct(reply, "서울")
    compared(store, "강은?", ["한강", "낙동강"], "best", 0)
    conversation, comparison = store.conversations()[0].id, store.comparisons.latest()[0].id
    store.delete(conversation)
    store.comparisons.delete(comparison)
    assert gather(store) == ()
    store.restore(conversation)
    store.comparisons.restore(comparison)
    assert sorted(one.kind for one in gather(store)) == ["correction", "vote"]


def test_only_the_newest_correction_of_a_reply_counts(store: Store) -> None:
    reply = answered(store, "수도는?", "부산")
    store.correct(reply, "대구")
    store.correct(reply, "서울")
    assert {one.chosen: one.flaw for one in gather(store)} == {"서울": "", "대구": "superseded"}


def test_a_reply_below_one_that_is_not_for_training_is_not_either(store: Store) -> None:
    first = answered(store, "비밀은?", "쉿")
    conversation = store.conversations()[0].id
    reply = followed(store, conversation, first, "수도는?", "부산")
    store.correct(reply, "서울")
    store.mark(first, "never")
    assert [one.flaw for one in gather(store) if one.kind == "correction"] == ["never"]


def test_a_cut_reply_is_noted(store: Store) -> None:
    store.correct(answered(store, "수도는?", "부", state="cancelled"), "서울")
    store.correct(answered(store, "강은?", "한가", cut=True), "한강")
    compared(store, "산은?", ["백두산", "한라"], "best", 0, cut=1)
    found = gather(store)
    assert [one.rejected_flaw for one in found if one.kind == "correction"] == ["cut", "cut"]
    assert [one.flaw for one in found if one.kind == "vote"] == ["cut"]


def test_a_judge_that_names_the_same_reply_in_both_orders_prefers_it(store: Store, tmp_path: Path) -> None:
    compared(store, "수도는?", ["부산", "서울"], "tie")
    judge = Judge(Endpoint("judge", "http://127.0.0.1:1/v1"), "gpt-4o", "paper")
    with VerdictStore(tmp_path / "evaluation.db") as verdicts:
        assert not [one for one in gather(store, verdicts) if one.kind == "verdict"]
        for item, choice in zip(Pair("", "수도는?", "", "부산", "서울").items, (3, 1), strict=True):
            key = judge.key(PAIRWISE, item)
            reply = JudgeReply(f"- 선택 (1 - 3): {choice}")
            verdicts.keep(key, reply, judge=judge, rubric=PAIRWISE, item=item, repeat=0, cost=None)
        found = [one for one in gather(store, verdicts) if one.kind == "verdict"]
    assert list(map(told, found)) == [("verdict", "서울", "부산")]


def test_a_correction_in_a_column_of_a_comparison_is_one_too(store: Store) -> None:
    reply, _ = compared(store, "수도는?", ["부산", "대구"], "bad")
    store.correct(reply, "서울")
    [correction] = [one for one in gather(store) if one.kind == "correction"]
    assert (correction.chosen, correction.where.comparison) == ("서울", store.comparisons.latest()[0].id)


def test_a_deleted_comparison_takes_the_corrections_in_its_columns_along(store: Store) -> None:
    reply, _ = compared(store, "수도는?", ["부산", "대구"], "bad")
    store.correct(reply, "서울")
    store.comparisons.delete(store.comparisons.latest()[0].id)
    assert gather(store) == ()


def test_a_file_that_has_a_reply_correct_the_answer_to_another_question_makes_no_pair_of_them(store: Store) -> None:
    messages = (
        PortableMessage(1, None, "user", "수도는?", 1.0),
        PortableMessage(2, 1, "assistant", "부산", 1.0, model="m"),
        PortableMessage(3, None, "user", "강은?", 1.0),
        PortableMessage(4, 3, "assistant", "한강", 1.0, corrects=2),
    )
    store.keep([PortableConversation("k", "제목", 1.0, 1.0, messages)])
    assert gather(store) == ()
