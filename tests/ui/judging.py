"""A judge for the app's tests: a real server, its verdicts with reasons, and what was bought from it before."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from evaluator.judge import Judge
from evaluator.judge_table import judge_parameters
from evaluator.reading import verdict_of
from evaluator.rubric import load_rubric
from evaluator.verdict import Item, JudgeReply, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.ui.judge.price_dialog import FirstVerdictScreen
from kullm_tui.ui.judge.verdict_card import VerdictCard
from tests.evaluator.judge_server import FORM_SCORES
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting

REASON = "질문에 직접 답했고 문장이 자연스럽습니다."
NEWEST = "gpt-4.1-2025-04-14"
SECRET = "sk-secret-1"


def reasoned(reason: str = REASON, **scores: int) -> str:
    """What a strict judge says; `품질=5` changes one score."""
    named = {name: scores.get(short, FORM_SCORES[name]) for name, short in SHORT.items()}
    return json.dumps({"근거": reason, **named}, ensure_ascii=False)


SHORT: Mapping[str, str] = {
    "이해 가능성": "이해",
    "자연스러움": "자연",
    "맥락 유지": "맥락",
    "흥미롭기": "흥미",
    "지시어 사용": "지시",
    "전반적인 품질": "품질",
}


def bought(
    store: VerdictStore,
    item: Item,
    text: str,
    *,
    model: str = "gpt-4.1",
    repeat: int = 0,
    rubric: str = "kullm-2023-ko",
    **reply: str,
) -> Verdict:
    """A reply of that judge's, kept as if it had been paid for."""
    by = Judge(Endpoint("openai", "https://api.openai.com/v1"), model, "strict", judge_parameters(model))
    criteria, said = load_rubric(rubric), JudgeReply(text, prompt_tokens=812, completion_tokens=120, **reply)
    key = by.key(criteria, item, repeat)
    store.keep(key, said, judge=by, rubric=criteria, item=item, repeat=repeat, cost=0.0026)
    return verdict_of(item, said, 0.0026, judge=by, rubric=criteria, kept=True)


@asynccontextmanager
async def answered(home: Path, *texts: str, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Chat]:
    """A conversation with these replies in it, by a model at an endpoint."""
    with OpenAIServer([says(text) for text in texts]) as server:
        async with chatting(home / "kullm.db", size=size, server=server) as chat:
            for number in range(len(texts)):
                await chat.asks(f"질문 {number}")
            yield chat


def card(chat: Chat, place: int = -1) -> VerdictCard:
    found = chat.screen.thread.views[place].verdicts
    assert found is not None
    return found


def has_verdicts(chat: Chat, count: int) -> bool:
    return len(card(chat).verdicts) == count


async def presses_f3(chat: Chat, *, agree: bool = True) -> None:
    """As far as the first call's price, and past it."""
    await chat.pilot.press("f3")
    await chat.until(
        lambda: isinstance(chat.app.screen, FirstVerdictScreen) and chat.told("이 채점자에게 채점을 맡길까요?")
    )
    if agree:
        await chat.pilot.press("enter")


async def judges(chat: Chat, place: int = -1) -> None:
    await presses_f3(chat)
    await chat.until(lambda: card(chat, place).verdicts)
    await chat.pilot.pause()
