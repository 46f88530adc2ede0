"""What a hostile or broken model may send: nothing of it reaches the terminal as an order, nothing stops the app, no word is lost."""

import re
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget

from kullm_tui.core.text import TerminalSafeStream, nfc, terminal_safe
from kullm_tui.ui.markdown.document import Document
from kullm_tui.ui.markdown.reply_view import Reply
from kullm_tui.ui.markdown.splitter import Splitter
from tests.ui.browsing import until

_ORDERS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)
_SECRET = "\x1b]52;c;aGFja2Vk\x07"
_HOSTILE = [
    _SECRET,
    "\x1b[2J\x1b[31m",
    "\x9b31m",
    "\x9d52;c;aGFja2Vk\x9c",
    "\x1bP+q\x1b\\",
    "\x1b",
    "\x90",
    "\u202e거꾸로\u202c",
    "\u2066",
    "\r",
    "\x00\x07\x08",
    "\ud83d",
    "&#27;[31m",
    "&#x1b;",
    "&#x202e;",
    "&#155;",
    "&rlm;",
    "[/x]",
    "[bold]",
    "[@click=app.quit]눌러[/]",
    "[링크](https://a.kr/%1b%5d52 '제목\x1b]0;x\x07')",
    "![그림\x1b[1m](a\x9b)",
    "[나쁨](javascript:alert(1))",
    "<https://a.kr/\u202e>",
]
_FORMS = [
    *(
        "**",
        "*",
        "`",
        "```",
        "~~~",
        "```python\n",
        "```[/x]\x1b[1m\n",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "  ",
        "    ",
        "\t",
        "> ",
        "# ",
        "---\n",
    ),
    *(
        "| a | b |\n|---|--:|\n",
        "| [/x] | \x1b[2J |\n",
        "|",
        "- [x] ",
        "===\n",
        "가나다",
        "word ",
        "끝.",
        "\\",
        "[",
        "](",
        ")",
        "<div>",
        "\u1100\u1161",
    ),
]
_replies = st.lists(st.sampled_from([*_HOSTILE, *_FORMS]) | st.text(max_size=8), max_size=40).map("".join)


