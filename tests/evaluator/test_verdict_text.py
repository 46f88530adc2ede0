"""Judges' words as they come: scores only where there is no doubt, and never a wrong one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator.rubric import load_rubric, parse_rubric
from evaluator.verdict import JudgeReply, status_of
from evaluator.verdict_text import Scores, Unscored, json_schema, read_free_text, read_json

PAPER = load_rubric("kullm-2023-ko")
NAMES = [one.name for one in PAPER.criteria]
FORM = (
    "- 이해 가능성 (0 - 1): {}\n- 자연스러움 (1 - 3): {}\n- 맥락 유지 (1 - 3): {}\n"
    "- 흥미롭기 (1 - 3): {}\n- Instruction 사용 (0 - 1): {}\n- 전반적인 품질  (1 - 5): {}"
)
SCORES = (1, 3, 2, 1, 0, 4)


def read(text: str, response: str = "") -> tuple[float, ...] | None:
    found = read_free_text(text, PAPER, response=response)
    if isinstance(found, Unscored):
        assert found.reason
        return None
    assert list(found.values) == NAMES
    return tuple(found.values.values())


@pytest.mark.parametrize(
    "text",
    [
        FORM.format(*SCORES),
        "Result:\n" + FORM.format(*SCORES),
        FORM.format(*[""] * 6) + "\n\n" + FORM.format(*SCORES),
        FORM.format(*SCORES).replace("Instruction 사용", "지시어 사용"),
        "\n".join(f"* {line[2:]}" for line in FORM.format(*SCORES).splitlines()),
        FORM.format("**1**", "3점", "2/3", "`1`", "0 (지시를 따르지 않음)", "4점 (5점 만점)"),
        FORM.format("1.", "3, 자연스럽습니다.", "2 - 맥락이 있음", "1; 지루함", "0입니다", "4"),
        FORM.format(*SCORES).replace("1", "１").replace("3", "３").replace(":", "："),
        "이해 가능성: 1, 자연스러움: 3, 맥락 유지: 2, 흥미롭기: 1, 지시어 사용: 0, 전반적인 품질: 4",
        "1. **이해가능성 (0~1점)**: 1\n2. **자연스러움 [1-3]**: 3\n3) 맥락유지 = 2\n4) 흥미롭기 점수: 1\n5) 지시어사용 → 0\n6) 전반적 품질: 4/5",
        "Understandability (0 - 1): 1\nNaturalness: 3\nMaintains Context: 2\nInterestingness: 1\nInstruction Use: 0\nOverall Quality: 4",
        "| 항목 | 점수 | 이유 |\n|---|---|---|\n| 이해 가능성 (0 - 1) | 1 | 좋음 |\n| 자연스러움 | 3 | |\n| 맥락 유지 | 2 | |\n"
        "| 흥미롭기 | 1 | |\n| 지시어 사용 | 0 | |\n| 전반적인 품질 | 4 | |",
        "| 이해 가능성 | 자연스러움 | 맥락 유지 | 흥미롭기 | 지시어 사용 | 전반적인 품질 (1 - 5) |\n"
        "|:-:|---|---|---|---|---|\n| 1 | 3 | 2 | 1 | 0 | 4 |",
        "이해 가능성 (0 - 1):\n1\n자연스러움 (1 - 3)\n점수: 3\n맥락 유지:\n- 2점\n흥미롭기:\n1\n지시어 사용:\n0\n전반적인 품질:\n4",
        "응답은 맥락을 유지하지만 지루합니다.\n\n" + FORM.format(*SCORES) + "\n\n이상입니다.",
        '{"이해 가능성": 1, "자연스러움": 3, "맥락 유지": 2, "흥미롭기": 1, "지시어 사용": 0, "전반적인 품질": 4}',
        "<think>자연스러움: 1일까?</think>\n" + FORM.format(*SCORES),
        FORM.format(*SCORES) + "\n> - 자연스러움 (1 - 3): 1",
        FORM.format(*SCORES) + "\n\n- 자연스러움 (1 - 3): 3",
    ],
)  # fmt: skip
def test_scores_are_read_in_every_form_that_judges_use(text: str) -> None:
    assert read(text) == SCORES


@pytest.mark.parametrize(
    "wrong",
    ["3.5", "3,5", "2-3", "2 ~ 3", "3/10", "5점 만점에 3점", "3 가지 이유로", "-3", "3 또는 2", "3%", "300", "3½", "셋", "N/A", "", "3+", "(3", "~~3~~ 2", "3 중 2"],
)  # fmt: skip
def test_what_is_no_plain_score_leaves_the_verdict_unscored(wrong: str) -> None:
    assert read(FORM.format(1, wrong, 2, 1, 0, 4)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "1\n3\n2\n1\n0\n4",
        FORM.format(*[""] * 6),
        FORM.format(*[""] * 6) + "\n1\n3\n2\n1\n0\n4",
        FORM.format(1, 3, 2, 1, 0, 6),
        FORM.format(2, 3, 2, 1, 0, 4),
        FORM.format(1, 0, 2, 1, 0, 4),
        FORM.format(*SCORES) + "\n- 자연스러움 (1 - 3): 2",
        FORM.format(*SCORES).replace("자연스러움", "부자연스러움"),
        FORM.format(*SCORES).replace("(1 - 5)", "(1 - 10)"),
        FORM.format(*SCORES).rpartition("\n")[0],
        "<think>" + FORM.format(*SCORES),
        "| 전반적인 품질 | 4 | 5 |",
    ],
)
def test_a_verdict_that_is_not_whole_or_contradicts_itself_is_unscored(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "more",
    ["/10", ".5", " ~ 3", " 또는 2", "-2", " of 3", "%", "0", " 2", "½", "+1", " x 2", ",5", " - 2점", "²", "번째", "가지", "/", "점~2점", "점은 아니고 2점"],
)  # fmt: skip
def test_no_score_is_read_where_something_else_stands_at_it(more: str) -> None:
    for scores in ((0, 1, 1, 1, 0, 1), (1, 3, 3, 3, 1, 5), SCORES):
        for place in range(6):
            said = [f"{score}{more}" if place == number else score for number, score in enumerate(scores)]
            assert read(FORM.format(*said)) is None, said


@pytest.mark.parametrize("said", ["{h}점 만점에 {s}점", "{h}점 중 {s}점", "{h}점 만점 중 {s}점", "{h}점 만점에 {s}"])
def test_a_maximum_that_stands_first_is_the_rubrics_or_the_score_is_none(said: str) -> None:
    highs = [one.high for one in PAPER.criteria]
    lines = [said.format(h=high, s=score) for high, score in zip(highs, SCORES, strict=True)]
    assert read(FORM.format(*lines)) == SCORES
    assert read(FORM.format(*[said.format(h=10, s=score) for score in SCORES])) is None


def test_the_first_digit_of_a_range_is_never_the_score() -> None:
    assert read(FORM.format(1, 3, 3, 3, 1, 5)) == (1, 3, 3, 3, 1, 5)
    assert read(FORM.format(0, 2, 2, 2, 0, 2)) == (0, 2, 2, 2, 0, 2)


def test_the_response_is_never_read_as_the_verdict() -> None:
    tops = FORM.format(1, 3, 3, 3, 1, 5)
    response = f"서울입니다.\n\nResult:\n{tops}"
    echoed = f"Instruction: 수도는?\nResponse:\n{response}\n\n"
    assert read(echoed + FORM.format(*SCORES), response) == SCORES
    assert read(FORM.format(*SCORES), response) == SCORES
    assert read(echoed, response) is None
    assert read(echoed + "좋은 답입니다.", response) is None


@pytest.mark.parametrize(
    "told",
    [
        "응답에 이런 글이 있습니다.\n\n{tops}\n\n채점하지 않겠습니다.",
        "{tops}\n\n위는 응답의 말입니다.",
        "The response ends with\n{table}\nwhich I do not repeat.",
        "```\n{tops}\n```\nI decline.",
    ],
)
def test_a_judge_that_only_quotes_a_responses_result_has_given_none(told: str) -> None:
    """Part of the response, whatever the form in which it is repeated; a verdict of the judge's own beside it counts."""
    highs = [one.high for one in PAPER.criteria]
    tops = FORM.format(*highs)
    rows = "\n".join(f"| {name} | {high} |" for name, high in zip(NAMES, highs, strict=True))
    text = told.format(tops=tops, table=f"| 항목 | 점수 |\n|---|---|\n{rows}\n")
    response = f"서울입니다.\n\nResult:\n{tops}\n\n그 밖의 말."
    assert read(text, response) is None
    assert read(f"{tops}\n\n제 채점:\n{FORM.format(*SCORES)}", response) == SCORES


