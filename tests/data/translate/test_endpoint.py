"""An endpoint that speaks OpenAI's protocol as the translator: asked in its own way, checked, paid by its own price, and never mixed."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from data.row import Rejection, Row
from data.translate.cache import TranslationCache
from data.translate.endpoint import EndpointTranslator, open_endpoint_translator
from data.translate.progress import Progress
from data.translate.spending import BudgetSpent
from data.translate.translation import estimate
from data.translate.translator import QuotaSpent, TranslatorRefused
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import KeyMissing
from kullm_tui.core.prices import users_prices_file
from tests.data.masking.texts import in_korean
from tests.data.translate.translating import all_of, deepl_at, pair, rows
from tests.deepl_server import DeepLServer, translation
from tests.openai_server import CUT, OpenAIServer, Received, Reply, refuses


class Model(OpenAIServer):
    """Translates as it is asked to, after what is scripted; a number of the script is how many translations it leaves out."""

    def __init__(self, *scripted: Reply | int | str) -> None:
        super().__init__()
        self.scripted = list(scripted)
        self.asked: Counter[str] = Counter()
        self.systems: list[str] = []

    def answer(self, request: Received) -> Reply:
        system, user = (message["content"] for message in request.body["messages"])
        texts = json.loads(user)
        self.systems.append(system)
        scripted = self.scripted.pop(0) if self.scripted else 0
        if isinstance(scripted, Reply):
            return scripted
        self.asked.update(texts)
        form: Mapping[str, Any] = {"tag_handling": "xml"} if "<x id" in system else {}
        found = [translation(text, form, {}) for text in texts]
        if isinstance(scripted, str):
            return said(scripted)
        return said(json.dumps({"translations": found[scripted:]}, ensure_ascii=False))


def said(words: str) -> Reply:
    body = {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
    }
    return Reply([json.dumps(body, ensure_ascii=False)], media_type="application/json")


def translator_at(server: OpenAIServer, model: str = "gpt-4.1") -> EndpointTranslator:
    return EndpointTranslator(Endpoint("own", server.base_url, "sk-test-key"), model)


async def test_an_endpoint_translates_rows_with_their_code_in_place(cache: TranslationCache) -> None:
    given = rows(60)
    with Model() as server:
        translator = translator_at(server)
        found = await all_of(given, translator, cache)
        await translator.close()
        assert set(server.asked.values()) == {1}
        assert all("해요체" in system for system in server.systems)
    for old, new in zip(given, found, strict=True):
        assert isinstance(new, Row)
        assert new.messages[0].content == in_korean(old.messages[0].content)
        assert "```python" in new.messages[1].content


async def test_translations_of_two_translators_are_never_mixed(cache: TranslationCache) -> None:
    given = [pair(1, "The same words", "42")]
    with DeepLServer() as deepl_server, Model() as server:
        async with deepl_at(deepl_server) as deepl:
            await all_of(given, deepl, cache)
        translator = translator_at(server)
        assert (await estimate(given, translator, cache)).cached == 0
        await all_of(given, translator, cache)
        assert server.asked.total() == 1
        other = translator_at(server, "another-model")
        assert (await estimate(given, other, cache)).cached == 0
        await translator.close()
        assert set(cache.by_translator()) == {"deepl", "own/gpt-4.1"}


@pytest.mark.parametrize("scripted", [1, "no JSON", '{"translations": [1, 2]}', "[]"])
async def test_an_answer_that_is_not_what_was_asked_for_is_asked_for_again(
    cache: TranslationCache, scripted: int | str
) -> None:
    with Model(scripted) as server:
        translator = translator_at(server)
        found = await all_of([pair(n, f"Question number {n}", "42") for n in range(8)], translator, cache)
        await translator.close()
    assert all(isinstance(one, Row) for one in found)


async def test_a_page_of_something_in_between_is_no_fault_of_the_one_text_that_was_asked_for(
    cache: TranslationCache,
) -> None:
    with Model(*[Reply(["<html>"], 200, {}, "text/html")] * 2) as server:
        translator = translator_at(server)
        found = await all_of([pair(1, "Hello there", "42")], translator, cache)
        await translator.close()
    assert [type(one) for one in found] == [Row]


async def test_a_fence_around_the_json_is_taken_off(cache: TranslationCache) -> None:
    with Model('```json\n{"translations": ["안녕하세요"]}\n```') as server:
        translator = translator_at(server)
        (row,) = await all_of([pair(1, "Hello there", "42")], translator, cache)
        await translator.close()
    assert isinstance(row, Row)
    assert row.messages[0].content == "안녕하세요"


async def test_a_model_that_never_answers_in_the_form_rejects_the_rows(cache: TranslationCache) -> None:
    with Model(*["I cannot do that."] * 50) as server:
        translator = translator_at(server)
        found = await all_of([pair(n, f"Question number {n}", "42") for n in range(4)], translator, cache)
        await translator.close()
    assert {one.reason for one in found if isinstance(one, Rejection)} == {"refused-text"}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refuses(401, "bad key"), TranslatorRefused),
        (refuses(404, "no such model"), TranslatorRefused),
        (refuses(429, "no money", code="insufficient_quota"), QuotaSpent),
    ],
)
async def test_what_no_other_call_could_change_stops_it(
    cache: TranslationCache, reply: Reply, expected: type[Exception]
) -> None:
    with Model(*[reply] * 40) as server:
        translator = translator_at(server)
        with pytest.raises(expected) as stopped:
            await all_of(rows(10), translator, cache)
        await translator.close()
    assert "sk-test-key" not in str(stopped.value)


async def test_a_busy_or_broken_endpoint_is_tried_again(cache: TranslationCache) -> None:
    with Model(refuses(429, "slow down", headers={"retry-after": "0.1"}), refuses(503, "busy"), Reply([CUT])) as server:
        translator = translator_at(server)
        found = await all_of(rows(10), translator, cache)
        await translator.close()
        assert set(server.asked.values()) == {1}
    assert all(isinstance(one, Row) for one in found)


async def test_what_is_spent_is_counted_by_the_tokens_that_the_server_reports(cache: TranslationCache) -> None:
    users_prices_file().parent.mkdir(parents=True, exist_ok=True)
    users_prices_file().write_text('["gpt-4.1"]\ninput = 2.0\noutput = 8.0\n')
    progress = Progress()
    with Model() as server:
        translator = translator_at(server)
        assert (await estimate(rows(10), translator, cache)).dollars
        await all_of(rows(10), translator, cache, progress=progress)
        await translator.close()
    assert progress.dollars == pytest.approx(progress.calls * (1000 * 2 + 100 * 8) / 1e6)


async def test_a_budget_needs_a_known_price(cache: TranslationCache) -> None:
    with Model() as server:
        translator = EndpointTranslator(Endpoint("own", server.base_url.replace("127.0.0.1", "x.invalid")), "unknown")
        assert (await estimate(rows(3), translator, cache)).dollars is None
        with pytest.raises(BudgetSpent, match="prices.toml"):
            await all_of(rows(3), translator, cache, budget=1.0)
        await translator.close()
        assert server.asked.total() == 0


def test_a_configured_endpoint_needs_its_key() -> None:
    with pytest.raises(KeyMissing, match="MY_KEY"):
        open_endpoint_translator(EndpointSettings("own", "http://127.0.0.1:1/v1", "MY_KEY"), "m")
    assert open_endpoint_translator(EndpointSettings("own", "http://127.0.0.1:1/v1"), "m").dollars(1000) == 0
