"""A reply as it streams and as it stands: what is seen, what is copied, what is never sent to the terminal."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import SELECT_ALL, Selection

from kullm_tui.ui.widgets.reply import Reply

EVERYTHING = """# 제목
**한국어(Korean)**는 `코드`와 [링크](https://kullm.kr)가 있는 긴 문장입니다. 화면의 너비를 넘어서 다음 줄로 이어집니다.
- 하나
- 둘
  - 셋 **굵게**
    > 인용

1. 하나
2. 둘

   ```python
   def f(x):
       return "한글"
   ```

- [ ] 할 일
- [x] 한 일

| 이름 | 값 |
|---|--:|
| 서울 | 100 |
| 부산 | 2 |

> 인용문은
> 두 줄

---
![구름](https://kullm.kr/cloud.png)
```python
def 함수(x: int) -> str:
    \"\"\"문서\"\"\"
    return f"{x}" # 주석
```
끝."""


class _OneReply(App[None]):
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply
        self.copied: list[str] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.anchor()
            yield self.reply

    def on_reply_copy_requested(self, event: Reply.CopyRequested) -> None:
        self.copied.append(event.text)


@asynccontextmanager
async def _shown(reply: Reply, size: tuple[int, int] = (60, 50)) -> AsyncIterator[Pilot[None]]:
    async with _OneReply(reply).run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def _rows(reply: Reply) -> list[str]:
    return [reply.render_line(y).text.rstrip() for y in range(reply.size.height)]


@pytest.fixture(autouse=True)
def _korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")


async def test_everything_has_its_form() -> None:
    reply = Reply(EVERYTHING)
    async with _shown(reply):
        assert _rows(reply) == [
            "제목",
            "한국어(Korean)는 코드와 링크 (https://kullm.kr)가 있는 긴",
            "문장입니다. 화면의 너비를 넘어서 다음 줄로 이어집니다.",
            "• 하나",
            "• 둘",
            "  ◦ 셋 굵게",
            "    ▎ 인용",
            "",
            "1. 하나",
            "2. 둘",
            "",
            f"    python{' ' * 45}복사",
            "    def f(x):",
            '        return "한글"',
            "",
            "• ☐ 할 일",
            "• ☑ 한 일",
            "",
            "이름 │  값",
            "─────┼────",
            "서울 │ 100",
            "부산 │   2",
            "",
            "▎ 인용문은",
            "▎ 두 줄",
            "",
            "─" * 60,
            "",
            "구름",
            "",
            f" python{' ' * 48}복사",
            " def 함수(x: int) -> str:",
            '     """문서"""',
            '     return f"{x}" # 주석',
            "",
            "끝.",
        ]


@pytest.mark.parametrize("size", [1, 3, 17, 1000])
async def test_a_streamed_reply_ends_as_if_it_had_come_at_once(size: int) -> None:
    reply, whole = Reply(), Reply(EVERYTHING)
    async with _shown(reply) as pilot:
        await pilot.app.query_one(VerticalScroll).mount(whole)
        for piece in _pieces(EVERYTHING, size):
            reply.append(piece)
            await pilot.pause(0)
        await reply.finish()
        await pilot.pause()
        assert _rows(reply) == _rows(whole)
        assert reply.text == whole.text == EVERYTHING
        assert reply.code_blocks() == whole.code_blocks()


async def test_a_click_on_the_label_asks_for_the_code() -> None:
    reply = Reply("글\n\n```python\nprint(1)\n```\n\n- 목록\n\n  ```\n  둘\n  ```")
    async with _shown(reply) as pilot:
        rows = _rows(reply)
        for row in [y for y, text in enumerate(rows) if text.endswith("복사")]:
            await pilot.click(Reply, offset=(rows[row].index("복사") + 2 * ("코드" in rows[row]), row))
        app = pilot.app
        assert isinstance(app, _OneReply)
        assert app.copied == ["print(1)", "둘"] == reply.code_blocks()


async def test_a_selection_joins_what_folded() -> None:
    words = "가나다라 마바사아 " * 20
    reply = Reply(f"{words}\n\n```text\n{'x' * 100}\n  y\n```")
    async with _shown(reply) as pilot:
        assert reply.get_selection(SELECT_ALL) == (f"{words.strip()}\n\n{'x' * 100}\n  y", "\n")
        assert reply.get_selection(Selection(Offset(0, 0), Offset(4, 0))) == ("가나다라", "\n")
        assert pilot.app.screen.get_selected_text() is None


def _pieces(text: str, size: int) -> Sequence[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
