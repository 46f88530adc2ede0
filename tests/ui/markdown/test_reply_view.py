"""A reply as it streams and as it stands: what is seen, what is copied, what is never sent to the terminal."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import SELECT_ALL, Selection

from kullm_tui.ui.markdown.reply_view import Reply
from tests.ui.browsing import until

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
        await _at_rest(pilot)
        yield pilot


async def _at_rest(pilot: Pilot[None]) -> None:
    """A long reply is laid out a little at a time, as the machine allows, and the screen follows a moment later."""
    await until(pilot, lambda: all(_is_whole(reply) for reply in pilot.app.query(Reply)))


def _is_whole(reply: Reply) -> bool:
    size = reply.size
    return not reply.is_busy and size.height == reply.get_content_height(size, size, size.width)


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
        await _at_rest(pilot)
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


async def test_nothing_shrinks_while_it_streams() -> None:
    reply = Reply()
    async with _shown(reply, (40, 30)) as pilot:
        highest = 0
        for piece in _pieces(EVERYTHING * 2, 5):
            reply.append(piece)
            reply.flush()
            await pilot.pause()
            assert reply.size.height >= highest
            highest = reply.size.height


async def test_a_reader_who_scrolled_away_is_left_alone() -> None:
    reply = Reply()
    async with _shown(reply, (40, 10)) as pilot:
        scroll = pilot.app.query_one(VerticalScroll)
        reply.append("줄\n\n" * 30)
        await until(pilot, lambda: scroll.scroll_y == scroll.max_scroll_y > 0)
        scroll.scroll_to(y=5, animate=False)
        scroll.release_anchor()
        await pilot.pause()
        height = reply.size.height
        reply.append("더\n\n" * 30)
        await pilot.pause(0.5)
        assert (reply.size.height, scroll.scroll_y) == (height, 5)
        scroll.scroll_end(animate=False)
        await until(pilot, lambda: reply.size.height > height and scroll.scroll_y == scroll.max_scroll_y)


async def test_a_terminal_that_narrows_in_mid_stream_folds_anew() -> None:
    reply, whole = Reply(), Reply(EVERYTHING)
    async with _shown(reply) as pilot:
        reply.append(EVERYTHING[:200])
        await pilot.pause(0.1)
        await pilot.resize_terminal(30, 40)
        reply.append(EVERYTHING[200:])
        await reply.finish()
        await pilot.app.query_one(VerticalScroll).mount(whole)
        await _at_rest(pilot)
        assert _rows(reply) == _rows(whole)
        assert max(map(cell_len, _rows(reply))) <= 30


async def test_decomposed_letters_are_whole_at_the_end() -> None:
    reply = Reply()
    async with _shown(reply) as pilot:
        for piece in unicodedata.normalize("NFD", "한글이에요"):
            reply.append(piece)
            await pilot.pause(0)
        await reply.finish()
        await _at_rest(pilot)
        assert reply.text == "한글이에요"
        assert _rows(reply) == ["한글이에요"]


async def test_finish_may_say_what_the_reply_is_in_the_end() -> None:
    reply = Reply()
    async with _shown(reply) as pilot:
        reply.append("# 앞서 온 것\n\n두 줄")
        await reply.finish("**나중**의 것")
        await _at_rest(pilot)
        assert reply.text == "**나중**의 것"
        assert _rows(reply) == ["나중의 것"]


async def test_a_mouse_selects_text_across_lines() -> None:
    reply = Reply("**가나다** 라마\n\n- 바사 아자")
    async with _shown(reply) as pilot:
        await pilot.mouse_down(Reply, offset=(2, 0))
        await pilot.hover(Reply, offset=(6, 2))
        await pilot.mouse_up(Reply, offset=(6, 2))
        await pilot.pause()
        assert pilot.app.screen.get_selected_text() == "나다 라마\n\n• 바사"


async def test_lists_count_on_and_tables_too_wide_become_pairs() -> None:
    wide = "| " + " | ".join(f"열{n}" for n in range(9)) + " |\n|" + "---|" * 9 + "\n|" + "값 |" * 9
    reply = Reply(f"1. 가\n1. 나\n\n1. 다\n\n{wide}")
    async with _shown(reply, (40, 40)):
        rows = _rows(reply)
        assert rows[:4] == ["1. 가", "2. 나", "", "3. 다"]
        assert [row for row in rows if row.startswith("열")] == [f"열{n}: 값" for n in range(9)]


async def test_a_table_that_goes_on_keeps_its_columns() -> None:
    source = "| 이름 | 값 |\n|---|---|\n" + "".join(f"| 이름{n:03} | {n:03} |\n" for n in range(200))
    reply = Reply(source)
    whole = ["이름    │ 값", "────────┼────", *(f"이름{n:03} │ {n:03}" for n in range(200))]
    async with _shown(reply, (40, 300)):
        for _ in range(600):  # so long a table is laid out in more than one turn where the machine is busy
            if _rows(reply) == whole:
                break
            await asyncio.sleep(0.05)
        assert _rows(reply) == whole


def _pieces(text: str, size: int) -> Sequence[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
