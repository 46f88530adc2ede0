"""Rows in our form and others', there and back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullm_tui.core.records import BadRecord, Message
from kullm_tui.feedback.forms import FORMS, Form, dataset_info, file_text, read, written
from kullm_tui.feedback.taught import Taught

LONG = Taught(
    (
        Message("system", "짧게"),
        Message("user", "안녕"),
        Message("assistant", "네"),
        Message("user", "수도는?", "한국"),
    ),
    "서울",
    "부산",
)


def without_inputs(taught: Taught) -> Taught:
    prompt = tuple(Message(one.role, "\n\n".join(filter(None, (one.content, one.input)))) for one in taught.prompt)
    return Taught(prompt, taught.chosen, taught.rejected)


texts = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() and "\0" not in text)


@st.composite
def taught(draw: st.DrawFn) -> Taught:
    turns = [Message("system", draw(texts))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        turns += [Message("user", draw(texts)), Message("assistant", draw(texts))]
    question = Message("user", draw(texts), draw(st.just("") | texts))
    return Taught((*turns, question), draw(texts), draw(st.none() | texts))


@pytest.mark.parametrize("form", FORMS)
@given(one=taught())
@settings(max_examples=100, deadline=None)
def test_every_form_comes_back_as_it_was(form: Form, one: Taught) -> None:
    back = read(json.loads(json.dumps(written(one, form))))
    assert without_inputs(back) == without_inputs(one)
    if form in ("kullm", "alpaca"):
        assert back == one


def test_pairs_are_what_trl_reads() -> None:
    """https://huggingface.co/docs/trl/dataset_formats: conversational preference, the prompt apart."""
    assert written(LONG, "trl") == {
        "prompt": [
            {"role": "system", "content": "짧게"},
            {"role": "user", "content": "안녕"},
            {"role": "assistant", "content": "네"},
            {"role": "user", "content": "수도는?\n\n한국"},
        ],
        "chosen": [{"role": "assistant", "content": "서울"}],
        "rejected": [{"role": "assistant", "content": "부산"}],
    }


def test_pairs_are_what_llama_factory_reads() -> None:
    """Its data/README.md: a preference data set in ShareGPT's and in Alpaca's form."""
    assert written(LONG, "llama-factory") == {
        "conversations": [
            {"from": "human", "value": "안녕"},
            {"from": "gpt", "value": "네"},
            {"from": "human", "value": "수도는?\n\n한국"},
        ],
        "system": "짧게",
        "chosen": {"from": "gpt", "value": "서울"},
        "rejected": {"from": "gpt", "value": "부산"},
    }
    assert written(LONG, "alpaca") == {
        "instruction": "수도는?",
        "input": "한국",
        "system": "짧게",
        "history": [["안녕", "네"]],
        "chosen": "서울",
        "rejected": "부산",
    }
    info = json.loads(dataset_info("pairs.json", "llama-factory", pairs=True))["kullm_feedback"]
    assert (info["ranking"], info["formatting"]) == (True, "sharegpt")
    assert info["columns"]["messages"] == "conversations"
    assert dataset_info("pairs.json", "trl", pairs=True) == ""


def test_our_form_is_what_the_trainer_reads() -> None:
    assert written(LONG, "kullm")["prompt"][-1] == {"role": "user", "content": "수도는?", "input": "한국"}
    assert "rejected" not in written(Taught(LONG.prompt, "서울"), "kullm")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "수도는?", "chosen": "서울", "rejected": "부산"},
        {
            "chosen": [{"role": "user", "content": "수도는?"}, {"role": "assistant", "content": "서울"}],
            "rejected": [{"role": "user", "content": "수도는?"}, {"role": "assistant", "content": "부산"}],
        },
        {"instruction": "수도는?", "chosen": "서울", "rejected": "부산", "input": None},
        {"conversations": [{"from": "human", "value": "수도는?"}], "chosen": "서울", "rejected": {"value": "부산", "from": "gpt"}},
    ],
)  # fmt: skip
def test_other_ways_to_write_a_pair_are_read(row: dict[str, Any]) -> None:
    assert read(row) == Taught((Message("user", "수도는?"),), "서울", "부산")


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "수도는?"}, {"role": "assistant", "content": "서울"}]},
        {"instruction": "수도는?", "input": "", "output": "서울"},
        {"prompt": "수도는?", "completion": "서울"},
    ],
)
def test_a_row_without_a_rejected_reply_is_one_to_imitate(row: dict[str, Any]) -> None:
    assert read(row) == Taught((Message("user", "수도는?"),), "서울")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, "답으로 끝나지"),
        ({"chosen": "서울", "rejected": "부산"}, "prompt"),
        ({"prompt": "", "chosen": "서울"}, "prompt"),
        ({"prompt": "수도는?", "chosen": ""}, "비었"),
        ({"prompt": "수도는?", "chosen": []}, "chosen"),
        ({"prompt": "수도는?", "chosen": 3}, "chosen"),
        ({"prompt": "수도는?", "chosen": "서울", "rejected": [{"role": "user", "content": "부산"}]}, "답으로"),
        ({"prompt": [{"role": "tool", "content": "x"}], "chosen": "서울"}, "역할"),
        ({"instruction": "수도는?", "history": [["하나"]], "output": "서울"}, "history"),
        ({"conversations": [{"from": "human", "value": "수도는?"}]}, "답으로"),
        (
            {
                "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                "rejected": [{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}],
            },
            "앞부분",
        ),
    ],
)
def test_a_row_that_teaches_nothing_is_told(row: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    with pytest.raises(BadRecord, match=told):
        read(row)


def test_a_file_is_lines_or_one_array() -> None:
    lines = file_text([LONG, LONG], "trl").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(file_text([LONG, LONG], "trl", as_array=True))
