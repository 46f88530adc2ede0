"""Rows to translate, and all that comes of translating them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from data.row import Rejection, Row, new_row
from data.translate.cache import TranslationCache
from data.translate.deepl import DeepL
from data.translate.style import Wording
from data.translate.translation import translate
from data.translate.translator import Translator
from kullm_tui.core.records import Message
from tests.deepl_server import DeepLServer


def pair(number: int, instruction: str, output: str, input_text: str = "") -> Row:
    messages = [Message("user", instruction, input_text), Message("assistant", output)]
    return new_row("test", f"test.jsonl:{number}", messages)


def rows(count: int, *, start: int = 0) -> list[Row]:
    """Each with texts of its own, and some of everybody's."""
    return [
        pair(
            number,
            f"Question number {number} about {'very ' * (number % 7)}old things?",
            f"Answer {number} is long. It uses `f({number})` twice.\n\n```python\nsecret_{number}()\n```\nSame for all.",
            f"Input {number}" if number % 3 == 0 else "",
        )
        for number in range(start, start + count)
    ]


@asynccontextmanager
async def deepl_at(server: DeepLServer, wording: Wording | None = None, key: str = "") -> AsyncIterator[DeepL]:
    translator = DeepL(key or server.key, wording=wording, server_url=server.url)
    try:
        yield translator
    finally:
        await translator.close()


async def all_of(
    given: Iterable[Row], translator: Translator, cache: TranslationCache, **more: Any
) -> list[Row | Rejection]:
    async with aclosing(translate(given, translator, cache, **more)) as found:
        return [one async for one in found]
