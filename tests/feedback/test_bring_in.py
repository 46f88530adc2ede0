"""Files of pairs and rows into the store."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError, ImportRefused
from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.bring_in import bring_in
from kullm_tui.feedback.forms import FORMS, Form, file_text
from kullm_tui.feedback.lessons import lessons_in
from kullm_tui.feedback.taught import Taught
from tests.feedback.said import answered, compared

ROWS = [
    Taught((Message("system", "짧게"), Message("user", "수도는?")), "서울", "부산"),
    Taught((Message("user", "안녕"), Message("assistant", "네"), Message("user", "강은?")), "한강", "낙동강"),
    Taught((Message("user", "수도는?"),), "서울이에요", "부산"),
    Taught((Message("user", "수도는?"),), "서울입니다", "부산"),
    Taught((Message("user", "산은?"),), "백두산"),
]


def learnt(store: Store) -> set[tuple[str, str | None]]:
    found = lessons_in(store)
    return {(one.chosen, one.rejected) for one in found.every}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_brought_in_teaches_what_the_file_says(store: Store, tmp_path: Path, form: Form) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(file_text(ROWS, form))
    told = bring_in(store, file)
    assert (told.new, told.known, told.faults) == (5, 0, ())
    pairs: set[tuple[str, str | None]] = {(one.chosen, one.rejected) for one in ROWS if one.rejected}
    assert pairs <= learnt(store)
    assert learnt(store) - pairs == {("백두산", None)}, "a chosen reply alone is nothing to imitate"
    [first] = [one for one in lessons_in(store).pairs if one.chosen == "서울"]
    assert first.prompt == ROWS[0].prompt
    assert [one.title for one in store.conversations()] == ["가져온 피드백: pairs.jsonl"]


def test_what_is_there_already_does_not_come_in_again(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(file_text([*ROWS, ROWS[0]], "kullm"))
    assert (bring_in(store, file).new, bring_in(store, file).known) == (5, 6)
    assert len(store.conversations()) == 1


def test_what_was_exported_here_is_known_here(store: Store, tmp_path: Path) -> None:
    store.correct(answered(store, "수도는?", "부산"), "서울")
    compared(store, "강은?", ["한강", "낙동강"], "best", 0)
    file = tmp_path / "out.jsonl"
    file.write_text(file_text(lessons_in(store).every, "kullm"))
    assert (bring_in(store, file).new, len(store.conversations())) == (0, 1)


def test_deleting_the_conversation_takes_the_import_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(file_text(ROWS, "kullm"))
    bring_in(store, tmp_path / "pairs.jsonl")
    store.delete(store.conversations()[0].id)
    assert learnt(store) == set()
    assert bring_in(store, tmp_path / "pairs.jsonl").new == 5


def test_bad_rows_are_told_with_their_place_and_the_rest_comes_in(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(file_text(ROWS[:1], "kullm") + '{"prompt": "수도는?"}\nnot json\n' + file_text(ROWS[1:2], "trl"))
    told = bring_in(store, file)
    assert (told.new, [fault.place for fault in told.faults]) == (2, ["pairs.jsonl:2", "pairs.jsonl:3"])


def test_a_file_without_a_row_that_can_be_read_is_refused(store: Store, tmp_path: Path) -> None:
    for name, text in (("empty.jsonl", ""), ("other.jsonl", '{"text": "a"}\n')):
        (tmp_path / name).write_text(text)
        with pytest.raises(ImportRefused, match=name):
            bring_in(store, tmp_path / name)
    with pytest.raises(ConfigError):
        bring_in(store, tmp_path / "nothing.jsonl")
    assert store.conversations() == []


def test_what_is_not_for_training_does_not_come_in(store: Store, tmp_path: Path) -> None:
    store.mark(answered(store, "비밀은?", "아무에게도 말하면 안 되는 이야기예요."), "never")
    rows = [*ROWS[:1], Taught((Message("user", "뭐?"),), "몰라요", "아무에게도  말하면 안 되는 이야기예요!")]
    (tmp_path / "pairs.jsonl").write_text(file_text(rows, "kullm"))
    told = bring_in(store, tmp_path / "pairs.jsonl")
    assert (told.new, told.known, len(told.faults)) == (1, 0, 1)
    assert "학습 제외" in told.faults[0].detail


def test_who_gave_the_rejected_reply_is_taken_from_the_file(store: Store, tmp_path: Path) -> None:
    row = {"prompt": "수도는?", "chosen": "서울", "rejected": "부산", "rejected_model": "some-model"}
    (tmp_path / "votes.jsonl").write_text(json.dumps(row))
    bring_in(store, tmp_path / "votes.jsonl")
    [pair] = lessons_in(store).pairs
    assert (pair.of.kind, pair.of.models) == ("vote", ("votes", "some-model"))


def test_many_rows_become_conversations_that_can_be_looked_through(store: Store, tmp_path: Path) -> None:
    rows = [Taught((Message("user", f"질문 {number}"),), f"답 {number}", "몰라요") for number in range(1200)]
    (tmp_path / "many.jsonl").write_text(file_text(rows, "kullm"))
    assert bring_in(store, tmp_path / "many.jsonl").new == 1200
    assert len(store.conversations()) == 3
    assert len(lessons_in(store).pairs) == 1200
