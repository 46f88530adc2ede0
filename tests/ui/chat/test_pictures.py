"""How the chat looks, in the two sizes it is made for. The clock stands still, and what was measured was measured beforehand."""

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from kullm_tui.core.asking.target import Target
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished, Usage
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.correct_dialog import CorrectScreen
from kullm_tui.ui.conversation.settings_dialog import ParametersScreen
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.dialogs.consent import may_send
from kullm_tui.ui.dialogs.open_file import OpenFile
from kullm_tui.ui.models import choices
from kullm_tui.ui.models.picker_dialog import SwitcherScreen
from tests.openai_server import OpenAIServer, Reply, chunk
from tests.ui.chatting import chatting
from tests.ui.snapshot import SIZES, assert_looks_like

_MARKDOWN = """\
**한국어(Korean)**는 한반도에서 쓰는 말입니다.

1. *자음*과 모음이 모여 한 글자가 됩니다.
2. 조사가 **낱말 뒤에** 붙습니다.

| 글자 | 초성 | 중성 | 종성 |
|---|---|---|---|
| 한 | ㅎ | ㅏ | ㄴ |
| 글 | ㄱ | ㅡ | ㄹ |

```python
def 초성(글자: str) -> str:
    return "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"[(ord(글자) - 0xAC00) // 588]
```

> 나랏말싸미 듕귁에 달아
"""

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def _still(_still_machine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(choices, "loaded_models", lambda: {"demo-kullm": 20_000_000})
    monkeypatch.setenv("HOME", str(tmp_path))


def _filled(database: Path) -> Conversation:
    with Store(database) as store:
        for title in ("이메일 다듬기", "여행 계획 세우기"):
            other = store.create_conversation(title)
            store.add_user_turn(other.id, Message("user", f"{title}를 도와주세요"), parent_id=None)
        conversation = store.create_conversation("한국어의 특징")
        question = store.add_user_turn(
            conversation.id, Message("user", "한국어의 특징을 표로 알려 주세요."), parent_id=None
        )
        for text in ("잘 모르겠습니다.", _MARKDOWN):
            _answered(store, conversation, question, text)
    return conversation


def _answered(store: Store, conversation: Conversation, question: int, text: str) -> None:
    timings = {"client_total_ms": 4210.0, "client_first_text_ms": 412.0, "tokens_per_second": 31.4}
    with store.open_reply(conversation.id, question, ReplySource("demo-kullm")) as journal:
        journal.feed(text)
        journal.finish("complete", finished=Finished("stop", Usage(190, 122), timings))


@sizes
async def test_welcome(database: Path, size: tuple[int, int]) -> None:
    async with chatting(database, size=size) as chat:
        await chat.until(lambda: chat.told("데모 모델"))
        await assert_looks_like(chat.pilot, f"chat-welcome-{size[0]}x{size[1]}")


@sizes
async def test_a_conversation(database: Path, size: tuple[int, int]) -> None:
    conversation = _filled(database)
    async with chatting(database, size=size) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("tok/s") and (size[0] < 100 or chat.told("여행 계획")))
        await assert_looks_like(chat.pilot, f"chat-conversation-{size[0]}x{size[1]}")


@sizes
async def test_streaming(database: Path, size: tuple[int, int]) -> None:
    part = "대한민국의 수도는 **서울**입니다. 한강을 끼고"
    with OpenAIServer([Reply([chunk(part), 60.0])]) as server:
        async with chatting(database, size=size, server=server) as chat:
            chat.controller.ask(Message("user", "대한민국의 수도는 어디인가요?"))
            await chat.until(lambda: chat.told("한강을 끼고") and (size[0] < 100 or chat.told("오늘")))
            await assert_looks_like(chat.pilot, f"chat-streaming-{size[0]}x{size[1]}")


