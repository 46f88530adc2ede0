"""A person chats: what is asked is kept, what comes is shown, and what goes wrong is said where it happened."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kullm_tui.core.endpoints import consent
from kullm_tui.core.endpoints.local_engine import running_engine
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Turn
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation.turn import TurnView
from tests.openai_server import CUT, OpenAIServer, Part, Reply, chunk, event, refuses, says
from tests.ui.chatting import chatting


async def test_a_newcomer_asks_and_the_demo_answers(database: Path) -> None:
    async with chatting(database, size=(80, 24)) as chat:
        assert chat.told("구름 데모 모델이 답해요")
        assert chat.told("데모 모델")
        reply = await chat.asks("대한민국의 수도는 어디인가요?")
        assert "서울" in reply.content
        assert chat.last_text == reply.content
        assert chat.told("서울")
        assert chat.told("tok/s")
        assert chat.told("문맥")
    with Store(database) as store:
        kept = store.thread(store.conversations()[0].id)
    assert [(turn.role, turn.state) for turn in kept] == [("user", "complete"), ("assistant", "complete")]
    assert kept[1].model == "demo-kullm"
    assert kept[1].prompt_tokens


async def test_a_sample_question_can_be_picked(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.until(lambda: chat.told("구름 데모 모델이 답해요"))
        await chat.pilot.pause()
        await chat.pilot.click("#sample-1")
        reply = await chat.answered()
        assert "42" in reply.content
        assert chat.screen.prompt.has_focus_within


async def test_a_reply_that_is_over_before_it_was_ever_shown(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Store.thread

    def slow(store: Store, conversation_id: int, leaf_id: int | None = None) -> list[Turn]:
        """What is read while the reply goes on is handed over after it has ended."""
        turns = read(store, conversation_id, leaf_id)
        if turns[-1].state == "streaming":
            while read(store, conversation_id, leaf_id)[-1].state == "streaming":
                time.sleep(0.01)
            time.sleep(0.5)
        return turns

    with OpenAIServer([says("다 왔어요.")]) as server:
        async with chatting(database, server=server) as chat:
            monkeypatch.setattr(Store, "thread", slow)
            await chat.sends("빨리")
            await chat.until(lambda: chat.told("다 왔어요."))


async def test_stop_keeps_what_had_arrived(database: Path) -> None:
    with OpenAIServer([says(*["가나다 "] * 400, pause=0.1)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("세어 줘")
            await chat.until(lambda: chat.told("가나다 가나다"))
            await chat.pilot.press("escape")
            reply = await chat.answered()
            assert reply.state == "cancelled"
            assert reply.content.startswith("가나다")
            assert chat.told("중단됨")
            assert server.requests[0].disconnected.wait(60)
    with Store(database) as store:
        kept = store.thread(store.conversations()[0].id)[-1]
    assert (kept.state, kept.content) == ("cancelled", reply.content)


async def test_asking_again_makes_a_branch_and_the_arrows_lead_back(database: Path) -> None:
    with OpenAIServer([says("첫 대답"), says("둘째 대답")]) as server:
        async with chatting(database, server=server) as chat:
            first = await chat.asks("물음")
            await chat.pilot.press("ctrl+r")
            await chat.until(lambda: len(server.requests) == 2)
            second = await chat.answered()
            assert second.siblings == (first.id, second.id)
            assert chat.told("둘째 대답")
            assert chat.told("2/2 ‹ ›")
            await chat.pilot.press("shift+tab", "left")
            await chat.until(lambda: chat.told("첫 대답"))
            assert chat.turns[-1].id == first.id
            assert [one["role"] for one in server.requests[1].body["messages"]] == ["user"]


async def test_an_edited_question_is_a_branch_of_its_own(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫 물음")
            await chat.pilot.press("f2")
            assert chat.screen.prompt.value.text == "첫 물음"
            await chat.types("을 고침")
            await chat.pilot.press("enter")
            await chat.until(lambda: len(server.requests) == 2)
            await chat.answered()
            assert [turn.content for turn in chat.turns] == ["첫 물음을 고침", "둘"]
            assert len(chat.turns[0].siblings) == 2
            await chat.pilot.press("shift+tab", "up", "left")
            await chat.until(lambda: chat.turns[-1].content == "하나")


@pytest.mark.parametrize(
    ("reply", "kept", "told"),
    [
        (refuses(400, "망가짐 [/x] \x1b]52;c;QQ==\x07[bold]"), "", "망가짐"),
        (refuses(401, "열쇠"), "", "키"),
        (Reply([chunk("반만 "), CUT]), "반만 ", "끊"),
        (Reply(["data: {{{\n\n"]), "", "✗"),
    ],
    ids=["refused", "no key", "cut", "malformed"],
)
async def test_a_fault_is_a_line_in_the_thread_and_the_next_question_works(
    database: Path, reply: Reply, kept: str, told: str
) -> None:
    with OpenAIServer([reply, *[says("괜찮아요")] * 3]) as server:
        async with chatting(database, server=server) as chat:
            failed = await chat.asks("물음")
            assert (failed.state, failed.content) == ("failed", kept)
            assert chat.told(told)
            assert "\x1b" not in chat.shown
            assert chat.told("^r 다시 물어보기")
            assert (await chat.asks("다시")).content == "괜찮아요"


async def test_a_model_that_is_not_there_is_said_and_the_question_is_kept(database: Path) -> None:
    async with chatting(database) as chat:
        chat.use("nobody")
        failed = await chat.asks("누구세요")
        assert failed.state == "failed"
        assert chat.told("'nobody' 모델이 없어요")
        chat.use("demo-kullm")
        await chat.pilot.press("ctrl+r")
        await chat.until(lambda: chat.turns[-1].model == "demo-kullm")
        assert (await chat.answered()).state == "complete"


async def test_a_reply_goes_on_while_another_conversation_is_open(database: Path) -> None:
    pieces = [f"{number} " for number in range(60)]
    with OpenAIServer([says(*pieces, pause=0.1), says("다른 답")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("긴 답")
            first = chat.controller.conversation
            assert first
            await chat.until(lambda: chat.told("0 1 2"))
            await chat.pilot.press("ctrl+n")
            await chat.asks("다른 물음")
            chat.controller.open(first)
            await chat.until(lambda: chat.controller.conversation == first and chat.turns)
            assert chat.controller.answering, "it should still be streaming"
            reply = await chat.answered()
            assert reply.content == "".join(pieces)
            assert chat.last_text == reply.content


async def test_quitting_while_it_streams_keeps_the_part_that_came(database: Path) -> None:
    with OpenAIServer([says(*["글 "] * 500, pause=0.1)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("물음")
            await chat.until(lambda: chat.told("글 글 글"))
        with Store(database) as store:
            kept = store.thread(store.conversations()[0].id)[-1]
    assert kept.state == "cancelled"
    assert kept.content.startswith("글 글 글")


async def test_the_engine_killed_in_mid_stream_leaves_the_app_alive(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.asks("안녕하세요")
        chat.controller.session = chat.controller.session.with_decoding({"temperature": 4.0, "max_tokens": 900})
        chat.controller.ask(Message("user", "대한민국의 수도는?"))
        await chat.until(lambda: chat.controller.answering and chat.controller.answering[0].pieces)
        engine = running_engine()
        assert engine
        os.kill(engine.pid, signal.SIGKILL)
        cut = await chat.answered()
        assert cut.state == "failed"
        assert cut.content
        assert chat.told("✗")
        chat.controller.session = chat.controller.session.with_decoding({})
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: not chat.turns)
        assert "42" in (await chat.asks("12 더하기 30은 얼마인가요?")).content


async def test_text_leaves_the_machine_only_with_consent(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "is_outside", lambda _: True)
    with OpenAIServer([says("받았어요"), says("또 받았어요")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.types("비밀")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("127.0.0.1"))
            await chat.pilot.press("escape")
            await chat.until(lambda: chat.screen.prompt.value.text == "비밀")
            assert server.requests == []
            assert chat.turns == []
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("보낼까요"))
            await chat.pilot.press("enter")
            assert (await chat.answered()).content == "받았어요"
            assert (await chat.asks("다음")).content == "또 받았어요"


async def test_what_was_left_out_or_cut_is_told_and_told_again_later(database: Path) -> None:
    reply = says(
        "답", finish="length", last={"dropped_turns": 3, "usage": {"prompt_tokens": 900, "completion_tokens": 8}}
    )
    with OpenAIServer([reply]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("물음")
            assert chat.told("앞의 문답 3개는 모델에 보내지 않았어요")
            assert chat.told("길이 한도에서 멈췄어요")
            conversation = chat.controller.conversation
            assert conversation
            await chat.pilot.press("ctrl+n")
            await chat.until(lambda: not chat.turns)
            chat.controller.open(conversation)
            await chat.until(lambda: chat.told("앞의 문답 3개는 모델에 보내지 않았어요"))


async def test_a_reader_who_scrolled_up_stays_there_and_is_told(database: Path) -> None:
    lines = "\n\n".join(f"{number}째 줄" for number in range(60))
    with OpenAIServer([says(lines), says(*["더 "] * 80, pause=0.05)]) as server:
        async with chatting(database, size=(80, 24), server=server) as chat:
            await chat.asks("긴 글")
            thread = chat.screen.thread
            assert thread.is_vertical_scroll_end
            await chat.sends("더")
            await chat.pilot.press("pageup", "pageup")
            there = thread.scroll_y
            await chat.answered()
            assert thread.scroll_y == there
            assert chat.told("새 답 ↓")
            await chat.pilot.press("ctrl+end")
            await chat.until(lambda: thread.is_vertical_scroll_end and not chat.told("새 답 ↓"))


async def test_a_reply_of_one_line_of_a_megabyte_is_shown_and_kept(database: Path) -> None:
    line = "가나다라 " * 200_000
    with OpenAIServer([says(*[line[at : at + 50_000] for at in range(0, len(line), 50_000)])]) as server:
        async with chatting(database, server=server) as chat:
            reply = await chat.asks("길게")
            assert len(reply.content) == len(line)
            await chat.pilot.press(*"가")
            assert chat.screen.prompt.value.text == "가"


async def test_what_a_terminal_would_obey_is_never_shown(database: Path) -> None:
    with OpenAIServer([says("안\x1b", "]52;c;QQ==\x07녕 \u202e거꾸로 [bold]그대로[/x]")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.pilot.pause()
            chat.screen.prompt.set("제목 \x1b]0;x\x07[/b] \u202e")
            await chat.pilot.press("enter")
            await chat.answered()
            await chat.until(lambda: chat.told("그대로[/x]"))
            assert "\x1b" not in chat.shown
            assert "\u202e" not in chat.shown
            assert chat.told("안녕")


async def test_a_new_system_text_is_written_down_where_it_begins_to_hold(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘"), says("셋")]) as server:
        async with chatting(database, server=server) as chat:
            chat.controller.session = chat.controller.session.with_system("처음 말투")
            await chat.asks("물음")
            chat.controller.session = chat.controller.session.with_system("나중 말투")
            await chat.asks("또")
            await chat.asks("한 번 더")
            systems = [
                [one["content"] for one in request.body["messages"] if one["role"] == "system"]
                for request in server.requests
            ]
            assert systems == [["처음 말투"], ["나중 말투"], ["나중 말투"]]
            assert [turn.role for turn in chat.turns].count("system") == 2


async def test_a_question_whose_reply_failed_is_not_told_again(database: Path) -> None:
    with OpenAIServer([says("하나"), refuses(400, "아니오"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.asks("둘째")
            await chat.asks("셋째")
            told = [one["content"] for one in server.requests[-1].body["messages"]]
            assert told == ["첫째", "하나", "셋째"]


async def test_sending_while_a_reply_streams_keeps_the_words_in_the_prompt(database: Path) -> None:
    with OpenAIServer([says(*["글 "] * 400, pause=0.1)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("물음")
            await chat.types("성급한 물음")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("esc로 멈춘 다음"))
            assert chat.screen.prompt.value.text == "성급한 물음"
            await chat.pilot.press("escape")
            await chat.answered()


async def test_a_question_sent_while_the_reply_before_it_is_being_written_down_waits_for_that(database: Path) -> None:
    goes_on = threading.Event()

    def first() -> Iterator[Part]:
        yield chunk("첫째")
        while not goes_on.is_set():
            yield 0.05
        yield from (chunk(finish="stop"), event("[DONE]"))

    with OpenAIServer([Reply(first()), says("둘째")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("하나")
            live = chat.controller.answering[0]
            await chat.until(lambda: live.pieces)
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                goes_on.set()
                await chat.until(lambda: live.finished)
                assert live.state is None  # it cannot be written down
                await chat.types("둘")
                await chat.pilot.press("enter")
                await chat.until(lambda: not chat.screen.prompt.value.text)  # taken
                other.execute("COMMIT")
            await chat.until(lambda: chat.told("둘째"))
            await chat.answered()
            assert [turn.content for turn in chat.turns] == ["하나", "첫째", "둘", "둘째"]


async def test_a_long_conversation_mounts_only_its_end_and_the_rest_on_the_way_up(database: Path) -> None:
    with Store(database) as store:
        conversation = store.create_conversation("0번")
        parent = None
        for number in range(60):
            parent = store.add_user_turn(conversation.id, Message("user", f"{number}번 물음"), parent_id=parent)
    async with chatting(database, size=(80, 24)) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("59번 물음"))
        assert len(chat.screen.query(TurnView)) == 16
        for _ in range(40):
            await chat.pilot.press("pageup")
            if len(chat.screen.query(TurnView)) == 60:
                break
        await chat.until(lambda: len(chat.screen.query(TurnView)) == 60)
        chat.screen.thread.scroll_home(animate=False)
        await chat.until(lambda: chat.told("0번 물음"))


async def test_the_engine_starts_while_the_question_is_typed(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[str] = []
    monkeypatch.setattr(KullmApp, "warm_engine", lambda _: warmed.append("warm"))
    async with chatting(database) as chat:
        await chat.pilot.pause()
        assert warmed == []
        await chat.types("안")
        assert warmed
        warmed.clear()
        chat.use("openai/gpt-4o")
        await chat.until(lambda: chat.told("gpt-4o"))
        await chat.types("녕")
        assert warmed == []
