"""A model that thinks first: its thinking is folded and timed, kept in the file, and nobody is told of it but who unfolds it."""

import re
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.thinking import Thinking
from kullm_tui.ui.judge.subject import subject_of
from tests.openai_server import OpenAIServer, Reply, says, thinks
from tests.ui.chatting import Chat, chatting
from tests.ui.comparing import Far, comparing

_THOUGHT = "음, 한국의 수도를 묻는군"
_WAYS = {
    "tags": says("<th", "ink>\n", _THOUGHT, "\n</thi", "nk>\n\n", "서울", "입니다."),
    "only the end tag": says(_THOUGHT, "\n</think>\n\n서울", "입니다."),
    "reasoning_content": thinks("음, 한국의 수도를 ", "묻는군", answer=["서울", "입니다."]),
    "reasoning": thinks(_THOUGHT, field="reasoning", answer=["서울입니다."]),
}


def _fold(chat: Chat) -> Thinking:
    fold = chat.screen.thread.views[-1].thinking
    assert fold is not None
    return fold


@pytest.mark.parametrize("way", _WAYS)
async def test_thinking_is_folded_timed_and_told_to_nobody(database: Path, way: str) -> None:
    with OpenAIServer([_WAYS[way]]) as server:
        async with chatting(database, server=server) as chat:
            turn = await chat.asks("수도는?")
            assert turn.content == "서울입니다."
            assert turn.thinking.strip() == _THOUGHT
            assert turn.timings["thinking_ms"] >= 0
            assert chat.last_text == "서울입니다."
            await chat.until(lambda: chat.told("생각 ▸") or chat.told("초 ▸"))
            assert not chat.told(_THOUGHT)
            # Copied and judged is the answer alone.
            assert chat.screen.thread.views[-1].text == "서울입니다."
            subject = subject_of(chat.turns, turn.id)
            assert subject
            assert subject.response == "서울입니다."
            await chat.asks("다시 말해 줘")
            assert [one["content"] for one in server.requests[1].body["messages"]] == [
                *("수도는?", "서울입니다.", "다시 말해 줘")
            ]
    with Store(database) as store:
        assert store.search("한국의") == []
        conversation = store.conversations()[0]
        kept = next(iter(store.portable([conversation.id])))
        assert kept.messages[1].thinking.strip() == _THOUGHT


async def test_a_key_and_a_click_unfold_it(database: Path) -> None:
    with OpenAIServer([_WAYS["tags"]]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("수도는?")
            await chat.pilot.press("shift+tab", "t")
            await chat.until(lambda: chat.told(_THOUGHT) and chat.told("▾"))
            await chat.pilot.click(_fold(chat))
            await chat.until(lambda: not chat.told(_THOUGHT))


async def test_while_it_thinks_the_line_says_so_and_a_stopped_thought_is_kept(database: Path) -> None:
    endless = thinks(*["음 "] * 2000, pause=0.2)
    with OpenAIServer([endless]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("수도는?")
            await chat.until(lambda: re.search(r"생각하는 중 (?:[2-9]|\d\d+)초|생각하는 중 \d+분", chat.shown))
            await chat.pilot.press("escape")
            turn = await chat.answered()
            assert (turn.state, turn.content) == ("cancelled", "")
            assert turn.thinking.startswith("음 음 ")
            assert turn.timings["thinking_ms"] >= 1000
            await chat.until(lambda: not chat.told("생각하는 중") and chat.told("초 ▸"))
            await chat.asks("그럼 이것은?")
            assert [one["content"] for one in server.requests[1].body["messages"]] == ["그럼 이것은?"]


async def test_who_wants_to_keep_thinking_has_it_in_the_answer(database: Path, chat_home: Path) -> None:
    with OpenAIServer([_WAYS["reasoning"], says("네")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.app.choose_thinking("keep")
            assert 'thinking = "keep"' in (chat_home / "config.toml").read_text()
            turn = await chat.asks("수도는?")
            assert turn.content == f"<think>\n{_THOUGHT}\n</think>\n\n서울입니다."
            assert turn.thinking == ""
            await chat.asks("또")
            assert _THOUGHT in server.requests[1].body["messages"][1]["content"]


async def test_columns_fold_what_their_models_think(database: Path) -> None:
    script: dict[str, list[Reply]] = {"red": [_WAYS["tags"]], "green": [_WAYS["reasoning_content"]]}
    with Far(by_model=script) as server:
        async with comparing(database, server=server) as here:
            await here.asks("수도는?")
            assert [here.said(place)[-1] for place in range(3)] == ["서울입니다.", "서울입니다.", "blue의 답"]
            assert [here.controller.turns(place)[-1].thinking.strip() for place in range(3)] == [_THOUGHT, _THOUGHT, ""]
            await here.until(lambda: here.shown.count("▸ ") + here.shown.count("▸\n") >= 2)
            assert not here.told(_THOUGHT)
