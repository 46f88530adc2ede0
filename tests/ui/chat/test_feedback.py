"""What a person says of a reply in the chat: the answer that they wanted, kept as good, never to be trained on."""

from pathlib import Path

import pytest
from textual.widgets import TextArea

from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.correct_dialog import CorrectScreen
from tests.openai_server import CUT, OpenAIServer, Reply, chunk, says
from tests.ui.chatting import Chat, chatting

WRONG, RIGHT = "대한민국의 수도는 부산입니다.", "대한민국의 수도는 서울입니다."


async def corrects(chat: Chat, text: str) -> None:
    """In the dialog, whose text is replaced whole."""
    chat.screen.thread.focus()
    await chat.pilot.press("w")
    await chat.until(lambda: isinstance(chat.app.screen, CorrectScreen) and isinstance(chat.app.focused, TextArea))
    editor = chat.app.screen.query_one(TextArea)
    editor.text = ""
    await chat.types(text)
    await chat.pilot.press("ctrl+s")
    await chat.until(lambda: not isinstance(chat.app.screen, CorrectScreen))


async def test_a_corrected_reply_stands_beside_the_reply_and_the_conversation_goes_on_with_it(database: Path) -> None:
    with OpenAIServer([says(WRONG), says("네, 그렇습니다.")]) as server:
        async with chatting(database, server=server) as chat:
            first = await chat.asks("수도는?")
            await corrects(chat, RIGHT)
            await chat.until(lambda: chat.told("2/2 ‹ ›"))
            assert chat.turns[-1].content == RIGHT
            assert chat.told("내가 고친 답")
            await chat.pilot.press("left")
            await chat.until(lambda: chat.turns[-1].content == WRONG)
            await chat.pilot.press("right")
            await chat.until(lambda: chat.turns[-1].content == RIGHT)
            await chat.pilot.press("escape")
            await chat.asks("정말?")
            told = [one["content"] for one in server.requests[1].body["messages"]]
            assert told == ["수도는?", RIGHT, "정말?"]
    with Store(database) as store:
        correction = store.thread(store.conversations()[0].id)[1]
    assert (correction.content, correction.corrects, correction.model) == (RIGHT, first.id, None)


async def test_a_correction_is_corrected_against_the_reply_itself(database: Path) -> None:
    with OpenAIServer([says(WRONG)]) as server:
        async with chatting(database, server=server) as chat:
            first = await chat.asks("수도는?")
            await corrects(chat, "서울")
            await chat.until(lambda: chat.turns[-1].content == "서울")
            await chat.pilot.press("w")
            await chat.until(lambda: isinstance(chat.app.screen, CorrectScreen) and chat.told("부산입니다"))
            assert chat.app.screen.query_one(TextArea).text == "서울"
            await chat.types("이에요")
            await chat.pilot.press("ctrl+s")
            await chat.until(lambda: chat.turns[-1].content == "서울이에요")
            assert chat.turns[-1].corrects == first.id


async def test_what_would_change_nothing_is_refused_in_the_dialog(database: Path) -> None:
    with OpenAIServer([says(WRONG)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("수도는?")
            await chat.pilot.press("shift+tab", "w", "ctrl+s")
            await chat.until(lambda: chat.told("원래 답과 똑같아요"))
            editor = chat.app.screen.query_one(TextArea)
            editor.text = ""
            await chat.pilot.press("ctrl+s")
            await chat.until(lambda: chat.told("고친 답이 비어 있어요"))
            await chat.pilot.press("escape")
            await chat.until(lambda: not isinstance(chat.app.screen, CorrectScreen))
            assert len(chat.turns[-1].siblings) == 1


@pytest.mark.parametrize(("key", "told"), [("g", "좋은 답으로 남김"), ("x", "학습에서 뺌")])
async def test_a_mark_is_put_on_a_reply_and_taken_back_by_the_same_key(database: Path, key: str, told: str) -> None:
    with OpenAIServer([says(RIGHT)]) as server:
        async with chatting(database, server=server) as chat:
            reply = await chat.asks("수도는?")
            await chat.pilot.press("shift+tab", key)
            await chat.until(lambda: chat.told(told))
            assert chat.app.store.turn(reply.id).mark == {"g": "keep", "x": "never"}[key]
            assert chat.screen.thread.chosen == reply.id
            await chat.pilot.press(key)
            await chat.until(lambda: not chat.told(told))
            assert chat.app.store.turn(reply.id).mark is None


async def test_a_reply_that_broke_off_can_be_corrected_and_not_kept(database: Path) -> None:
    with OpenAIServer([Reply([chunk("대한민국의 "), CUT])]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("수도는?")
            await chat.pilot.press("shift+tab", "g")
            await chat.until(lambda: chat.told("도중에 끊긴 답은"))
            await corrects(chat, RIGHT)
            await chat.until(lambda: chat.turns[-1].content == RIGHT)


async def test_the_keys_are_offered_on_replies_alone(database: Path) -> None:
    with OpenAIServer([says(RIGHT)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("수도는?")
            await chat.pilot.press("shift+tab")
            assert chat.screen.thread.holds("has reply")
            await chat.pilot.press("up")
            assert not chat.screen.thread.holds("has reply")
            await chat.pilot.press("w", "g", "x")
            assert chat.app.screen is chat.screen
            await chat.until(lambda: chat.told("다 온 답을 골라야"))
            assert [turn.mark for turn in chat.turns] == [None, None]
