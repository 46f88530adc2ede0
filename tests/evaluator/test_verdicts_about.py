"""What was ever said of a response is found by its content, whichever judge said it, and read with today's rubrics."""

import pytest

from evaluator.judge import Judge, is_its_own_judge
from evaluator.judge_table import usual_mode
from evaluator.rubric import Rubric, load_rubric
from evaluator.verdict import Item, JudgeReply, status_of
from evaluator.verdicts import VerdictStore
from evaluator.verdicts_about import next_repeat, verdicts_about
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.money import money
from tests.evaluator.judge_server import FORM, FORM_SCORES

PAPER = load_rubric("kullm-2023-ko")
ITEM = Item("x", "수도는?", "", "서울입니다. " * 30)


def judge(model: str = "gpt-4.1") -> Judge:
    return Judge(Endpoint("x", "https://x.example/v1"), model, "paper", {})


def keep(store: VerdictStore, by: Judge, item: Item = ITEM, rubric: Rubric = PAPER, repeat: int = 0) -> None:
    reply = JudgeReply(FORM)
    store.keep(by.key(rubric, item, repeat), reply, judge=by, rubric=rubric, item=item, repeat=repeat, cost=0.01)


def test_every_judges_verdict_on_this_very_response_and_on_no_other(store: VerdictStore) -> None:
    keep(store, judge("gpt-4o"))
    keep(store, judge())
    keep(store, judge(), repeat=1)
    keep(store, judge(), Item("y", ITEM.instruction, "", ITEM.response[:-2] + "!"))
    keep(store, judge(), Item("z", "딴 질문", "", ITEM.response))
    found = verdicts_about(ITEM, store, [PAPER])
    assert [(one.model, dict(one.scores)) for one in found] == [
        ("gpt-4.1", FORM_SCORES),
        ("gpt-4.1", FORM_SCORES),
        ("gpt-4o", FORM_SCORES),
    ]
    assert found[0].origin == judge().origin(PAPER) != found[2].origin
    assert next_repeat(ITEM, store, judge(), PAPER) == 2
    assert next_repeat(ITEM, store, judge("gpt-4o"), PAPER) == 1
    assert next_repeat(Item("n", "새", "", "답"), store, judge(), PAPER) == 0


def test_the_rows_are_found_through_the_index(store: VerdictStore) -> None:
    """Ten thousand verdicts of a run must not be read for one card."""
    asked: list[str] = []
    with store.database.reading() as connection:
        connection.set_trace_callback(asked.append)
    store.about(ITEM)
    with store.database.reading() as connection:
        connection.set_trace_callback(None)
        statement = next(one for one in asked if "FROM verdicts" in one)
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert "USING INDEX verdicts_by_content" in plan[0]


def test_a_changed_rubric_keeps_the_words_and_reads_no_scores(store: VerdictStore) -> None:
    keep(store, judge())
    found = verdicts_about(ITEM, store, [load_rubric("kullm-2023-ko-fixed")])
    assert [(one.status, dict(one.scores), one.text) for one in found] == [("unparsed", {}, FORM)]
    assert "kullm-2023-ko" in found[0].reason


@pytest.mark.parametrize(
    ("by", "of", "itself"),
    [
        ("gpt-4.1", "far/gpt-4.1", True),
        ("gpt-4.1-2025-04-14", "gpt-4.1", True),
        ("gpt-4", "gpt-4-0613", True),
        ("gpt-4.1", "gpt-4.1-mini", False),
        ("gpt-4.1", "demo-kullm", False),
        ("gpt-4.1", "", False),
    ],
)
def test_a_judge_that_judges_itself_is_known_by_any_of_its_names(by: str, of: str, itself: bool) -> None:
    assert is_its_own_judge(by, of) is itself


@pytest.mark.parametrize(
    ("model", "mode"),
    [("gpt-4.1", "strict"), ("gpt-4o-2024-08-06", "strict"), ("o3", "strict"), ("gpt-5.6-sol", "strict"),
     ("gpt-4", "paper"), ("gpt-4-turbo", "paper"), ("gpt-4o-2024-05-13", "paper"), ("my-judge", "paper")],
)  # fmt: skip
def test_a_reason_is_asked_for_where_the_judge_is_known_to_keep_to_a_schema(model: str, mode: str) -> None:
    assert usual_mode(model, PAPER) == mode


def test_a_strict_judge_that_answers_in_the_papers_form_is_read_all_the_same() -> None:
    reply = JudgeReply(f"{FORM}\n\n질문에 바로 답했습니다.")
    assert status_of(reply, PAPER, "strict", response="서울") == ("ok", FORM_SCORES, "질문에 바로 답했습니다.")


def test_what_a_judge_says_beside_the_form_is_its_reason() -> None:
    said = f"평가 결과:\n\n{FORM}\n\n## 총평\n전반적인 품질이 높고 문장이 자연스럽습니다.\n다만 짧습니다."
    status, _, reason = status_of(JudgeReply(said), PAPER, "paper", response="서울")
    assert (status, reason) == ("ok", "전반적인 품질이 높고 문장이 자연스럽습니다.\n다만 짧습니다.")


@pytest.mark.parametrize(
    ("dollars", "rate", "shown"),
    [(0.0021, None, "$0.0021"), (1.2, None, "$1.20"), (0.0, None, "$0.00"), (0.0021, 1400, "$0.0021(3원)"),
     (0.0002, 1400, "$0.0002(0.3원)"), (12.5, 1400, "$12.50(17,500원)")],
)  # fmt: skip
def test_money_in_dollars_and_won(
    dollars: float, rate: float | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    assert money(dollars, rate) == shown