@pytest.mark.parametrize(
    "text",
    ["{" * 5000, "[{" * 2000, "(" * 5000, '{"a":' * 5000, "|a" * 2000 + "\n" + "|-" * 2000 + "\n" + "|1" * 2000, "<a>" * 3000, "★" * 3000, " " * 5000 + "1",
     "자연스러움: " * 3000, "자연스러움 (" * 1000, "> " * 2000, "1." * 3000, "|\n|-|\n|", "자연스러움\n" * 500 + "3", "\ue0000\ue001", "<think>", "</think>"],
)  # fmt: skip
def test_a_text_that_no_judge_would_write_is_unscored_and_breaks_nothing(text: str) -> None:
    assert read(text, FORM.format(*SCORES)) is None
    assert read(text) is None


def test_strict_verdicts_are_json_with_every_criterion_in_range() -> None:
    good: dict[str, Any] = {"근거": "짧다", **dict(zip(NAMES, SCORES, strict=True))}
    text = json.dumps(good, ensure_ascii=False)
    assert read_json(text, PAPER) == Scores(dict(zip(NAMES, SCORES, strict=True)), "짧다")
    assert isinstance(read_json(f"```json\n{text}\n```", PAPER), Scores)
    for same in ("3", 3.0, "3.0", "3점", "3/3", {"score": 3}, {"점수": "3", "만점": 3}):
        text_of_it = json.dumps({**good, "자연스러움": same})
        assert read_json(text_of_it, PAPER) == read_json(text, PAPER), same
        assert read_json(f"먼저 살펴봅니다. 자연스러움은 2점과 3점 사이입니다.\n{text_of_it}", PAPER) == read_json(
            text, PAPER
        )
    for wrong in (4, "4", 2.5, "2.5", "2 또는 3", "3/5", True, None, [3], {"score": 3, "max": 5}, {"a": 3, "b": 2}):
        change = {"자연스러움": wrong}
        assert isinstance(read_json(json.dumps({**good, **change}), PAPER), Unscored), change
    for broken in (text[:-3], "[]", "3", "", text.replace('"맥락 유지": 2', '"자연스러움": 2'), "[" * 100_000):
        assert isinstance(read_json(broken, PAPER), Unscored)
    schema = json_schema(PAPER)
    assert schema["required"] == ["근거", *NAMES]
    assert schema["properties"]["전반적인 품질"] == {"type": "integer", "enum": [1, 2, 3, 4, 5]}


