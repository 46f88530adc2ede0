"""Each form, from a raw object to messages; the expected rows are written out by hand."""

from typing import Any

import pytest

from data.sources.form import Flaw, Unfit, flaw_of
from data.sources.forms import FORMS, any_columns
from kullm_tui.core.records import Message


def read(form: str, **fields: Any) -> tuple[list[list[str]], list[str]]:
    """The texts of each row, an input behind its instruction; and the reasons of what became none."""
    pieces = list(FORMS[form].read(fields))
    rows = [
        [text for message in piece for text in (message.content, message.input) if text]
        for piece in pieces
        if not isinstance(piece, Flaw)
    ]
    return rows, [piece.reason for piece in pieces if isinstance(piece, Flaw)]


def turns(*said: str) -> list[dict[str, str]]:
    """`H…` is a person's, `G…` a model's, `S…` a system's."""
    speakers = {"H": "human", "G": "gpt", "S": "system"}
    return [{"from": speakers[text[0]], "value": text[1:]} for text in said]


@pytest.mark.parametrize(
    ("form", "fields", "row"),
    [
        ("alpaca", {"instruction": "q", "input": "i", "output": "a"}, ["q", "i", "a"]),
        ("alpaca", {"instruction": "q", "output": "a", "url": "u"}, ["q", "a"]),
        ("alpaca", {"instruction": "q", "input": None, "output": "a"}, ["q", "a"]),
        ("dolly", {"instruction": "q", "context": "c", "response": "a", "category": "qa"}, ["q", "c", "a"]),
        ("p3", {"prompt": "q\n", "completion": "Business<|endoftext|>"}, ["q", "Business"]),
        ("p3", {"inputs": [1, 2], "inputs_pretokenized": "q", "targets_pretokenized": " a\n"}, ["q", "a"]),
        (
            "flan-cot",
            {"question": "q\\nr", "answer": "yes", "chain": "Because."},
            ["q\nr", "Because.\nThe answer is yes."],
        ),
        ("flan-cot", {"question": "q", "answer": "yes", "chain": ""}, ["q", "yes"]),
        ("natural-instructions", {"definition": "d", "inputs": "i", "targets": "a"}, ["d", "i", "a"]),
        (
            "natural-instructions",
            {"Definition": ["d"], "Instances": {"input": "i", "output": ["a", "b"]}, "Source": ["s"]},
            ["d", "i", "a"],
        ),
        ("self-instruct", {"instruction": "q", "input": "<noinput>", "output": "a"}, ["q", "a"]),
    ],
)
def test_one_object_is_one_row(form: str, fields: dict[str, Any], row: list[str]) -> None:
    assert read(form, **fields) == ([row], [])


def test_an_instruction_has_a_row_for_each_instance() -> None:
    instances = [{"input": "i", "output": "a"}, "text", {"input": "", "output": "b"}]
    assert read("self-instruct", instruction="q", instances=instances) == ([["q", "i", "a"], ["q", "b"]], ["instance"])


def test_an_article_has_a_row_for_each_question_with_an_answer() -> None:
    questions = [
        {"question": "수도는?", "answers": [{"text": "서울", "answer_start": 0}]},
        {"question": "왜?", "answers": []},
    ]
    article = {"title": "서울", "paragraphs": [{"context": "서울은 수도다.", "qas": questions}, {"qas": questions}]}
    rows, reasons = read("korquad", version="1", data=article)
    assert rows == [["다음 글을 읽고 질문에 답해 주세요.\n질문: 수도는?", "서울은 수도다.", "서울"]]
    assert reasons == ["question", "paragraph"]


def test_a_table_of_questions_is_read_like_the_articles() -> None:
    answers = {"text": ["서울", "서울시"], "answer_start": [0, 0]}
    rows, _ = read("korquad", context="서울은 수도다.", question="{수도}는?", answers=answers)
    assert rows == [["다음 글을 읽고 질문에 답해 주세요.\n질문: {수도}는?", "서울은 수도다.", "서울"]]


@pytest.mark.parametrize(
    ("said", "pairs", "whole", "reasons"),
    [
        (("H1", "G2", "H3", "G4"), [["1", "2"], ["3", "4"]], ["1", "2", "3", "4"], []),
        (("G0", "H1", "G2"), [["1", "2"]], ["1", "2"], ["leading-reply"]),
        (("G0",), [], [], ["leading-reply"]),
        (("H1",), [], [], ["unanswered"]),
        (("H1", "G2", "H3"), [["1", "2"]], ["1", "2"], ["unanswered"]),
        (("H1", "H2", "G3", "G4", "H5", "G6"), [["2", "3"], ["5", "6"]], ["2", "3"], ["unanswered", "unasked"]),
        (("H1", "G2", "H3", "G ", "H5", "G6"), [["1", "2"], ["5", "6"]], ["1", "2"], ["empty-turn"]),
        (("S0", "H1", "G2"), [["1", "2"]], ["1", "2"], ["system"]),
    ],
)
def test_conversations_that_begin_end_and_break_anywhere(
    said: tuple[str, ...], pairs: list[list[str]], whole: list[str], reasons: list[str]
) -> None:
    assert read("sharegpt", id="x", conversations=turns(*said)) == (pairs, reasons)
    rows, seen = read("sharegpt-conversations", id="x", conversations=turns(*said))
    assert rows == ([whole] if whole else [])
    lost = ["behind-a-break"] if len(whole) < 2 * len(pairs) else []
    assert seen == [*reasons, *lost]


