"""Questions of more than one turn (MT-Bench's form). Each turn is a question of its own in its set: asked after the answers before it,
judged together with them, and counted by itself.

    81     first question
    81/2   second question      before = (first question,)
"""

from collections.abc import Mapping
from typing import Literal

from evaluator.answer_store import Answer
from evaluator.questions import Question
from evaluator.rubric import Rubric
from evaluator.verdict import Item
from kullm_tui.core.records import Message

Answers = Mapping[str, Answer]  # one system's, by the question's id

_ASKED: Mapping[str, str] = {"ko": "[질문 {}]", "en": "[Question {}]"}
_ANSWERED: Mapping[str, str] = {"ko": "[답 {}]", "en": "[Answer {}]"}


def is_askable(question: Question, answers: Answers) -> bool:
    """Whether every answer that it goes on from is there."""
    return all(one in answers for one in question.earlier)


def chat_messages(question: Question, answers: Answers) -> list[Message]:
    messages = list(question.history)
    for text, place in zip(question.before, question.earlier, strict=True):
        messages += [Message("user", text), Message("assistant", answers[place].response)]
    return [*messages, Message("user", question.instruction, question.input)]


def shown_instruction(question: Question, answers: Answers, language: Literal["ko", "en"]) -> str:
    """The question; where it goes on from others, with what was said before."""
    *said, _ = chat_messages(question, answers)
    if not said:
        return question.instruction
    parts, number = [], 1
    for message in said:
        form = _ANSWERED if message.role == "assistant" else _ASKED
        parts += [form[language].format(number), *filter(None, (message.content, message.input))]
        number += message.role == "assistant"
    return "\n".join([*parts, _ASKED[language].format(number), question.instruction])


def judged_item(name: str, question: Question, answers: Answers, rubric: Rubric) -> Item:
    """An answer that is there, as a judge or a person is to see it."""
    return Item(
        name,
        shown_instruction(question, answers, rubric.language),
        question.input,
        answers[question.id].response,
        question.right_answer if rubric.uses_reference else "",
    )
