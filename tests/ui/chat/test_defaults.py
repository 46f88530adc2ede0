"""Who answers next is what was chosen, and the screen says it; what was only looked at changes nothing."""

from pathlib import Path

from textual import events

from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.conversation.personas import personas
from kullm_tui.ui.widgets.status_line import StatusLine
from tests.openai_server import OpenAIServer
from tests.ui.chatting import Chat, chatting
from tests.ui.comparing import comparing


def _header(chat: Chat) -> str:
    return chat.shown.splitlines()[0]


async def test_there_and_back_at_once_leaves_the_chat_its_own_header(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.until(lambda: "구름 데모" in _header(chat))
        for _ in range(2):
            chat.app.post_message(events.Key("f4", None))
        await chat.until(lambda: "compare" in chat.app._screen_stacks)
        compared = chat.app._screen_stacks["compare"][0]
        await chat.until(lambda: compared.query(StatusLine) and compared.controller.known and compared.columns.views)  # type: ignore[attr-defined]
        await chat.pilot.pause()
        assert isinstance(chat.app.screen, ChatScreen)
        assert "구름 데모" in _header(chat)
        assert "모델 3개" not in _header(chat)


async def test_the_comparison_has_its_own_header_too(database: Path) -> None:
    async with comparing(database) as here:
        await here.until(lambda: "모델 3개 비교" in here.shown.splitlines()[0])


async def test_an_old_conversation_that_is_opened_changes_nothing_for_the_next_new_one(database: Path) -> None:
    with OpenAIServer() as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("먼 모델에게")
            await chat.pilot.press("ctrl+n")
            chat.use("demo-kullm")
            await chat.until(lambda: "구름 데모" in _header(chat))
            old = chat.app.store.conversations()[0]
            chat.controller.open(old)
            await chat.until(lambda: chat.controller.session.model == "far/model" and "model" in _header(chat))
            await chat.asks("이어서")
            await chat.pilot.press("ctrl+n")
            await chat.until(lambda: chat.controller.session.model == "demo-kullm" and "구름 데모" in _header(chat))
        async with chatting(database) as chat:
            assert chat.controller.session.model == "demo-kullm", "nor for the next start"


async def test_what_is_chosen_beside_an_old_conversation_is_all_that_new_ones_take(database: Path) -> None:
    with OpenAIServer() as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("먼 모델에게")
            await chat.pilot.press("ctrl+n")
            chat.use("demo-kullm")
            chat.controller.open(chat.app.store.conversations()[0])
            await chat.until(lambda: chat.controller.session.model == "far/model")
            chat.controller.chose(chat.controller.session.with_decoding({"temperature": 0.3}))
            await chat.pilot.press("ctrl+n")
            await chat.until(lambda: chat.controller.session.model == "demo-kullm")
            assert chat.controller.session.decoding == {"temperature": 0.3}


async def test_a_persona_is_told_in_the_header_and_in_the_welcome(database: Path) -> None:
    teacher = personas()[0]
    async with chatting(database) as chat:
        await chat.until(lambda: "구름 데모" in _header(chat) and not chat.told("페르소나:"))
        chat.controller.chose(chat.controller.session.with_system(teacher.system, teacher.name))
        await chat.until(lambda: teacher.title in _header(chat) and chat.told(f"페르소나: {teacher.title} · F7 바꾸기"))
        chat.controller.chose(chat.controller.session.with_system("너는 고양이다."))
        await chat.until(lambda: "시스템 프롬프트 있음" in _header(chat))
        chat.controller.chose(chat.controller.session.with_system(""))
        await chat.until(lambda: not chat.told("페르소나:") and "시스템" not in _header(chat))
