import tomllib

import pytest

from evaluator.rubric import load_rubric, parse_rubric, shipped_rubrics
from evaluator.verdict_text import json_schema
from kullm_tui.core.errors import ConfigError


def test_the_shipped_rubrics_load() -> None:
    assert shipped_rubrics() == ("kullm-2023-ko", "kullm-2023-ko-fixed", "kullm3-2024-en", "reference-ko")
    for name in shipped_rubrics():
        rubric = load_rubric(name)
        assert rubric.source
        assert rubric.note_korean
        assert rubric.note_english


def test_the_papers_rubric_asks_what_its_script_asked() -> None:
    rubric = load_rubric("kullm-2023-ko")
    filled = rubric.filled(instruction="지시", input="", response="답")
    assert filled == (
        "Instruction: \n지시\nInput: \n\nResponse: \n답\n\n"
        "Result:\n- 이해 가능성 (0 - 1):\n- 자연스러움 (1 - 3):\n- 맥락 유지 (1 - 3):\n- 흥미롭기 (1 - 3):\n"
        "- Instruction 사용 (0 - 1):\n- 전반적인 품질  (1 - 5):\n\n"
    )
    assert "- 자연스러움 (1 - 3): 사람이 자연스럽게 말할 법한 지시어 (Instruction) 인가요?" in rubric.system
    assert rubric.system.endswith("2. 위의 평가 기준에 따라 Response을 평가합니다.\n\n\n")
    assert [(one.name, one.low, one.high) for one in rubric.criteria] == [
        ("이해 가능성", 0, 1),
        ("자연스러움", 1, 3),
        ("맥락 유지", 1, 3),
        ("흥미롭기", 1, 3),
        ("지시어 사용", 0, 1),
        ("전반적인 품질", 1, 5),
    ]


def test_braces_in_a_response_stay_what_they_are() -> None:
    filled = load_rubric("kullm-2023-ko").filled(instruction="{response}", input="{input}", response="{instruction} {}")
    assert filled.startswith("Instruction: \n{response}\nInput: \n{input}\nResponse: \n{instruction} {}\n")


def test_all_faults_are_told_at_once() -> None:
    table = tomllib.loads(
        'titel = "x"\nmode = "loose"\nuser = "{instruction} {input}"\n'
        '[[criteria]]\nname = "품질"\nlow = 5\nhigh = 1\n[[criteria]]\nname = "품질"\nlow = 0\n'
    )
    with pytest.raises(ConfigError) as caught:
        parse_rubric(table, "mine")
    for fault in ("titel", "mode", "user", "system", "criteria[1].high", "criteria[2].high"):
        assert f"  {fault}" in str(caught.value), fault


def test_the_hash_follows_what_is_asked_and_nothing_else() -> None:
    table = {
        "system": "채점하세요",
        "user": "{instruction}{input}{response}",
        "criteria": [{"name": "품질", "low": 1, "high": 5}],
    }
    one = parse_rubric(table, "a")
    assert parse_rubric({**table, "title": "이름", "mode": "strict"}, "b").sha256 == one.sha256
    aliased = [{"name": "품질", "low": 1, "high": 5, "aliases": ["Quality"]}]
    assert parse_rubric({**table, "criteria": aliased}, "a").sha256 == one.sha256
    for change in (
        {"system": "채점하라"},
        {"user": "{input}{instruction}{response}"},
        {"criteria": [{"name": "품질", "low": 1, "high": 3}]},
    ):
        assert parse_rubric({**table, **change}, "a").sha256 != one.sha256


def test_an_unknown_rubric_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="kullm3-2024-en"):
        load_rubric("kullm3-2024")


def test_half_points_are_scores_only_where_a_rubric_says_so() -> None:
    table = {
        "system": "",
        "user": "{instruction}{input}{response}",
        "criteria": [{"name": "품질", "low": 1, "high": 2}],
    }
    whole = parse_rubric(table, "a")
    halves = parse_rubric({**table, "criteria": [{"name": "품질", "low": 1, "high": 2, "half_points": True}]}, "a")
    assert whole.criteria[0].choices == (1, 2)
    assert halves.criteria[0].choices == (1, 1.5, 2)
    assert halves.sha256 != whole.sha256
    assert json_schema(whole)["properties"]["품질"] == {"type": "integer", "enum": [1, 2]}
    assert json_schema(halves)["properties"]["품질"] == {"type": "number", "enum": [1, 1.5, 2]}
