"""Answers to a question set from any target, several at once, each kept as it comes, so that a run goes on where it stopped."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from evaluator.answer_store import Answer, System, keep_answer, kept_answers
from evaluator.questions import Question, QuestionSet
from evaluator.system_files import files_of
from evaluator.turns import chat_messages
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target
from kullm_tui.core.asking.thinking import Delta, Resorted
from kullm_tui.core.endpoints.client import load_model, stream_chat
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished
from kullm_tui.core.errors import KullmError
from kullm_tui.core.text import nfc

_AT_ONCE = 8
_OWN = ("alone",)  # what the engine alone can be asked


def target_system(target: Target, decoding: Mapping[str, Any], *, precision: str = "") -> System:
    """The target as a row of the table, with all that decides its answers; its template too, since a wrong one spoils them."""
    name = f"{target.name}+{target.adapter}" if target.adapter else target.name
    source: dict[str, Any] = {"model": target.model, "template": target.template, "decoding": dict(decoding)}
    if target.endpoint:
        said = {field: value for field, value in decoding.items() if field not in _OWN}
        return System(name, {**source, "decoding": said, "endpoint": target.endpoint.base_url})
    if target.adapter:
        source["adapter"] = target.adapter
    if precision:
        source["precision"] = precision
    return System(name, source | files_of(target.model, target.adapter))


async def answer_questions(
    questions: QuestionSet,
    system: System,
    endpoint: Endpoint,
    *,
    store: VerdictStore,
    at_once: int = _AT_ONCE,
    told: Callable[[int], None] | None = None,
) -> dict[str, Answer]:
    """Every question's answer, by its id. The first failure ends the run; what was answered is kept. `told` hears how many."""
    answers = await asyncio.to_thread(kept_answers, store, system, questions.questions)
    waiting = deque(_conversations(questions, answers))
    if waiting and endpoint.local:
        await _loaded(endpoint, system)

    async def work() -> None:
        while waiting:
            for question in waiting.popleft():
                answer = await _answer(question, answers, system, endpoint)
                await asyncio.to_thread(keep_answer, store, system, question, answer)
                answers[question.id] = answer
                if told:
                    told(len(answers))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(waiting))):
                group.create_task(work())
    except* KullmError as failures:
        raise failures.exceptions[0] from None
    return answers


def _conversations(questions: QuestionSet, answers: Mapping[str, Answer]) -> list[list[Question]]:
    """What has no answer yet; the turns of one conversation together, since each needs the answer before it."""
    found: dict[str, list[Question]] = {}
    for question in questions.questions:
        if question.id not in answers:
            found.setdefault(question.first, []).append(question)
    return list(found.values())


async def _answer(question: Question, answers: Mapping[str, Answer], system: System, endpoint: Endpoint) -> Answer:
    decoding = dict(system.source.get("decoding", {}))
    if adapter := system.source.get("adapter"):
        decoding["adapter"] = adapter
    text, finished = [], Finished("")
    pieces = stream_chat(
        endpoint,
        model=system.source["model"],
        messages=chat_messages(question, answers),
        decoding=decoding,
    )
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Delta):
                text.append(piece.text)
            elif isinstance(piece, Resorted):
                text = [piece.text]
            elif isinstance(piece, Finished):
                finished = piece
    response = nfc("".join(text)).encode("utf-8", errors="replace").decode()
    return Answer(response, finished.reason, finished.prompt_sha256, finished.usage.completion_tokens)


async def _loaded(endpoint: Endpoint, system: System) -> None:
    async with aclosing(load_model(endpoint, system.source["model"], system.source.get("adapter"))) as steps:
        async for _ in steps:
            pass
