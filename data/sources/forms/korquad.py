"""KorQuAD: questions on paragraphs of Wikipedia, turned into an instruction to read the text and answer from it."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.sources.form import Fields, Flaw, Messages, Unfit, list_of, pair, text_of
from kullm_tui.core.language import say

_INSTRUCTION = "다음 글을 읽고 질문에 답해 주세요.\n질문: {question}"


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    """An article with its paragraphs, as the official file holds them; or one question a row, as tables do."""
    article = fields.get("data", fields)
    if isinstance(article, Mapping) and "paragraphs" in article:
        for paragraph in list_of(article, "paragraphs"):
            yield from _paragraph(paragraph)
    else:
        yield _row(article, text_of(article, "context"))


def _paragraph(paragraph: Any) -> Iterator[Messages | Flaw]:
    try:
        context, questions = text_of(_object(paragraph), "context"), list_of(paragraph, "qas")
    except Unfit as unfit:
        yield Flaw("paragraph", say(f"문단: {unfit}", f"a paragraph: {unfit}"))
    else:
        for question in questions:
            yield _row(question, context)


def _row(question: Any, context: str) -> Messages | Flaw:
    try:
        answers = _object(question).get("answers")
        answer = text_of(answers if isinstance(answers, Mapping) else _object(list_of(question, "answers")[0]), "text")
        return pair(_INSTRUCTION.format(question=text_of(question, "question").strip()), answer, context)
    except Unfit as unfit:
        return Flaw("question", say(f"질문: {unfit}", f"a question: {unfit}"))


def _object(value: Any) -> Fields:
    if isinstance(value, Mapping):
        return value
    raise Unfit("columns", say("객체가 아니에요", "no object"))
