"""Evaluation items that hide in a source, as they are and as near copies; and honest rows that are none."""

import pickle
import random
import re
from collections.abc import Iterator
from itertools import islice

import pytest

from data.decontaminate import Decontaminate, held_out_texts
from data.row import Rejection, Row, new_row
from kullm_tui.core.records import Message
from tests.data.filters.mixed import honest, korean_sentences
from tests.data.shared_rows import SharedFile, honest_rows, pair, questions_en, questions_ko
from tests.growth import growth

_QUESTIONS = [
    (
        "주어진 이메일의 어조가 읽는 사람에게 어떻게 들릴지 분석하세요.",
        "안녕하세요, 내일 회의 전에 잠깐 이야기할 수 있을까요? 판매 수치를 다시 확인해 주시면 감사하겠습니다.",
    ),
    ("Suggest a recipe for a vegan dessert.", ""),
    ("Correct the grammar.", "He go to school."),
    ("좋아?", ""),
]


def _is_rejected(step: Decontaminate, row: Row) -> bool:
    found = step(row)
    return isinstance(found, Rejection) and found.reason == "contaminated"


def _with_a_word_changed(rng: random.Random, text: str) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = "사과를" if re.search("[가-힣]", text) else "banana"
    return " ".join(words)


def _near_copies(rng: random.Random, instruction: str, beside: str) -> Iterator[tuple[str, Row]]:
    answer = "그럼요. 다음과 같이 하면 좋습니다."
    whole = f"{instruction}\n{beside}".strip()
    yield "as it is", pair(instruction, answer, beside)
    yield "in one field", pair(whole, answer)
    yield "case", pair(instruction.upper(), answer, beside.swapcase())
    yield "spacing", pair(instruction.replace(" ", ""), answer, "  ".join(beside.split()))
    yield "punctuation", pair(re.sub("[.,!?'\"]", "", instruction) + "!!", answer, beside.replace(".", " ;"))
    yield "a word", pair(_with_a_word_changed(rng, instruction), answer, beside)
    if len(beside.split()) > 3:
        yield "a word of the input", pair(instruction, answer, _with_a_word_changed(rng, beside))
    yield "quoted", pair(f'어제 이런 글을 봤습니다. "{whole}" 이 글을 어떻게 생각하시나요?', answer)
    yield "quoted", pair(f'I read this in a forum: "{whole.upper()}" What would you answer?', "Well, this.")
    yield "in an answer", pair("연습 문제를 하나 내 주세요.", f"네, 문제입니다. {whole} 잘 풀어 보세요.")
    turns = [Message("user", "안녕"), Message("assistant", "네"), Message("user", whole), Message("assistant", answer)]
    yield "a later turn", new_row("test", "", turns)


@pytest.mark.shared_data
def test_the_evaluation_items_are_found_in_both_languages_with_their_near_copies(shared_file: SharedFile) -> None:
    questions, rng = [*questions_ko(shared_file), *questions_en(shared_file)], random.Random(3)
    assert len(questions) == 2 * 252
    step = Decontaminate(held_out_texts(questions))
    missed = [
        (kind, instruction)
        for instruction, beside in questions
        for kind, row in _near_copies(rng, instruction, beside)
        if not _is_rejected(step, row)
    ]
    assert missed == []


@pytest.mark.shared_data
def test_of_ten_thousand_honest_rows_none_is_taken_for_an_item(shared_file: SharedFile) -> None:
    step = Decontaminate(held_out_texts([*questions_ko(shared_file), *questions_en(shared_file)]))
    korean, rng = korean_sentences(shared_file), random.Random(3)
    rows = list(honest_rows(shared_file))
    rows += [honest(rng, korean) for _ in range(10_000 - len(rows))]
    assert len(rows) == 10_000
    assert [row.messages for row in islice(rows, None) if _is_rejected(step, row)] == []


@pytest.mark.parametrize(
    "row",
    [
        pair("Suggest a recipe for a chocolate birthday cake.", "Mix and bake."),
        pair("Correct the grammar.", "My brother has three cars.", "My brother have three cars."),
        pair(
            "주어진 이메일을 요약하세요.",
            "회의 요청입니다.",
            "안녕하세요, 다음 주 회의 일정을 알려 드립니다. 참석 여부를 회신해 주세요.",
        ),
        pair("이 노래 좋아? 나는 별로인데.", "저는 좋아요."),
        pair("", ""),
    ],
)
def test_what_only_resembles_an_item_is_kept(row: Row) -> None:
    assert Decontaminate(held_out_texts(_QUESTIONS))(row) is row


def test_an_input_long_enough_gives_itself_away_under_another_instruction() -> None:
    step = Decontaminate(held_out_texts(_QUESTIONS))
    assert _is_rejected(step, pair("영어로 옮기세요.", "Hello.", _QUESTIONS[0][1]))
    assert not _is_rejected(step, pair("Is this right?", "No.", "He go to school."))


def test_a_text_of_two_letters_is_found_where_it_is_the_whole_question() -> None:
    assert _is_rejected(Decontaminate(held_out_texts(_QUESTIONS)), pair("좋아!!", "네"))


def test_without_held_out_texts_every_row_is_kept() -> None:
    row = pair("무엇이든", "네")
    assert Decontaminate(())(row) is row


def test_settings_tell_sets_of_held_out_texts_apart_but_not_their_order() -> None:
    one, other = Decontaminate(("가나다라", "마바사아")), Decontaminate(("마바사아", "가나다라"))
    assert one.settings == other.settings != Decontaminate(("가나다라",)).settings
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("piece", ["suggest a recipe for a vegan ", "하세요", "이메일의어조가읽는사람에게", "\n"])
def test_a_row_takes_time_in_proportion_to_its_length(piece: str) -> None:
    step = Decontaminate(held_out_texts([*_QUESTIONS, ("Suggest a recipe for a friendly group of people.", "")]))
    assert growth(lambda size: step(pair("무엇인가요?", piece * size)), 500) < 4