@given(text=_replies, data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_reply_in_any_pieces_ends_as_when_it_comes_at_once(text: str, data: st.DataObject) -> None:
    """Down to the rows; and no row holds what a terminal would obey."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    stream, streamed, whole = TerminalSafeStream(), Document(40), Document(40)
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        streamed.feed(stream.feed(text[start:end]))
        streamed.show_open()
        assert not _ORDERS.search(_plain(streamed).replace("\ud83d", ""))
    streamed.feed(stream.close())
    streamed.close()
    whole.feed(terminal_safe(text))
    whole.close()
    assert _plain(streamed) == _plain(whole)
    assert streamed.codes == whole.codes


@pytest.mark.parametrize("text", ["`가\t나`", "- `\t`", "| `가\t나` |\n|---|\n| 다 |", "![가\t나](그림.png)"])
def test_a_tab_is_a_space_also_in_code_and_pictures(text: str) -> None:
    document = Document(40)
    document.feed(text)
    document.close()
    assert "\t" not in _plain(document)


@given(text=_replies)
@settings(max_examples=300, deadline=None)
def test_no_word_is_lost_by_cutting(text: str) -> None:
    text = nfc(terminal_safe(text))
    splitter = Splitter()
    fragments = [*splitter.feed(text), *splitter.close()]
    assert re.findall(r"[가-힣]+", "\n".join(fragment.source for fragment in fragments)) == re.findall(
        r"[가-힣]+", text
    )


class _Replies(App[None]):
    def compose(self) -> ComposeResult:
        yield VerticalScroll()


async def test_no_strip_of_a_hostile_reply_holds_an_order() -> None:
    text = "\n\n".join(
        [
            *_HOSTILE,
            "```" + _SECRET + "[/x]\n" + "\n".join(_HOSTILE) + "\n```",
            "| "
            + " | ".join(["머리" + order.replace("\r", "") for order in _HOSTILE[:4]])
            + " |\n|---|---|---|---|\n| [/x] | [bold] | \x1b[2J | 끝 |",
            "> " + _SECRET,
            "- " + _SECRET,
            "# " + _SECRET,
        ]
    )
    app = _Replies()
    async with app.run_test(size=(80, 200)) as pilot:
        for size in (1, 2, 7, len(text)):
            reply = Reply()
            await app.query_one(VerticalScroll).mount(reply)
            for start in range(0, len(text), size):
                reply.append(text[start : start + size])
            await reply.finish()
            await until(pilot, lambda: not any(one.is_busy for one in app.query(Reply)))
            shown = "\n".join(_strips(reply))
            assert not _ORDERS.search(shown)
            assert "[/x]" in shown
            assert "[@click=app.quit]눌러[/]" in shown
            assert "52;c" not in shown.replace("%5d52", "")
            assert not _ORDERS.search(reply.text)
            await reply.remove()


async def test_a_reply_runs_only_our_own_action_when_clicked() -> None:
    reply = Reply("[@click=app.quit]눌러[/] [링크](https://a.kr)\n\n```python\n[@click=app.quit]x[/]\n```")
    app = _Replies()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.query_one(VerticalScroll).mount(reply)
        await until(pilot, lambda: not reply.is_busy)
        actions = {
            str(segment.style.meta["@click"])
            for y in range(reply.size.height)
            for segment in reply.render_line(y)
            if segment.style and "@click" in segment.style.meta
        }
        assert actions == {"copy_code(0)"}


_LINES = 100_000
_DEEP = 10_000
_TRAPS = {
    "a line of a megabyte": "가나다 라마바사 " * 110_000,
    "a word of a megabyte": "x" * 1_000_000,
    "newlines": "\n" * _LINES,
    "short lines": "a\n" * _LINES,
    "short paragraphs": "a\n\n" * 30_000,
    "quotes": ">" * _DEEP,
    "spaced quotes": "> " * _DEEP,
    "brackets": "[" * _DEEP,
    "closed brackets": "[" * _DEEP + "]" * _DEEP,
    "stars": "*a" * _DEEP,
    "bold and not": "*a**b" * 3000,
    "strikes": "~~a" * 5000,
    "links": "[a](b" * 3000,
    "pictures": "![[]()" * 2500,
    "comments": "<!--" * 4000,
    "entities": "&#x" * 5000,
    "backticks": "".join("`" * count + " " for count in range(1, 140)),
    "lists in lists": "".join(" " * (2 * depth) + "- a\n" for depth in range(300)),
    "marks": "- " * _DEEP,
    "columns": "|a" * 3000 + "\n" + "|-" * 3000 + "|\n" + "|b" * 3000,
    "a fence that never closes": "```python\n" + "x = 1\n" * 20_000,
    "fences": "```\n" * 10_000,
    "definitions": "[a]:\n" * 5000,
    "underlines": "a\n" * 3000 + "===",
    "strings in code": "```python\n" + "'" * 15_000 + "\n" + '"""\n' * 3000 + "```\n",
    "brackets in code": "```json\n" + "[" * 1900 + "\n```",
    "a long quote": "> a **b**\n" * 3000,
    "code in an item": "- a\n  ```\n" + "  x\n" * 3000 + "  ```\n",
}


@pytest.mark.parametrize("name", _TRAPS)
async def test_no_trap_freezes_the_app(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _TRAPS[name]
    turns = _turns_of_the_loop(monkeypatch)
    app = _Replies()
    async with app.run_test(size=(80, 24)) as pilot:
        reply = Reply()
        await app.query_one(VerticalScroll).mount(reply)
        turns.clear()
        for piece in _pieces(text):
            reply.append(piece)
        await pilot.pause(0.1)
        await reply.finish()
        await until(pilot, lambda: not reply.is_busy)
        assert reply.text == text
        assert max(turns) < 2.0  # a second on a machine of one's own, more where caches are shared with other work


def _turns_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was busy each time before it looked again for what came in: in our own time, as other programs are not what is tested."""
    turns: list[float] = []
    turn = BaseEventLoop._run_once  # type: ignore[attr-defined]

    def timed(loop: BaseEventLoop) -> None:
        before = time.thread_time()
        turn(loop)
        turns.append(time.thread_time() - before)

    monkeypatch.setattr(BaseEventLoop, "_run_once", timed)
    return turns


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (("가" * 100 + "\n") * 200, "너무 길어 이 부분은 그대로 보여요"),
        ("> " * 50 + "깊이", "너무 깊이 중첩되어 그대로 보여요"),
        ("가\n\n" * 10_001, "너무 길어 이 부분은 그대로 보여요"),
    ],
)
def test_what_is_past_every_measure_is_shown_plain_and_says_so(
    text: str, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    document = Document(80)
    document.feed(text)
    document.close()
    shown = _plain(document)
    assert shown.count(note) == 1
    assert re.findall("[가깊이]", shown.replace(note, "")) == re.findall("[가깊이]", text)


def _plain(document: Document) -> str:
    return "\n".join(row.plain for row in document.rows(0, document.height))


def _strips(widget: Widget) -> list[str]:
    return [widget.render_line(y).text for y in range(widget.size.height)]


def _pieces(text: str) -> Sequence[str]:
    size = max(3, len(text) // 500)
    return [text[start : start + size] for start in range(0, len(text), size)]
