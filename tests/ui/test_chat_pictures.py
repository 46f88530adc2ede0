"""How the chat looks, in the two sizes it is made for. The clock stands still, and what was measured was measured beforehand."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from kullm_tui.core.chat_client import Finished, Usage
from kullm_tui.core.history import Conversation
from kullm_tui.core.journal import ReplySource
from kullm_tui.core.memory import Memory
from kullm_tui.core.records import Message
from kullm_tui.core.store import Store
from kullm_tui.ui import answerers
from kullm_tui.ui.generation import LiveReply
from kullm_tui.ui.screens.parameters import ParametersScreen
from kullm_tui.ui.screens.switcher import SwitcherScreen
from tests.openai_server import OpenAIServer, Reply, chunk
from tests.ui.chatting import chatting
from tests.ui.snapshot import SIZES, assert_looks_like

_NOON = 1_795_230_000.0  # 2026-11-21, 12:00 in Seoul
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
def _still_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: _NOON)
    monkeypatch.setattr(answerers, "memory_here", lambda _: Memory("gpu", 24_000_000_000, 19_500_000_000))
    monkeypatch.setattr(answerers, "loaded_models", lambda: {"demo-kullm": 20_000_000})
    monkeypatch.setattr(LiveReply, "seconds", 3.2)
    yield
    monkeypatch.undo()
    time.tzset()


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
        chat.desk.open(conversation)
        await chat.until(lambda: chat.told("tok/s") and (size[0] < 100 or chat.told("여행 계획")))
        await assert_looks_like(chat.pilot, f"chat-conversation-{size[0]}x{size[1]}")


@sizes
async def test_streaming(database: Path, size: tuple[int, int]) -> None:
    part = "대한민국의 수도는 **서울**입니다. 한강을 끼고"
    with OpenAIServer([Reply([chunk(part), 60.0])]) as server:
        async with chatting(database, size=size, server=server) as chat:
            chat.desk.ask(Message("user", "대한민국의 수도는 어디인가요?"))
            await chat.until(lambda: chat.told("한강을 끼고") and (size[0] < 100 or chat.told("오늘")))
            await assert_looks_like(chat.pilot, f"chat-streaming-{size[0]}x{size[1]}")


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
        chat.desk.session = chat.desk.session.with_decoding({"temperature": 0.7}).with_system("짧게 답하세요.")
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
        chat.desk.open(conversation)
        await chat.until(lambda: chat.turns)
        await chat.pilot.press("f9")
        await chat.until(lambda: chat.told("### 응답"))
        await assert_looks_like(chat.pilot, f"chat-prompt-{size[0]}x{size[1]}")
