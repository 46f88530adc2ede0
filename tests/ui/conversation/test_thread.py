"""A thread: what it says of a reply, and that it may be asked before it is part of a screen, as the key bar of a comparison does."""

from pathlib import Path

from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.thread import Thread
from tests.ui.chatting import chatting


async def test_a_thread_that_is_not_mounted_yet_says_that_there_is_nothing_to_act_on() -> None:
    app = KullmApp()
    async with app.run_test():
        assert not Thread(Replies(app)).holds("replied")


async def test_a_reply_says_how_many_tokens_were_looked_up_for_it(database: Path) -> None:
    with Store(database) as store:
        conversation = store.create_conversation("요약")
        asked = store.add_user_turn(conversation.id, Message("user", "줄여 주세요"), parent_id=conversation.leaf_id)
        with store.open_reply(conversation.id, asked, ReplySource("demo-kullm")) as journal:
            journal.feed("줄인 글")
            timings = {"tokens_per_second": 31.4, "guessed_tokens": 1500.0, "kept_tokens": 1200.0}
            journal.finish("complete", finished=Finished("stop", Usage(190, 1300), timings))
    async with chatting(database, size=(140, 45)) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("31 tok/s · 미리 맞힘 1,200/1,500"))
