"""The process that is killed: it translates so many rows and says how many came and how many were rejected."""

import asyncio
import sys
from pathlib import Path

from data.row import Rejection
from data.translate.cache import TranslationCache
from data.translate.deepl import DeepL
from tests.data.translate.translating import all_of, rows
from tests.deepl_server import KEY


async def main(url: str, database: str, count: str) -> None:
    translator = DeepL(KEY, server_url=url)
    with TranslationCache(Path(database)) as cache:
        found = await all_of(rows(int(count)), translator, cache)
    await translator.close()
    sys.stdout.write(f"{len(found)} {sum(isinstance(one, Rejection) for one in found)}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
