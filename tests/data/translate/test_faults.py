"""Everything that a server, a connection, a quota and a disk can do to a translation: nothing is paid twice, nothing is lost, and it goes on."""

import asyncio
import sqlite3
import threading
import time
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from data.row import Rejection, Row
from data.translate import calls, deepl
from data.translate.cache import Paid, TranslationCache, translations_file
from data.translate.progress import Progress
from data.translate.spending import BudgetSpent
from data.translate.translation import translate
from data.translate.translator import QuotaSpent, TranslatorRefused, rules_of
from kullm_tui.core.errors import EndpointError, NoSpace, StoreBusy
from kullm_tui.core.store import database
from tests.data.translate.translating import all_of, deepl_at, pair, rows
from tests.deepl_server import ASKED_SECONDS, DeepLServer, Fault


@pytest.mark.parametrize("fault", ["429", "429 and when", "503", "500", "cut", "413", "no json"])
async def test_a_call_that_failed_unpaid_is_tried_again_and_paid_once(cache: TranslationCache, fault: Fault) -> None:
    progress = Progress()
    with DeepLServer([fault, fault]) as server:
        async with deepl_at(server) as translator:
            found = await all_of(rows(40), translator, cache, progress=progress)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice == 0
    assert progress.refused + progress.failed == 2


async def test_a_page_of_something_in_between_is_no_fault_of_the_one_text_that_was_asked_for(
    cache: TranslationCache,
) -> None:
    with DeepLServer(["no json", "no json"]) as server:
        async with deepl_at(server) as translator:
            found = await all_of([pair(1, "Why is it so?", "Because.")], translator, cache)
    assert [type(one) for one in found] == [Row]


async def test_a_connection_that_is_cut_when_it_was_paid_costs_that_call_and_no_other(cache: TranslationCache) -> None:
    with DeepLServer(["cut when paid"]) as server:
        async with deepl_at(server) as translator:
            found = await all_of(rows(100), translator, cache)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice <= 50


@pytest.mark.parametrize("fault", ["few", "many"])
async def test_an_answer_with_a_wrong_count_is_not_guessed_at_and_asked_for_once_more(
    cache: TranslationCache, fault: Fault
) -> None:
    given = rows(40)
    with DeepLServer() as server:
        async with deepl_at(server) as translator:
            right = await all_of(given, translator, cache)
    with DeepLServer([fault]) as server, TranslationCache(translations_file().with_name("other.db")) as other:
        async with deepl_at(server) as translator:
            assert await all_of(given, translator, other) == right
        assert max(server.charged.values()) == 2


async def test_an_answer_whose_count_is_wrong_again_rejects_its_rows_and_no_others(cache: TranslationCache) -> None:
    with DeepLServer(["few", "few"]) as server:
        async with deepl_at(server) as translator:
            found = await all_of([pair(n, f"Question number {n}", "42") for n in range(20)], translator, cache)
    rejected = [one for one in found if isinstance(one, Rejection)]
    assert {one.reason for one in rejected} == {"wrong-count"}
    assert len(rejected) == 10


async def test_a_text_that_is_refused_is_found_among_fifty_and_only_its_row_is_rejected(
    cache: TranslationCache,
) -> None:
    with DeepLServer() as server:
        server.bad_words = {"17 "}
        async with deepl_at(server) as translator:
            found = await all_of([pair(n, f"{n} is the number", "42") for n in range(50)], translator, cache)
        assert server.twice == 0
    assert [isinstance(one, Rejection) for one in found].index(True) == 17
    (rejected,) = (one for one in found if isinstance(one, Rejection))
    assert rejected.reason == "refused-text"
    assert "400" in rejected.detail


async def test_a_call_that_is_too_large_is_halved_until_it_is_not(cache: TranslationCache) -> None:
    given = [pair(n, " ".join(f"w{n}-{at}" for at in range(300)), "42") for n in range(40)]
    with DeepLServer(most_bytes=9000) as server:
        async with deepl_at(server) as translator:
            found = await all_of(given, translator, cache)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice == 0


async def test_a_quota_that_is_too_small_is_seen_before_anything_is_sent(cache: TranslationCache) -> None:
    with DeepLServer(quota=1000) as server:
        async with deepl_at(server) as translator:
            with pytest.raises(QuotaSpent, match="1,000 characters left"):
                await all_of(rows(100), translator, cache)
        assert server.calls == []


async def test_a_456_pauses_and_the_next_run_goes_on_and_pays_nothing_twice(cache: TranslationCache) -> None:
    given, passing = rows(200), list[Fault](["none", "none"])
    with DeepLServer() as server:
        async with deepl_at(server) as translator:
            right = await all_of(given, translator, cache)
        all_of_it = server.used
    with TranslationCache(translations_file().with_name("other.db")) as other, DeepLServer() as server:
        async with deepl_at(server) as translator:
            for calls in (2, 0, 1):
                server.faults.extend([*passing[:calls], "456"])
                with pytest.raises(QuotaSpent, match="go on with the same command"):
                    await all_of(given, translator, other, at_once=1)
                assert 0 < server.used < all_of_it
            assert await all_of(given, translator, other) == right
        assert server.twice == 0
        assert server.used == all_of_it


async def test_the_last_of_a_quota_is_used_and_then_it_pauses(cache: TranslationCache) -> None:
    given = rows(200)
    with DeepLServer(quota=9000) as server:
        async with deepl_at(server) as translator:
            with pytest.raises(QuotaSpent):
                await all_of(given, translator, cache)
            assert 4000 < server.used <= 9000
            server.quota = 1_000_000
            found = await all_of(given, translator, cache)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice == 0


