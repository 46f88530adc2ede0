"""Texts made at random through the whole way and back over HTTP: what is no language is where it was, and the server never saw a fence."""

import asyncio
import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from data.masking.spans import spans
from data.row import Row
from data.translate.cache import TranslationCache
from data.translate.deepl import DeepL
from tests.data.masking.texts import texts
from tests.data.translate.translating import all_of, pair
from tests.deepl_server import DeepLServer

_FENCE = re.compile(r"```|^[ \t>]*~~~", re.MULTILINE)


def through(server: DeepLServer, rows: list[Row]) -> list[Row]:
    async def both_ways() -> list[Row]:
        translator = DeepL(server.key, server_url=server.url)
        with tempfile.TemporaryDirectory() as folder, TranslationCache(Path(folder) / "translations.db") as cache:
            found = await all_of(rows, translator, cache)
        await translator.close()
        return [one for one in found if isinstance(one, Row)]

    return asyncio.run(both_ways())


@settings(max_examples=8, deadline=None)
@given(st.lists(texts, min_size=30, max_size=60))
def test_code_addresses_formulas_tables_and_tags_come_back_byte_for_byte_and_in_place(written: list[str]) -> None:
    rows = [pair(number, text, text[::-1]) for number, text in enumerate(written)]
    with DeepLServer() as server:
        found = through(server, rows)
        assert not any(_FENCE.search(text) for text in server.texts)
        assert server.twice == 0
    assert [one.id for one in found] == [row.id for row in rows]
    for old, new in zip(rows, found, strict=True):
        for before, after in zip(old.messages, new.messages, strict=True):
            at = 0
            for one in spans(before.content):
                literal = before.content[one.start : one.end]
                place = after.content.find(literal, at)
                assert place >= 0, (literal, after.content)
                at = place + len(literal)