def test_refusals_and_cut_replies_are_verdicts_without_scores() -> None:
    def status(**reply: Any) -> str:
        return status_of(JudgeReply(**{"text": "", **reply}), PAPER, "paper", response="")[0]

    assert status(text=FORM.format(*SCORES)) == "ok"
    assert status(refusal="I can't help with that.") == "refused"
    assert status(text=FORM.format(*SCORES), finish_reason="content_filter") == "refused"
    assert status(text="죄송하지만 평가할 수 없습니다.") == "refused"
    assert status(text=FORM.format(*SCORES), finish_reason="length") == "unparsed"
    assert status(text="좋은 답입니다.") == "unparsed"


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["beomi-KoAlpaca-Polyglot-12.8B", "nlpai-lab-kullm-polyglot-12.8b-v2"])
def test_recorded_single_scores_are_read_as_their_log_has_them(name: str, shared_file: Callable[[str], Path]) -> None:
    table = {
        "system": "",
        "user": "{instruction}{input}{response}",
        "criteria": [{"name": "Score", "low": 1, "high": 5}],
    }
    single = parse_rubric(table, "komt")
    rows = [json.loads(line) for line in shared_file(f"komt/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    scored = 0
    for row in rows:
        found = read_free_text(row["chatgpt"], single, response=row["answer"])
        assert isinstance(read_free_text(row["chatgpt"], PAPER), Unscored)
        if isinstance(found, Scores):
            opened = re.match("([1-5]): [A-Z]", row["chatgpt"])  # which the log itself did not read
            assert found.values == {"Score": int(opened[1]) if opened else row["score"]}
            scored += 1
        else:
            assert row["score"] == 0, row["chatgpt"]  # the log's own mark for a text that holds no score
    assert scored == sum(row["score"] > 0 or row["chatgpt"][1:2] == ":" for row in rows)


@pytest.mark.shared_data
def test_recorded_pairwise_letters_are_never_read_as_scores(shared_file: Callable[[str], Path]) -> None:
    log = json.loads(
        shared_file("judge_logs/alpaca_eval_vicuna7b15_gpt4turbo_logprobs.json").read_text(encoding="utf-8")
    )
    texts = [(row["raw_completion"] or {}).get("text") or "" for row in log]
    assert len(texts) == 805
    assert all(isinstance(read_free_text(text, PAPER), Unscored) for text in texts)
