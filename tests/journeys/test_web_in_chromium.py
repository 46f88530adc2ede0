"""Korean typed into the app in a real Chromium, as an input method does, fast, corrected and pasted: it arrives whole, and the demo model answers."""

import asyncio
import itertools
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.chromium import Chromium, chromium
from tests.web.verb import WebVerb

pytestmark = [pytest.mark.soak, pytest.mark.browser]

_SECONDS = 240.0
_GREETING = "안녕하세요"
_HUNDRED = "".join(chr(0xAC00 + number * 97) for number in range(1, 101))
_PASTED = "\n".join("".join(chr(0xAC00 + (line * 40 + at) * 5) for at in range(40)) for line in range(50))


def _stages(syllable: str) -> Iterator[str]:
    """What an input method shows on the way to it: 안 as ㅇ, 아, 안."""
    lead, *rest = list(unicodedata.normalize("NFD", syllable))
    yield "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"[ord(lead) - 0x1100]
    yield from (unicodedata.normalize("NFC", part) for part in itertools.accumulate(rest, initial=lead) if part != lead)


class _Store:
    def __init__(self, home: Path) -> None:
        self._file = home / "kullm.db"

    async def has(self, *questions: str) -> None:
        """Exactly these were asked, and each was answered."""
        async with asyncio.timeout(_SECONDS):
            while len(self.messages("assistant", "complete")) < len(questions):
                await asyncio.sleep(0.1)
        assert self.messages("user", "complete") == list(questions)

    async def drafts(self, text: str) -> None:
        async with asyncio.timeout(_SECONDS):
            while self._ask("SELECT text FROM drafts") != [text]:
                await asyncio.sleep(0.1)

    def messages(self, role: str, state: str) -> list[str]:
        return self._ask(f"SELECT content FROM messages WHERE role = '{role}' AND state = '{state}' ORDER BY id")

    def _ask(self, query: str) -> list[str]:
        try:
            with closing(sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True)) as database:
                return [text for (text,) in database.execute(query)]
        except sqlite3.OperationalError:  # the app has not made it yet
            return []


def _opened(browser: Chromium, web: WebVerb, home: Path) -> None:
    """By way of a file, as `kullm web` leads a browser to it."""
    lead = home / "lead.html"
    lead.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={web.address}">')
    browser.open(lead)
    browser.wait_for("Boolean(document.body?.classList.contains('-drawn'))")
    browser.wait_for("document.activeElement?.className === 'xterm-helper-textarea'")


def _sends(browser: Chromium) -> None:
    browser.presses("Enter", 13, text="\r")


async def test_korean_typed_in_a_browser_arrives_whole(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    async with WebVerb(tmp_path) as web:
        with chromium(serves_here=True) as browser:
            _opened(browser, web, tmp_path)
            for syllable in _GREETING:
                browser.composes([*_stages(syllable)])
            _sends(browser)
            await store.has(_GREETING)

            browser.call("Input.insertText", text=_GREETING)
            _sends(browser)
            await store.has(_GREETING, _GREETING)

            browser.composes(*([*_stages(syllable)] for syllable in _HUNDRED))
            await store.drafts(_HUNDRED)
            browser.composes(["ㅎ", "하", "한", "하", "해"])  # backspace took a jamo back
            browser.composes(["ㄱ", ""])  # and here the only one
            await store.drafts(_HUNDRED + "해")
            browser.presses("Backspace", 8)
            browser.presses("Enter", 13, text="\r", shift=True)
            await store.drafts(_HUNDRED + "\n")

            await _a_copied_reply_and_a_paste(browser, store)
            browser.picture(tmp_path / "end.png")
            outside = {urlsplit(one).netloc for one in browser.requests if not one.startswith(("file:", "data:"))}
            assert outside == {urlsplit(web.address).netloc}
            assert browser.left == []


async def _a_copied_reply_and_a_paste(browser: Chromium, store: _Store) -> None:
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    browser.presses("g", 71, control=True)
    reply = store.messages("assistant", "complete")[-1]
    browser.wait_for(f"navigator.clipboard.readText().then((text) => text.trim() === {reply.strip()!r})")
    browser.asks(f"navigator.clipboard.writeText({_PASTED!r})")
    browser.presses("v", 86, control=True, does="paste")
    await store.drafts(f"{_HUNDRED}\n{_PASTED}")
