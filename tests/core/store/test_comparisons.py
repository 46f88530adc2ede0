"""Columns, votes and what follows from them, in a real database."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from evaluator.ratings import rate_duels
from kullm_tui.core.errors import StoreError, UsageError
from kullm_tui.core.records import Message
from kullm_tui.core.store import database
from kullm_tui.core.store.comparisons import Comparison, Contestant, Duel
from kullm_tui.core.store.database import Database
from kullm_tui.core.store.journal import FinalState, ReplySource
from kullm_tui.core.store.store import Store

THREE = (Contestant("koalpaca"), Contestant("kovicuna"), Contestant("polyglot", "mine"))


def answer(store: Store, conversation_id: int, question: int, text: str, state: FinalState = "complete") -> int:
    journal = store.open_reply(conversation_id, question, ReplySource("m"))
    journal.feed(text)
    journal.finish(state)
    return journal.reply_id


def asked(store: Store, comparison: Comparison, text: str, *, more: str = "") -> list[int]:
    """The question in every column, at its end."""
    ends = [store.conversation(column.conversation.id) for column in comparison.columns]
    return [store.add_user_turn(one.id, Message("user", text, more), parent_id=one.leaf_id) for one in ends]


def answered(store: Store, comparison: Comparison, questions: Sequence[int], *texts: str) -> list[int]:
    columns = zip(comparison.columns, questions, texts, strict=True)
    return [answer(store, column.conversation.id, question, text) for column, question, text in columns]


def one_round(
    store: Store, *texts: str, blind: bool = False, question: str = "수도는?"
) -> tuple[Comparison, list[int]]:
    comparison = store.comparisons.create(question, THREE[: len(texts)], blind=blind)
    return comparison, answered(store, comparison, asked(store, comparison, question), *texts)


def test_a_comparison_has_a_conversation_for_each_contestant(store: Store) -> None:
    comparison = store.comparisons.create("  수도는?\n둘째 줄", THREE, system="짧게")
    assert (comparison.title, comparison.blind) == ("수도는?", False)
    assert [column.contestant.label for column in comparison.columns] == ["koalpaca", "kovicuna", "polyglot+mine"]
    assert [column.place for column in comparison.columns] == [0, 1, 2]
    for column in comparison.columns:
        assert [turn.content for turn in store.thread(column.conversation.id)] == ["짧게"]
        assert (column.conversation.model, column.conversation.adapter or "") == (
            column.contestant.model,
            column.contestant.adapter,
        )
    assert store.comparisons.get(comparison.id) == comparison


def test_columns_stand_in_no_list_search_or_export(store: Store) -> None:
    plain = store.create_conversation("서울 여행")
    question = store.add_user_turn(plain.id, Message("user", "서울 이야기"), parent_id=None)
    answer(store, plain.id, question, "서울은 큽니다")
    one_round(store, "서울입니다", "서울이에요", question="서울은 어디?")
    assert [one.id for one in store.conversations()] == [plain.id]
    for query in ("서울", "서", "서울입니다", "어디"):
        assert {hit.conversation.id for hit in store.search(query)} <= {plain.id}
    assert len(store.search("서울")) == 3
    assert [one.title for one in store.portable()] == ["서울 여행"]
    latest = store.latest_conversation()
    assert latest is not None
    assert latest.id == plain.id, "the comparison was answered later, and is nothing that `--continue` goes on with"


def test_the_list_of_conversations_is_still_read_from_its_index(store: Store, path: Path) -> None:
    one_round(store, "가", "나")
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT id, title, created, updated, pinned, leaf_id, model, adapter FROM conversations"
            " WHERE deleted IS NULL AND comparison_id IS NULL ORDER BY pinned DESC, recency DESC, id DESC LIMIT 50"
        ).fetchall()
    assert [row[3] for row in plan] == ["SCAN conversations USING COVERING INDEX conversations_listed"]


def test_the_shuffle_of_a_blind_comparison_is_stored(store: Store) -> None:
    orders = set()
    for _ in range(40):
        comparison = store.comparisons.create("질문", THREE, blind=True)
        assert store.comparisons.get(comparison.id) == comparison
        assert {column.contestant for column in comparison.columns} == set(THREE)
        orders.add(tuple(column.contestant.label for column in comparison.columns))
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("contestants", "message"),
    [
        ([], "0개"),
        ([Contestant("a")], "1개"),
        ([Contestant(name) for name in "abcde"], "5개"),
        ([Contestant("a", "x"), Contestant("b"), Contestant("a", "x")], r"a\+x.*두 번"),
    ],
)
def test_contestants_are_two_to_four_different_ones(
    store: Store, contestants: Sequence[Contestant], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        store.comparisons.create("질문", contestants)
    assert store.comparisons.latest() == []


def test_text_that_no_terminal_should_see_does_no_harm(store: Store) -> None:
    comparison = store.comparisons.create("\x1b]0;제목\x07나쁜\0 글\ud800", (Contestant("a\ud800"), Contestant("b")))
    assert comparison.title == "나쁜 글?"
    assert comparison.columns[0].contestant.model == "a?"


def test_everybody_who_was_compared_is_known_once_by_model_and_adapter(store: Store) -> None:
    plus, adapted = Contestant("c++-chat"), Contestant("a", "mine")
    store.comparisons.create("하나", (plus, adapted))
    store.comparisons.create("둘", (adapted, Contestant("b")))
    deleted = store.comparisons.create("셋", (adapted, Contestant("gone")))
    store.comparisons.delete(deleted.id)
    assert set(store.comparisons.contestants()) == {plus, adapted, Contestant("b")}


def test_what_was_answered_last_comes_first(store: Store) -> None:
    first, second = (store.comparisons.create(title, THREE) for title in ("하나", "둘"))
    assert [one.title for one in store.comparisons.latest()] == ["둘", "하나"]
    asked(store, first, "더")
    assert [one.title for one in store.comparisons.latest()] == ["하나", "둘"]
    assert [one.id for one in store.comparisons.latest(limit=1)] == [first.id]


def test_a_vote_for_the_best_beats_each_of_the_others(store: Store) -> None:
    comparison, replies = one_round(store, "가", "나", "다")
    vote = store.comparisons.vote(comparison.id, replies, "best", 2)
    assert (vote.winner, vote.outcome, vote.blind, vote.replies) == (2, "best", False, tuple(replies))
    assert store.comparisons.votes() == store.comparisons.votes(comparison.id) == [vote]
    assert store.comparisons.duels() == [
        Duel("koalpaca", "polyglot+mine", "right", vote=vote.id),
        Duel("kovicuna", "polyglot+mine", "right", vote=vote.id),
    ]


@pytest.mark.parametrize(("outcome", "bad"), [("tie", False), ("bad", True)])
def test_a_tie_ties_every_pair(store: Store, outcome: str, bad: bool) -> None:
    comparison, replies = one_round(store, "가", "나", "다")
    store.comparisons.vote(comparison.id, replies, outcome)  # type: ignore[arg-type]
    duels = store.comparisons.duels()
    assert [(duel.outcome, duel.bad) for duel in duels] == [("tie", bad)] * 3


def test_voting_again_on_a_question_replaces_the_vote(store: Store) -> None:
    comparison, replies = one_round(store, "가", "나", blind=True)
    first = store.comparisons.vote(comparison.id, replies, "best", 0)
    question = store.thread(comparison.columns[1].conversation.id)[-2].id
    again = answer(store, comparison.columns[1].conversation.id, question, "더 나은 답")
    second = store.comparisons.vote(comparison.id, [replies[0], again], "best", 1)
    assert store.comparisons.votes() == [second]
    assert (first.blind, second.blind) == (True, False), "the first vote told the names"


def test_each_question_has_its_own_vote(store: Store) -> None:
    comparison, first = one_round(store, "가", "나", blind=True)
    store.comparisons.vote(comparison.id, first, "tie")
    second = answered(store, comparison, asked(store, comparison, "더"), "다", "라")
    store.comparisons.vote(comparison.id, second, "best", 1)
    assert [(vote.outcome, vote.blind) for vote in store.comparisons.votes(comparison.id)] == [
        ("tie", True),
        ("best", False),
    ]


def test_a_reply_that_failed_competes_with_none(store: Store) -> None:
    comparison = store.comparisons.create("질문", THREE)
    questions = asked(store, comparison, "질문")
    states: list[FinalState] = ["complete", "failed", "cancelled"]
    replies: list[int | None] = [
        answer(store, column.conversation.id, question, "글", state)
        for column, question, state in zip(comparison.columns, questions, states, strict=True)
    ]
    with pytest.raises(StoreError, match="고를 수 있는 답"):
        store.comparisons.vote(comparison.id, replies, "best", 1)
    vote = store.comparisons.vote(comparison.id, replies, "best", 0)
    assert vote.replies == (replies[0], None, replies[2])
    assert store.comparisons.duels() == [Duel("koalpaca", "polyglot+mine", "left", vote=vote.id)]
    replies[2] = None
    with pytest.raises(StoreError, match="두 개는"):
        store.comparisons.vote(comparison.id, replies, "tie")
    assert store.comparisons.votes() == [vote], "a vote that is refused withdraws none"


def test_a_vote_that_makes_no_sense_is_refused(store: Store) -> None:
    comparison, replies = one_round(store, "가", "나")
    _, foreign = one_round(store, "다", "라")
    question = store.thread(comparison.columns[0].conversation.id)[0].id
    for wrong, outcome, winner in (
        (replies[:1], "tie", None),
        ([*replies, replies[0]], "tie", None),
        (foreign, "tie", None),
        ([question, replies[1]], "tie", None),
        ([999, replies[1]], "tie", None),
        (replies, "best", None),
        (replies, "best", 2),
        (replies, "best", -1),
        (replies, "tie", 0),
        (replies, "bad", 5),
    ):
        with pytest.raises(StoreError):
            store.comparisons.vote(comparison.id, wrong, outcome, winner)  # type: ignore[arg-type]
    assert store.comparisons.votes() == []


def test_a_deleted_comparison_takes_its_votes_along_until_it_is_restored(store: Store, path: Path) -> None:
    comparison, replies = one_round(store, "가", "나")
    store.comparisons.vote(comparison.id, replies, "best", 0)
    store.comparisons.delete(comparison.id)
    assert (store.comparisons.latest(), store.comparisons.votes(), store.comparisons.duels()) == ([], [], [])
    for attempt in (
        lambda: store.comparisons.get(comparison.id),
        lambda: store.comparisons.vote(comparison.id, replies, "tie"),
        lambda: store.comparisons.delete(99),
    ):
        with pytest.raises(StoreError, match="비교가 없어요"):
            attempt()
    store.comparisons.restore(comparison.id)
    assert len(store.comparisons.votes(comparison.id)) == 1
    store.comparisons.delete(comparison.id)
    assert store.purge_deleted(older_than_s=3600.0) == 0
    assert store.purge_deleted(older_than_s=-1.0) == 1
    with closing(sqlite3.connect(path)) as connection:
        for table in ("comparisons", "comparison_columns", "conversations", "messages", "votes", "vote_replies"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_duels_are_what_ratings_are_made_of(store: Store) -> None:
    for winner in (0, 0, 0, 1):
        comparison, replies = one_round(store, "가", "나")
        store.comparisons.vote(comparison.id, replies, "best", winner)
    best, worst = rate_duels(store.comparisons.duels())
    assert (best.name, worst.name, best.comparisons) == ("koalpaca", "kovicuna", 4)
    assert best.elo > 1000 > worst.elo


def test_conversations_of_before_stay_in_the_list(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = database._migrations("kullm_tui.core.store")
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "_migrations", lambda _: known[:2])
        with closing(Database(path)) as old, old.transaction() as connection:
            connection.execute(
                "INSERT INTO conversations (title, created, updated, recency) VALUES ('옛 대화', 1, 1, 1)"
            )
    with Store(path) as store:
        assert [one.title for one in store.conversations()] == ["옛 대화"]
        assert [hit.excerpt for hit in store.search("옛")] == ["옛 대화"]
        store.comparisons.create("새 비교", THREE)
        assert [one.title for one in store.conversations()] == ["옛 대화"]


def test_which_questions_have_a_vote_of_just_these_contestants(store: Store) -> None:
    voted, replies = one_round(store, "서울", "부산", "대구", question="수도는?")
    store.comparisons.vote(voted.id, replies, "best", 0)
    one_round(store, "하나", "둘", "셋", question="투표하지 않은 물음")
    fewer, replies = one_round(store, "하나", "둘", question="둘만의 물음")
    store.comparisons.vote(fewer.id, replies, "tie")
    gone, replies = one_round(store, "하나", "둘", "셋", question="지운 물음")
    store.comparisons.vote(gone.id, replies, "bad")
    store.comparisons.delete(gone.id)
    backwards = THREE[::-1]
    assert store.comparisons.voted_questions(backwards) == {Message("user", "수도는?")}
    assert store.comparisons.voted_questions(backwards, system="다른 지시") == set()