async def test_a_budget_holds_and_a_larger_one_goes_on(cache: TranslationCache) -> None:
    given = rows(300)
    with DeepLServer() as server:
        async with deepl_at(server) as translator:
            with pytest.raises(BudgetSpent, match=r"\$0\.20"):
                await all_of(given, translator, cache, budget=0.2)
            assert 0.05 < server.used * 25 / 1e6 <= 0.2
            found = await all_of(given, translator, cache, budget=10.0)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice == 0


async def test_a_refused_key_stops_at_once_and_is_not_said(cache: TranslationCache) -> None:
    with DeepLServer() as server:
        async with deepl_at(server, key="another-secret-key") as translator:
            with pytest.raises(TranslatorRefused, match="DEEPL_AUTH_KEY") as refused:
                await all_of(rows(40), translator, cache)
        assert server.calls == []
    assert "another-secret-key" not in str(refused.value)


async def test_a_server_that_stays_away_stops_it_with_what_was_translated_kept(
    cache: TranslationCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_FIRST_DELAY_SECONDS", 0.01)
    given = rows(100)
    with DeepLServer() as server:
        async with deepl_at(server) as translator:
            await all_of(given[:50], translator, cache)
            server.faults.extend(["503"] * 100)
            with pytest.raises(EndpointError, match="kept"):
                await all_of(given, translator, cache)
            server.faults.clear()
            found = await all_of(given, translator, cache)
        assert all(isinstance(one, Row) for one in found)
        assert server.twice == 0


async def test_a_silent_call_is_given_up_and_made_again(
    cache: TranslationCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deepl, "_SECONDS", 1.0)
    with DeepLServer(["slow"]) as server:
        async with deepl_at(server) as translator:
            began = time.monotonic()
            found = await all_of(rows(2), translator, cache)
            seconds = time.monotonic() - began
    assert all(isinstance(one, Row) for one in found)
    assert seconds < 10


async def test_closed_in_the_middle_what_is_under_way_is_still_written_down(cache: TranslationCache) -> None:
    given = rows(1200)
    with DeepLServer(latency=0.2) as server:
        async with deepl_at(server) as translator:
            async with aclosing(translate(given, translator, cache)) as found:
                async for _ in found:
                    break
            paid = len(server.charged)
            assert cache.counts(rules_of(translator))[0] == paid
            await all_of(given, translator, cache)
        assert server.twice == 0


async def test_a_full_disk_stops_before_more_is_paid(cache: TranslationCache) -> None:
    given = rows(600)
    with cache.database.transaction() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    cache.database._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    with DeepLServer(latency=0.05) as server:
        async with deepl_at(server) as translator:
            with pytest.raises(NoSpace):
                await all_of(given, translator, cache, at_once=4)
            lost = len(server.charged) - cache.counts(rules_of(translator))[0]
            assert lost <= 4 * 50
            sent = len(server.calls)
            with pytest.raises(NoSpace):
                await all_of(given, translator, cache, at_once=4)
            assert len(server.calls) - sent <= 4
            cache.database._connection.execute("PRAGMA max_page_count = 1000000")
            found = await all_of(given, translator, cache)
    assert all(isinstance(one, Row) for one in found)


async def test_two_builds_at_once_pay_for_each_text_once(cache: TranslationCache) -> None:
    given = rows(400)
    with DeepLServer(latency=0.05) as server, TranslationCache() as second:
        async with deepl_at(server) as one, deepl_at(server) as other:
            found = await asyncio.gather(all_of(given, one, cache), all_of(given, other, second))
        assert found[0] == found[1]
        assert server.twice == 0


@pytest.mark.parametrize("version", [0, 99])
async def test_a_cache_of_another_version_is_reported_and_left_as_it_is(home: Path, version: int) -> None:
    home.mkdir(parents=True)
    path = translations_file()
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE translations (other TEXT)")
        foreign.execute(f"PRAGMA user_version = {version}")
    foreign.close()
    before = path.read_bytes()
    with TranslationCache() as cache, DeepLServer() as server:
        assert str(path) in cache.notice
        assert cache.database.path.name in cache.notice
        async with deepl_at(server) as translator:
            found = await all_of(rows(3), translator, cache)
    assert all(isinstance(one, Row) for one in found)
    assert path.read_bytes() == before


async def test_a_cache_that_is_no_database_is_reported_and_left_as_it_is(home: Path) -> None:
    home.mkdir(parents=True)
    translations_file().write_bytes(b"no database at all, but long enough to be looked at" * 50)
    with TranslationCache() as cache:
        assert "translations.db" in cache.notice
        assert cache.by_translator() == {}


async def test_the_next_call_waits_as_long_as_the_server_asked(cache: TranslationCache) -> None:
    with DeepLServer(["none", "429 and when"]) as server:
        async with deepl_at(server) as translator:
            found = await all_of(rows(100), translator, cache, at_once=1)
        assert all(isinstance(one, Row) for one in found)
        assert server.times[2] - server.times[1] >= ASKED_SECONDS
        assert server.refusals == 1


def test_a_translation_that_was_paid_for_waits_for_whoever_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be bought again; what costs nothing gives up sooner."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    file = tmp_path / "translations.db"
    with TranslationCache(file) as cache, closing(sqlite3.connect(file, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            cache.claim(["key"])
        paid = [Paid("key", "Hello.", "안녕하세요.", 6)]
        keeps = threading.Thread(target=cache.keep, args=(paid,), kwargs={"translator": "deepl", "rules": "1"})
        keeps.start()
        time.sleep(0.5)
        another.execute("ROLLBACK")
        keeps.join(60)
        assert cache.found(["key"]) == {"key": "안녕하세요."}
