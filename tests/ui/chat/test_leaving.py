"""Leaving: each conversation keeps what was begun in it, and nobody loses a reply without having been asked."""

from pathlib import Path

import pytest
from textual.widgets import Select

from kullm_tui.core.asking.live_reply import LiveReply, ReplyRequest
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints import local_engine
from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.prompt import Draft
from kullm_tui.ui.conversation.settings_dialog import ParametersScreen
from kullm_tui.ui.dialogs.ask import Confirm
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting

_ENDLESS = says(*["글 "] * 2000, pause=0.2)


async def _goes_to(chat: Chat, number: int) -> None:
    """To the conversation that was begun as this one."""
    wanted = chat.app.store.conversations()[::-1][number]
    chat.controller.open(wanted)
    await chat.until(
        lambda: chat.controller.conversation and chat.controller.conversation.id == wanted.id and chat.turns
    )


async def test_each_conversation_keeps_its_own_unsent_text(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            prompt = chat.screen.prompt
            await chat.asks("첫째")
            await chat.types("첫째에 이어")
            await chat.pilot.press("ctrl+n")
            assert prompt.value.text == ""
            await chat.asks("둘째")
            long = "긴 글 " * 2000
            prompt.paste(long)
            await chat.types("둘째에 이어")
            await _goes_to(chat, 0)
            assert prompt.value.text == "첫째에 이어"
            await chat.types("서")
            await chat.pilot.press("ctrl+n")
            await chat.types("새것")
            await _goes_to(chat, 1)
            assert prompt.value.text == f"{long}둘째에 이어"
            await chat.until(lambda: chat.told("붙인 글 1"))  # the long paste is still one word
            await _goes_to(chat, 0)
            assert prompt.value.text == "첫째에 이어서"
            await chat.pilot.press("ctrl+n")
            assert prompt.value.text == "새것"


async def test_the_input_field_and_an_edit_come_back_too(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘"), says("셋")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.pilot.press("f2")
            await chat.types("를 고침")
            await chat.pilot.press("ctrl+n", "ctrl+t")
            await chat.types("따로 줄 글")
            await _goes_to(chat, 0)
            assert chat.screen.prompt.value.text == "첫째를 고침"
            await chat.until(lambda: chat.told("새 갈래가 생겨요"))
            await chat.pilot.press("enter")
            await chat.until(lambda: len(server.requests) == 2)
            await chat.answered()
            assert len(chat.turns[0].siblings) == 2, "it was still an edit"
            await chat.pilot.press("ctrl+n")
            assert chat.screen.prompt.value == Draft("", "따로 줄 글")


async def test_words_that_could_not_be_sent_come_back_where_they_were_written(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.pilot.press("ctrl+n")
            monkeypatch.setattr("kullm_tui.core.endpoints.consent.agreed", lambda _: False)
            await chat.types("밖으로?")
            await chat.pilot.press("enter")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await _goes_to(chat, 0)
            await chat.pilot.press("escape")
            await chat.until(lambda: not chat.controller.busy)
            await chat.pilot.pause()
            assert chat.screen.prompt.value.text == ""
            await chat.pilot.press("ctrl+n")
            assert chat.screen.prompt.value.text == "밖으로?"


async def test_quitting_asks_only_while_a_reply_is_on_its_way(database: Path) -> None:
    with OpenAIServer([_ENDLESS]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("세어 줘")
            await chat.until(lambda: chat.told("글 글"))
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            assert chat.told("멈추고 끝내기")
            await chat.pilot.press("escape")
            assert chat.controller.answering
            assert chat.app.is_running
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: not chat.app.is_running)
    with Store(database) as store:
        kept = store.thread(store.conversations()[0].id)[-1]
    assert (kept.state, kept.content[:2]) == ("cancelled", "글 ")


async def test_quitting_without_a_reply_asks_nothing(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.pilot.press("ctrl+q")
        await chat.until(lambda: not chat.app.is_running)


async def _wants_another_precision(chat: Chat) -> ParametersScreen:
    await chat.pilot.press("f7")
    await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen))
    screen = chat.app.screen
    assert isinstance(screen, ParametersScreen)
    await chat.until(lambda: screen.query_one("#keep").region.area and chat.told("생성 설정"))
    screen.query_one("#precision", Select).value = "bf16"
    await chat.pilot.pause()
    await chat.pilot.click("#keep")
    return screen


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whether the engine would have been stopped; it answers other tests."""
    found: list[str] = []
    monkeypatch.setattr(local_engine, "stop_engine", lambda: found.append("stopped"))
    return found


async def test_another_precision_in_mid_reply_names_what_it_costs(database: Path, stopped: list[str]) -> None:
    with OpenAIServer([_ENDLESS]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("세어 줘")
            chat.controller.answering[0].here = True  # as of a reply that this machine's engine makes
            await chat.until(lambda: chat.told("글 글"))
            screen = await _wants_another_precision(chat)
            await chat.until(lambda: chat.told("답이 멈춰요") and chat.told("답을 멈추고 바꾸기"))
            assert (stopped, load_config().engine.precision) == ([], "4bit")
            await chat.until(
                lambda: not screen.query_one("#keep").has_class("-active")
            )  # a click's effect takes no second one
            await chat.pilot.click("#keep")
            await chat.until(lambda: chat.app.screen is not screen)
            assert (stopped, load_config().engine.precision) == (["stopped"], "bf16")
            assert (await chat.answered()).state == "cancelled"


async def test_a_reply_knows_whether_it_is_made_here(database: Path) -> None:
    async with chatting(database) as chat:
        made: list[bool] = []
        start = chat.controller.replies.start

        def noted(request: ReplyRequest, reply: LiveReply) -> None:
            made.append(reply.here)
            start(request, reply)

        chat.controller.replies.start = noted  # type: ignore[method-assign]
        await chat.asks("대한민국의 수도는 어디인가요?")
        assert made == [True]


async def test_a_reply_from_elsewhere_is_not_in_the_way(database: Path, stopped: list[str]) -> None:
    with OpenAIServer([_ENDLESS]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("세어 줘")
            await chat.until(lambda: chat.told("글 글"))
            screen = await _wants_another_precision(chat)
            await chat.until(lambda: chat.app.screen is not screen)
            assert stopped == ["stopped"]
            assert chat.controller.answering, "it goes on"
