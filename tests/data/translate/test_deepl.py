"""How DeepL is opened: the key by its name and nowhere else, the server by the key or by a setting, the client without retries of its own."""

import logging

import pytest

from data.translate.cache import TranslationCache
from data.translate.deepl import KEY_NAME, URL_NAME, DeepL, open_deepl
from data.translate.style import INSTRUCTIONS
from data.translate.translator import NotNow, QuotaSpent, SlowDown, key_of, rules_of
from kullm_tui.core.errors import ConfigError, KeyMissing
from kullm_tui.core.prices import users_prices_file
from tests.data.translate.translating import all_of, deepl_at, rows
from tests.deepl_server import FREE_KEY, KEY, DeepLServer, Fault


def test_without_a_key_it_says_how_to_store_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_NAME, raising=False)
    with pytest.raises(KeyMissing, match="kullm keys set DEEPL_AUTH_KEY"):
        open_deepl()


async def test_the_key_decides_the_server_unless_a_setting_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, address in ((KEY, "https://api.deepl.com"), (FREE_KEY, "https://api-free.deepl.com")):
        monkeypatch.setenv(KEY_NAME, key)
        opened = open_deepl()
        assert opened.address == address
        await opened.close()
    monkeypatch.setenv(URL_NAME, "http://127.0.0.1:9")
    named = open_deepl()
    assert named.address == "http://127.0.0.1:9"
    await named.close()
    monkeypatch.setenv(URL_NAME, "http://deepl.example")
    with pytest.raises(ConfigError, match="https"):
        open_deepl()


async def test_a_key_is_in_no_log_and_in_no_error(
    cache: TranslationCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_NAME, KEY)
    with caplog.at_level(logging.DEBUG), DeepLServer(["503", "429", "456"]) as server:
        monkeypatch.setenv(URL_NAME, server.url)
        opened = open_deepl()
        with pytest.raises(QuotaSpent) as stopped:
            await all_of(rows(30), opened, cache)
        await opened.close()
    assert KEY not in caplog.text
    assert KEY not in str(stopped.value) + repr(opened)


async def test_the_client_retries_nothing_itself() -> None:
    """Whoever waits decides what comes next: one call of ours is one call of the server's."""
    faults: list[Fault] = ["503", "429", "cut"]
    with DeepLServer(faults) as server:
        async with deepl_at(server) as translator:
            for number in range(3):
                with pytest.raises((NotNow, SlowDown)):
                    await translator.ask(["Some words"], "plain")
                assert len(server.calls) == number + 1


async def test_the_price_is_the_users_where_one_is_set() -> None:
    translator = DeepL(KEY)
    assert translator.dollars(1_000_000) == 25
    assert translator.price_as_of
    await translator.close()
    users_prices_file().parent.mkdir(parents=True, exist_ok=True)
    users_prices_file().write_text('["deepl"]\ncharacters = 20\n')
    translator = DeepL(KEY)
    assert translator.dollars(1_000_000) == 20
    assert translator.price_as_of == ""
    await translator.close()


async def test_the_key_of_a_translation_is_of_all_that_decides_it() -> None:
    plain, other = DeepL(KEY), DeepL(FREE_KEY)
    rules = rules_of(plain)
    assert rules == rules_of(other)  # who pays changes no translation
    keys = {
        key_of(rules, "plain", "a"),
        key_of(rules, "tagged", "a"),
        key_of(rules, "plain", "b"),
        key_of("x", "plain", "a"),
    }
    assert len(keys) == 4
    for one in (plain, other):
        await one.close()


def test_the_instructions_are_within_deepls_bounds() -> None:
    assert len(INSTRUCTIONS) <= 10
    assert all(len(one) <= 300 for one in INSTRUCTIONS)
    assert "해요체" in INSTRUCTIONS[0]
