"""A translation that is killed with -9, again and again: what was paid is kept, and no text is paid twice beyond those under way."""

import math
import subprocess
import sys
import time
from pathlib import Path

from data.row import Row
from data.translate.cache import TranslationCache
from tests.data.translate.translating import all_of, deepl_at, rows
from tests.deepl_server import DeepLServer

ROWS = 700
KILLS = 4


def test_killed_four_times_it_pays_nothing_twice_but_what_was_under_way(tmp_path: Path) -> None:
    database = tmp_path / "translations.db"
    under_way = 0
    with DeepLServer(latency=0.02) as server:
        program = [
            sys.executable,
            "-m",
            "tests.data.translate.killed_child",
            server.url,
            str(database),
            str(ROWS),
        ]
        for _ in range(KILLS):
            server.stalls_from = server.used + 12_000  # however late this process sees that it is time
            with subprocess.Popen(program, cwd=Path(__file__).parents[3]) as child:
                while server.used < server.stalls_from:
                    assert child.poll() is None
                    time.sleep(0.005)
                child.kill()
            with TranslationCache(database) as cache:
                under_way += cache.clear_abandoned()
        server.stalls_from = math.inf
        last = subprocess.run(program, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
        assert server.twice <= under_way
        assert last.stdout.split() == [str(ROWS), "0"]


async def test_what_a_killed_one_left_is_what_an_uninterrupted_one_makes(tmp_path: Path) -> None:
    given = rows(200)
    with DeepLServer() as server, TranslationCache(tmp_path / "whole.db") as whole:
        async with deepl_at(server) as translator:
            right = await all_of(given, translator, whole)
    with DeepLServer() as server, TranslationCache(tmp_path / "parts.db") as parts:
        async with deepl_at(server) as translator:
            await all_of(given[50:120], translator, parts)
            found = await all_of(given, translator, parts)
        assert server.twice == 0
    assert found == right
    assert all(isinstance(one, Row) for one in found)