def test_other_names_of_the_speakers_and_of_the_columns_are_known() -> None:
    odd = [{"from": "user", "value": "1"}, {"from": "ChatGPT", "value": "2"}, {"from": "human", "value": "3"}]
    assert read("sharegpt", conversations=[*odd, {"from": "bing", "value": "4"}])[0] == [["1", "2"], ["3", "4"]]
    usual = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    assert read("sharegpt-conversations", conversations=usual)[0] == [["1", "2"]]


def test_turns_that_are_none_are_named_with_their_number() -> None:
    broken = [*turns("H1", "G2"), {"from": "nobody", "value": "3"}, "text", {"from": "gpt", "value": None}]
    pieces = list(FORMS["sharegpt"].read({"conversations": broken}))
    told = [piece.detail for piece in pieces if isinstance(piece, Flaw)]
    assert [words.partition(":")[0] for words in told] == ["turn 3", "turn 4", "turn 5"]


def message(text: str, *replies: dict[str, Any], **facts: Any) -> dict[str, Any]:
    role = facts.pop("role", "assistant")
    return {"text": text, "role": role, "lang": "ko", "replies": list(replies), **facts}


def test_of_a_tree_the_conversation_that_people_ranked_first_is_read() -> None:
    later = message("3", message("4", rank=0), role="prompter")
    tree = message(
        "1",
        message("deleted", rank=0, deleted=True),
        message("worse", rank=2),
        message("refused", rank=0, review_result=False),
        message("2", later, rank=1),
        message("unranked"),
        role="prompter",
    )
    assert read("oasst", message_tree_id="t", prompt=tree) == ([["1", "2", "3", "4"]], [])
    assert read("oasst-ko", prompt=tree)[0] == [["1", "2", "3", "4"]]
    assert read("oasst-ko", prompt={**tree, "lang": "en"}) == ([], [])


def test_a_tree_that_ends_with_a_question_ends_before_it() -> None:
    tree = message("1", message("2", message("3", role="prompter")), role="prompter")
    assert read("oasst", prompt=tree)[0] == [["1", "2"]]
    with pytest.raises(Unfit, match="without a reply"):
        read("oasst", prompt=message("1", role="prompter"))


@pytest.mark.parametrize("form", FORMS)
def test_an_object_of_another_form_is_unfit_whatever_it_holds(form: str) -> None:
    others: list[dict[str, Any]] = [{}, {"text": "x"}, {"instruction": 5, "output": None}, {"conversations": "x"}]
    for fields in (*others, {"data": {}}):
        with pytest.raises(Unfit):
            list(FORMS[form].read(fields))


def columns(fields: dict[str, Any], **named: str) -> list[Any]:
    return list(any_columns.read(fields, columns=named))


def test_any_file_is_read_by_its_columns() -> None:
    (row,) = columns({"질문": "q", "답변": "a", "지문": "i"}, instruction="질문", output="답변", input="지문")
    assert row == (Message("user", "q", "i"), Message("assistant", "a"))
    (row,) = columns({"대화": turns("H1", "G2")}, conversations="대화")
    assert row == (Message("user", "1"), Message("assistant", "2"))


def test_columns_that_only_look_like_ours_are_named_and_not_read() -> None:
    with pytest.raises(Unfit, match="instruction=question, output=answer"):
        columns({"question": "q", "answer": "a"})
    with pytest.raises(Unfit, match="input=context"):
        columns({"instruction": "q", "context": "i", "output": "a"})
    assert len(columns({"instruction": "q", "context": "i", "output": "a"}, input="")) == 1


@pytest.mark.parametrize(
    ("texts", "reason"),
    [(("", "a"), "empty"), (("q", " \n"), "empty"), (("q", "a\0"), "nul"), (("q", "\ud83d"), "half-character")],
)
def test_texts_that_no_step_can_take_are_flaws(texts: tuple[str, str], reason: str) -> None:
    flaw = flaw_of((Message("user", texts[0]), Message("assistant", texts[1])))
    assert flaw is not None
    assert flaw.reason == reason
    assert flaw_of((Message("user", "q"), Message("assistant", "a"))) is None
