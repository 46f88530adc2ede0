"""What is told of feedback, by the verb and on the screen alike."""

from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.gather import gather
from kullm_tui.feedback.lessons import lessons_in
from kullm_tui.feedback.personal import Personal
from kullm_tui.feedback.text import by_model, masked, overview
from tests.feedback.said import answered, compared


def test_each_model_is_told_with_what_was_said_of_it_the_most_talked_of_first(store: Store) -> None:
    compared(store, "수도는?", ["서울", "부산", "대구"], "best", 0)
    store.mark(answered(store, "강은?", "한강"), "keep")
    counts = by_model(gather(store))
    assert next(iter(counts)) == "model-0"
    assert counts["model-0"] == {"vote": 2}
    assert counts["kullm-5.8b"] == {"kept": 1}


def test_the_overview_tells_what_was_left_out_what_contradicts_and_what_may_be_personal(store: Store) -> None:
    compared(store, "산은?", ["백두산", "한라산"], "tie")
    compared(store, "수도는?", ["서울", "부산"], "best", 0)
    compared(store, "수도는?", ["서울", "부산"], "best", 1)
    store.correct(answered(store, "전화번호는?", "몰라요"), "010-1234-5678이에요.")
    told = "\n".join(overview(lessons_in(store)))
    for part in ("선호 쌍 2개", "비김 1", "반대되는 피드백이 1개", "전화번호 2", "우연"):
        assert part in told


def test_what_is_personal_is_told_by_as_much_as_it_is_found_by() -> None:
    assert [masked(Personal("phone", text)) for text in ("010-1234-5678", "김철수")] == ["01…8", "김…"]


def test_a_lesson_is_flagged_by_all_that_stands_in_it(store: Store) -> None:
    reply = answered(store, "이 번호로 전화해 줘", "네", given="010-1234-5678")
    store.mark(reply, "keep")
    [lesson] = lessons_in(store).personal
    assert lesson.prompt == (Message("user", "이 번호로 전화해 줘", "010-1234-5678"),)