@sizes
async def test_a_correction_as_it_is_written(database: Path, size: tuple[int, int]) -> None:
    with Store(database) as store:
        conversation = store.create_conversation("수도")
        question = store.add_user_turn(
            conversation.id, Message("user", "대한민국의 수도는 어디인가요?"), parent_id=None
        )
        _answered(store, conversation, question, "대한민국의 수도는 부산이고, 가장 큰 도시도 부산이에요.")
    async with chatting(database, size=size) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("tok/s"))
        await chat.pilot.press("shift+tab", "w")
        await chat.until(lambda: isinstance(chat.app.screen, CorrectScreen) and isinstance(chat.app.focused, TextArea))
        chat.app.screen.query_one(TextArea).text = "대한민국의 수도는 서울이고, 가장 큰 도시도 서울이에요."
        await chat.until(lambda: chat.told("서울이고"))
        await assert_looks_like(chat.pilot, f"chat-correct-{size[0]}x{size[1]}")


@sizes
async def test_an_error(database: Path, size: tuple[int, int]) -> None:
    async with chatting(database, size=size) as chat:
        chat.use("kullm-polyglot")
        await chat.asks("대한민국의 수도는 어디인가요?")
        await chat.until(lambda: chat.told("다시 물어보기") and (size[0] < 100 or chat.told("오늘")))
        await assert_looks_like(chat.pilot, f"chat-error-{size[0]}x{size[1]}")


@sizes
async def test_a_search(database: Path, size: tuple[int, int]) -> None:
    _filled(database)
    async with chatting(database, size=size) as chat:
        await chat.pilot.press("f6")
        chat.screen.sidebar.query_one(Input).value = "글"
        await chat.until(lambda: chat.told("글자"))
        await assert_looks_like(chat.pilot, f"chat-search-{size[0]}x{size[1]}")


@sizes
async def test_parameters(database: Path, size: tuple[int, int]) -> None:
    async with chatting(database, size=size) as chat:
        chat.controller.session = chat.controller.session.with_decoding({"temperature": 0.7}).with_system(
            "짧게 답하세요."
        )
        await chat.pilot.press("f7")
        await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen) and chat.told("160"))
        await assert_looks_like(chat.pilot, f"chat-parameters-{size[0]}x{size[1]}")


@sizes
async def test_switcher(database: Path, size: tuple[int, int]) -> None:
    async with chatting(database, size=size) as chat:
        await chat.pilot.press("f8")
        await chat.until(lambda: isinstance(chat.app.screen, SwitcherScreen) and chat.told("코알파카 데모"))
        await assert_looks_like(chat.pilot, f"chat-switcher-{size[0]}x{size[1]}")


@sizes
async def test_real_prompt(database: Path, size: tuple[int, int]) -> None:
    conversation = _filled(database)
    async with chatting(database, size=size) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.turns)
        await chat.pilot.press("f9")
        await chat.until(lambda: chat.told("### 응답"))
        await assert_looks_like(chat.pilot, f"chat-prompt-{size[0]}x{size[1]}")


@sizes
async def test_the_list_of_conversations(database: Path, size: tuple[int, int]) -> None:
    conversation = _filled(database)
    async with chatting(database, size=size) as chat:
        await asyncio.to_thread(chat.app.store.pin, conversation.id, True)
        chat.screen.sidebar.reload()
        await chat.pilot.press("f6", "down", "down")
        await chat.until(lambda: chat.told("★ 한국어의 특징"))
        await assert_looks_like(chat.pilot, f"chat-list-{size[0]}x{size[1]}")


@sizes
async def test_instruction_and_input(database: Path, size: tuple[int, int]) -> None:
    async with chatting(database, size=size) as chat:
        await chat.until(lambda: chat.told("데모 모델"))
        await chat.types("다음 글을 한 문장으로 줄여 줘")
        await chat.pilot.press("ctrl+t")
        await chat.types("훈민정음은 세종이 만들었다")
        await chat.pilot.press("ctrl+j")
        await chat.types("백성을 가르치는 바른 소리다")
        await assert_looks_like(chat.pilot, f"chat-input-{size[0]}x{size[1]}")


@sizes
async def test_the_focused_thread(database: Path, size: tuple[int, int]) -> None:
    conversation = _filled(database)
    async with chatting(database, size=size) as chat:
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("tok/s") and (size[0] < 100 or chat.told("여행 계획")))
        await chat.pilot.press("shift+tab")
        await assert_looks_like(chat.pilot, f"chat-thread-{size[0]}x{size[1]}")


