"""What was begun is there again when the app is opened another time."""

from pathlib import Path

from kullm_tui.core.records import Message
from kullm_tui.core.store.drafts import StoredDraft
from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.prompt import Draft
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import chatting


async def test_a_quit_keeps_what_was_begun(database: Path) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.types("이어서 물을 말")
            await chat.pilot.press("ctrl+n")
            await chat.types("새로 물을 말")
        async with chatting(database, server=server) as chat:
            await chat.until(lambda: chat.screen.prompt.value == Draft("새로 물을 말"))
            chat.controller.open(chat.app.store.conversations()[0])
            await chat.until(lambda: chat.screen.prompt.value == Draft("이어서 물을 말"))


async def test_an_edit_that_was_begun_still_makes_a_branch(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.pilot.press("f2")
            await chat.types("를 고침")
        async with chatting(database, server=server) as chat:
            chat.controller.open(chat.app.store.conversations()[0])
            await chat.until(lambda: chat.screen.prompt.value == Draft("첫째를 고침"))
            await chat.until(lambda: chat.told("고쳐서 보내면 새 갈래가 생겨요"))
            await chat.pilot.press("enter")
            await chat.until(lambda: len(server.requests) == 2)
            await chat.answered()
            assert len(chat.turns[0].siblings) == 2


async def test_a_crash_loses_no_more_than_a_second_of_typing(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.types("오래 쓴 글")
        with Store(database) as other:
            await chat.until(
                lambda: any(one.text == "오래 쓴 글" for one in other.drafts.taken_over().values()), seconds=5
            )


async def test_what_was_sent_is_no_draft(database: Path) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.types("첫째")
            await chat.until(lambda: chat.app.store.drafts.taken_over(), seconds=5)
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.turns)
            await chat.answered()
            await chat.until(lambda: not chat.app.store.drafts.taken_over(), seconds=5)


async def test_leaving_an_edit_brings_back_what_was_begun_and_up_finds_the_edit(database: Path) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.types("쓰다 만 글")
            await chat.pilot.press("f2")
            assert chat.screen.prompt.value == Draft("첫째")
            await chat.types("를 고침")
            await chat.pilot.press("f2")
            assert chat.screen.prompt.value == Draft("첫째를 고침"), "an edit under way goes on"
            await chat.pilot.press("escape")
            assert chat.screen.prompt.value == Draft("쓰다 만 글")
            await chat.pilot.press("up")
            assert chat.screen.prompt.value == Draft("첫째를 고침")


async def test_an_edit_that_was_sent_leaves_what_was_begun_before_it(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.types("쓰다 만 글")
            await chat.pilot.press("f2", "!", "enter")
            await chat.until(lambda: len(server.requests) == 2)
            await chat.answered()
            await chat.until(lambda: chat.screen.prompt.value == Draft("쓰다 만 글"))


async def test_one_goes_on_at_the_end_of_a_draft(database: Path) -> None:
    with Store(database) as store:
        store.drafts.put({None: StoredDraft("첫 줄\n이어 쓸 글")})
    async with chatting(database) as chat:
        await chat.until(lambda: chat.screen.prompt.value.text)
        await chat.types("을 씀")
        assert chat.screen.prompt.value == Draft("첫 줄\n이어 쓸 글을 씀")


async def test_text_in_a_hidden_input_field_is_not_lost_with_a_question(database: Path) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.pilot.press("ctrl+t")
            await chat.types("따로 줄 글")
            await chat.pilot.press("ctrl+t")
            await chat.asks("질문")
            await chat.pilot.press("ctrl+t")
            assert chat.screen.prompt.value == Draft("", "따로 줄 글")


async def test_a_question_that_could_not_be_sent_leaves_what_was_typed_since(database: Path) -> None:
    async with chatting(database) as chat:
        chat.controller._drafts.give_back(None, Message("user", "보내지 못한 질문"), None)
        assert chat.screen.prompt.value == Draft("보내지 못한 질문")
        chat.screen.prompt.set("다음 생각")
        chat.controller._drafts.give_back(None, Message("user", "또 보내지 못한 질문"), None)
        assert chat.screen.prompt.value == Draft("다음 생각")
        await chat.pilot.press("up")
        assert chat.screen.prompt.value == Draft("또 보내지 못한 질문")
