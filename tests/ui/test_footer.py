"""The footer shows the keys that do something now; ctrl-c stops a reply, and says how to quit where there is none."""

from pathlib import Path

from kullm_tui.ui.widgets.key_bar import usable
from tests.far_words import Words
from tests.openai_server import OpenAIServer, Reply, says
from tests.ui.chatting import Chat, chatting


def shown(chat: Chat) -> set[str]:
    return {key.action for key in usable(chat.app.screen) if key.footer}


async def test_a_key_stands_in_the_footer_only_while_it_does_something(database: Path) -> None:
    with OpenAIServer([Reply(Words()), says("끝까지 왔어요.")]) as far:
        async with chatting(database, server=far) as chat:
            nothing_yet = shown(chat)
            assert nothing_yet.isdisjoint({"stop", "regenerate", "edit_last", "judge", "new_conversation"})
            assert nothing_yet >= {"send", "conversations", "help"}
            await chat.sends("천천히 답해 줘")
            await chat.until(lambda: "stop" in shown(chat) and chat.last_text)
            assert "regenerate" not in shown(chat)
            await chat.pilot.press("escape")
            await chat.until(lambda: "stop" not in shown(chat))
            await chat.until(lambda: shown(chat) >= {"regenerate", "edit_last", "judge", "new_conversation"})
            await chat.pilot.press("ctrl+n")
            await chat.until(lambda: "regenerate" not in shown(chat))


async def test_in_the_thread_code_and_branches_are_offered_where_there_are_any(database: Path) -> None:
    with OpenAIServer([says("말뿐이에요."), says("```py\nx = 1\n```")]) as far:
        async with chatting(database, server=far) as chat:
            await chat.asks("코드 없이")
            await chat.pilot.press("shift+tab")
            await chat.until(lambda: "copy" in shown(chat))
            assert shown(chat).isdisjoint({"copy_code", "branch(-1)", "branch(1)"})
            await chat.pilot.press("escape", "ctrl+r")
            await chat.answered()
            await chat.pilot.press("shift+tab")
            await chat.until(lambda: shown(chat) >= {"copy_code", "branch(-1)"})
            assert "branch(1)" not in shown(chat)


async def test_ctrl_c_stops_a_reply_and_else_says_how_to_quit(database: Path) -> None:
    with OpenAIServer([Reply(Words())]) as far:
        async with chatting(database, server=far) as chat:
            await chat.sends("천천히 답해 줘")
            await chat.until(lambda: chat.last_text)
            await chat.pilot.press("ctrl+c")
            assert (await chat.answered()).state == "cancelled"
            assert not chat.told("Ctrl+Q")
            await chat.pilot.press("ctrl+c")
            await chat.until(lambda: chat.told("끝내려면 Ctrl+Q"))


async def test_ctrl_c_copies_marked_text_and_leaves_the_reply_alone(database: Path) -> None:
    with OpenAIServer([Reply(Words())]) as far:
        async with chatting(database, server=far) as chat:
            await chat.sends("천천히 답해 줘")
            await chat.until(lambda: chat.last_text)
            await chat.types("다음")
            await chat.pilot.press("shift+home", "ctrl+c")
            assert chat.app.clipboard == "다음"
            assert chat.controller.answering


async def test_up_to_a_hundred_columns_the_words_have_the_whole_width(database: Path) -> None:
    long = "가" * 300
    with OpenAIServer([says(long)]) as far:
        for width, least in ((80, 74), (100, 94)):
            far.script.append(says(long))
            async with chatting(database.with_name(f"{width}.db"), size=(width, 24), server=far) as chat:
                await chat.asks("길게")
                reply = chat.screen.thread.views[-1].reply
                assert reply is not None
                assert reply.size.width >= least
                assert not chat.screen.sidebar.display


async def test_at_a_hundred_and_one_columns_list_and_byline_stand_beside_the_words(database: Path) -> None:
    async with chatting(database, size=(101, 24)) as chat:
        assert chat.screen.sidebar.display