@sizes
async def test_a_line_above_the_prompt(database: Path, size: tuple[int, int]) -> None:
    with OpenAIServer([Reply([chunk("대한민국의 수도는"), 60.0])]) as server:
        async with chatting(database, size=size, server=server) as chat:
            chat.controller.ask(Message("user", "수도는?"))
            await chat.until(lambda: chat.told("대한민국의 수도는") and (size[0] < 100 or chat.told("오늘")))
            await chat.types("하나 더")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("esc로 멈춘 다음"))
            await assert_looks_like(chat.pilot, f"chat-notice-{size[0]}x{size[1]}")


@sizes
async def test_dialogs_over_the_chat(database: Path, size: tuple[int, int], tmp_path: Path) -> None:
    shape = f"{size[0]}x{size[1]}"
    (tmp_path / "notes").mkdir()
    for name in ("회의록.txt", "일정.md"):
        (tmp_path / "notes" / name).write_text("글", encoding="utf-8")
    with OpenAIServer([Reply([chunk("대한민국의 수도는"), 60.0])]) as server:
        async with chatting(database, size=size, server=server) as chat:
            await chat.pilot.press("ctrl+o")
            await chat.until(lambda: isinstance(chat.app.screen, OpenFile))
            field = chat.app.screen.query_one(Input)
            field.value = "~/notes/"
            await chat.until(lambda: chat.told("회의록.txt"))
            await assert_looks_like(chat.pilot, f"chat-attach-{shape}")
            await chat.pilot.press("escape")
            chat.controller.ask(Message("user", "수도는?"))
            await chat.until(lambda: chat.told("대한민국의 수도는") and (size[0] < 100 or chat.told("오늘")))
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await assert_looks_like(chat.pilot, f"chat-quit-{shape}")
            await chat.pilot.press("escape")
            target = Target("far/model", "model", None, Endpoint("far", "https://api.example.com/v1"))
            chat.app.run_worker(may_send(chat.app, target))
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await assert_looks_like(chat.pilot, f"chat-consent-{shape}")
            await chat.pilot.press("escape")


@sizes
async def test_in_english(database: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    conversation, shape = _filled(database), f"{size[0]}x{size[1]}"
    async with chatting(database, size=size) as chat:
        await chat.until(lambda: chat.told("tiny demo") and (size[0] < 100 or chat.told("Today")))
        await assert_looks_like(chat.pilot, f"chat-welcome-{shape}-en")
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("tok/s"))
        await assert_looks_like(chat.pilot, f"chat-conversation-{shape}-en")
        await chat.pilot.press("f7")
        await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen) and chat.told("160"))
        await assert_looks_like(chat.pilot, f"chat-parameters-{shape}-en")
        await chat.pilot.press("escape", "f8")
        await chat.until(lambda: isinstance(chat.app.screen, SwitcherScreen) and chat.told("KoAlpaca demo"))
        await assert_looks_like(chat.pilot, f"chat-switcher-{shape}-en")
        await chat.pilot.press("escape", "f9")
        await chat.until(lambda: chat.told("### 응답"))
        await assert_looks_like(chat.pilot, f"chat-prompt-{shape}-en")
        await chat.pilot.press("escape")
        chat.use("kullm-polyglot")
        await chat.asks("수도는?")
        await chat.until(lambda: chat.told("asks again"))
        await assert_looks_like(chat.pilot, f"chat-error-{shape}-en")


@sizes
@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_in_the_terminals_own_colours(database: Path, size: tuple[int, int], theme: str) -> None:
    conversation, shape = _filled(database), f"{size[0]}x{size[1]}"
    async with chatting(database, size=size) as chat:
        chat.app.theme = theme
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("tok/s") and (size[0] < 100 or chat.told("여행 계획")))
        await assert_looks_like(chat.pilot, f"chat-conversation-{shape}-{theme}")
        await chat.pilot.press("f7")
        await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen) and chat.told("160"))
        await assert_looks_like(chat.pilot, f"chat-parameters-{shape}-{theme}")
