"""A thread that is asked before it is part of a screen: the key bar of a comparison does, while its columns are being mounted."""

from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.thread import Thread


async def test_a_thread_that_is_not_mounted_yet_says_that_there_is_nothing_to_act_on() -> None:
    app = KullmApp()
    async with app.run_test():
        assert not Thread(Replies(app)).holds("replied")
