"""How a model that thinks first looks, in the two sizes: while it thinks, folded when it has answered, unfolded."""

from pathlib import Path

import pytest

from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.models import choices
from tests.openai_server import OpenAIServer, Reply, event
from tests.ui.chatting import chatting
from tests.ui.snapshot import SIZES, assert_looks_like

_THOUGHT = """\
사용자가 대한민국의 수도를 물었다. 수도는 서울이다.

한강과 인구도 짧게 덧붙이면 좋겠다. 인구는 약 940만 명이고, 한강이 가운데로 흐른다.
"""
_ANSWER = "대한민국의 수도는 **서울**입니다. 한강을 끼고 약 940만 명이 살아요."

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def _it_thought_so_long(_still_machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "loaded_models", lambda: {"demo-kullm": 20_000_000})
    monkeypatch.setattr(LiveReply, "thinking_seconds", 12.3)


def _thought(database: Path) -> Conversation:
    with Store(database) as store:
        conversation = store.create_conversation("대한민국의 수도")
        question = store.add_user_turn(
            conversation.id, Message("user", "대한민국의 수도는 어디인가요?"), parent_id=None
        )
        timings = {"client_total_ms": 14210.0, "client_first_text_ms": 12412.0, "thinking_ms": 12300.0}
        with store.open_reply(conversation.id, question, ReplySource("demo-kullm")) as journal:
            journal.think(_THOUGHT)
            journal.feed(_ANSWER)
            journal.finish("complete", finished=Finished("stop", Usage(190, 122), timings))
    return conversation


@sizes
async def test_while_it_thinks(database: Path, size: tuple[int, int]) -> None:
    thought = event({"choices": [{"index": 0, "delta": {"reasoning_content": _THOUGHT}, "finish_reason": None}]})
    with OpenAIServer([Reply([thought, 60.0])]) as server:
        async with chatting(database, size=size, server=server) as chat:
            chat.controller.ask(Message("user", "대한민국의 수도는 어디인가요?"))
            await chat.until(lambda: chat.told("생각하는 중 12초") and (size[0] < 100 or chat.told("오늘")))
            await assert_looks_like(chat.pilot, f"chat-thinking-{size[0]}x{size[1]}")


@sizes
async def test_folded_and_unfolded(database: Path, size: tuple[int, int]) -> None:
    conversation = _thought(database)
    async with chatting(database, size=size) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("생각 12초 ▸") and (size[0] < 100 or chat.told("오늘")))
        await assert_looks_like(chat.pilot, f"chat-thought-{size[0]}x{size[1]}")
        await chat.pilot.press("shift+tab", "t")
        await chat.until(lambda: chat.told("▾"))
        await assert_looks_like(chat.pilot, f"chat-thought-open-{size[0]}x{size[1]}")
