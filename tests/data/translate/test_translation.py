"""Rows through the whole of it, against a server that speaks DeepL's protocol: what is sent, what comes back, what is paid."""

import re

import pytest

from data.row import Rejection, Row
from data.translate.cache import TranslationCache
from data.translate.deepl import MODEL_TYPE, DeepL
from data.translate.progress import Progress
from data.translate.style import INSTRUCTIONS, Wording
from data.translate.translation import estimate
from data.translate.translator import TranslatorRefused
from tests.data.masking.texts import in_korean
from tests.data.translate.translating import all_of, deepl_at, pair, rows
from tests.deepl_server import FREE_KEY, DeepLServer, Fault
from tests.openai_server import closed_port


async def test_rows_come_back_in_their_order_with_what_they_said_before(cache: TranslationCache) -> None:
    given = rows(300)
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            found = await all_of(given, deepl, cache)
    assert [one.id for one in found if isinstance(one, Row)] == [row.id for row in given]
    for old, new in zip(given, found, strict=True):
        assert isinstance(new, Row)
        assert new.original == old.messages
        assert new.messages[0].content == in_korean(old.messages[0].content)
        assert new.messages[0].input == in_korean(old.messages[0].input)
        code = re.findall(r"```.*?```|`[^`]+`", old.messages[1].content, re.DOTALL)
        assert re.findall(r"```.*?```|`[^`]+`", new.messages[1].content, re.DOTALL) == code


async def test_no_fence_is_ever_sent_and_a_text_of_many_rows_once(cache: TranslationCache) -> None:
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            await all_of(rows(300), deepl, cache)
        assert not any("secret_" in text or "```" in text for text in server.texts)
        assert server.texts.count("Same for all.") == 1
        assert server.twice == 0


async def test_calls_are_full_and_say_how_the_korean_is_to_sound(cache: TranslationCache) -> None:
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            await all_of(rows(400), deepl, cache)
        sizes = [len(call["text"]) for call in server.calls]
        assert max(sizes) == 50
        assert len(sizes) <= -(-sum(sizes) // 50) + 4
        for call in server.calls:
            assert call["custom_instructions"] == list(INSTRUCTIONS)
            assert call["model_type"] == MODEL_TYPE
            assert (call["source_lang"], call["target_lang"]) == ("EN", "KO")
            if "tag_handling" in call:
                assert call["tag_handling_version"] == "v2"


async def test_what_was_translated_before_is_not_paid_again(cache: TranslationCache) -> None:
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            first = await all_of(rows(100), deepl, cache)
            paid = server.used
            second = await all_of(rows(120), deepl, cache)
        assert second[:100] == first
        assert server.twice == 0
        assert server.used < paid * 1.3


async def test_an_estimate_counts_each_text_once_and_is_what_is_paid(cache: TranslationCache) -> None:
    given = rows(60)
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            heard: list[int] = []
            before = await estimate(given, deepl, cache, told=heard.append)
            progress = Progress(before)
            await all_of(given, deepl, cache, progress=progress)
            after = await estimate(given, deepl, cache)
    assert heard[-1] == before.rows == 60
    assert before.to_pay == before.characters == server.used == progress.characters
    assert before.dollars == pytest.approx(server.used * 25 / 1e6)
    assert progress.dollars == pytest.approx(before.dollars)
    assert before.free_months == 1
    assert (after.to_pay, after.cached, after.dollars) == (0, before.characters, 0)
    assert (progress.rows, progress.rejected, progress.seconds_left) == (60, 0, 0.0)
    assert progress.texts == before.texts


async def test_what_it_costs_is_known_where_deepl_is_not_reached(cache: TranslationCache) -> None:
    deepl = DeepL("a-key", server_url=f"http://127.0.0.1:{closed_port()}")
    found = await estimate(rows(3), deepl, cache)
    await deepl.close()
    assert found.to_pay == found.characters > 0
    assert found.quota_left is None


async def test_a_key_of_the_free_tier_pays_nothing_and_is_told_how_many_months_it_takes(
    cache: TranslationCache,
) -> None:
    given = [pair(number, " ".join(f"word{number}-{at}" for at in range(5000)), "Yes.") for number in range(11)]
    with DeepLServer(key=FREE_KEY, quota=500_000) as server:
        async with deepl_at(server) as deepl:
            found = await estimate(given, deepl, cache)
    assert found.dollars == 0
    assert found.free_months == 2
    assert found.quota_left == 500_000
    assert not found.fits_quota


async def test_moved_tags_are_asked_for_once_more_without_tags(cache: TranslationCache) -> None:
    given = [pair(1, "Open the file with `vim` and edit.", "42")]
    with DeepLServer(["moved tags"]) as server:
        async with deepl_at(server) as deepl:
            (row,) = await all_of(given, deepl, cache)
        assert isinstance(row, Row)
        assert row.messages[0].content == in_korean("Open the file with ") + "`vim`" + in_korean(" and edit.")
        assert "Open the file with `vim` and edit." in server.texts


@pytest.mark.parametrize("fault", ["lost tags", "doubled tags"])
async def test_a_text_that_comes_back_broken_both_times_rejects_its_row_alone(
    cache: TranslationCache, fault: Fault
) -> None:
    text = "Open the file with `vim` and edit."
    with DeepLServer([fault, "empty"]) as server:
        async with deepl_at(server) as deepl:
            (found,) = await all_of([pair(1, text, "42")], deepl, cache)
            (other,) = await all_of([pair(2, "Use `x` now", "42")], deepl, cache)
    assert isinstance(found, Rejection)
    assert (found.reason, found.row.messages[0].content) == ("empty-translation", text)
    assert isinstance(other, Row)


async def test_a_placeholder_in_another_place_both_times_rejects_the_row_and_says_so(cache: TranslationCache) -> None:
    with DeepLServer(["moved tags", "moved words"]) as server:
        async with deepl_at(server) as deepl:
            (found,) = await all_of([pair(1, "Open the file with `vim` and edit.", "42")], deepl, cache)
    assert isinstance(found, Rejection)
    assert found.reason == "placeholder-moved"
    assert "another place" in found.detail


async def test_a_rejected_text_is_not_asked_for_again_in_the_next_run(cache: TranslationCache) -> None:
    given = [pair(1, "Only words here", "42")]
    with DeepLServer(["empty"]) as server:
        async with deepl_at(server) as deepl:
            for _ in range(2):
                (found,) = await all_of(given, deepl, cache)
                assert isinstance(found, Rejection)
        assert len(server.calls) == 1


async def test_a_text_that_comes_back_equal_is_a_translation_for_the_filters_to_judge(cache: TranslationCache) -> None:
    with DeepLServer(["equal"]) as server:
        async with deepl_at(server) as deepl:
            (row,) = await all_of([pair(1, "Only words here", "42")], deepl, cache)
    assert isinstance(row, Row)
    assert row.messages[0].content == "Only words here"


async def test_a_glossary_is_made_once_and_found_again_and_has_translations_of_its_own(cache: TranslationCache) -> None:
    wording = Wording(glossary={"apple": "사과"})
    given = [pair(1, "An apple a day", "42")]
    with DeepLServer() as server:
        for _ in range(2):
            async with deepl_at(server, wording) as deepl:
                (row,) = await all_of(given, deepl, cache)
                assert isinstance(row, Row)
                assert "사과" in row.messages[0].content
        assert len(server.glossaries) == 1
        async with deepl_at(server) as deepl:
            (row,) = await all_of(given, deepl, cache)
            assert (await estimate(given, deepl, cache)).others == 1
    assert isinstance(row, Row)
    assert "사과" not in row.messages[0].content


async def test_a_row_of_nothing_but_code_is_not_sent(cache: TranslationCache) -> None:
    given = [pair(1, "```\ncode\n```", "42")]
    with DeepLServer() as server:
        async with deepl_at(server) as deepl:
            (row,) = await all_of(given, deepl, cache)
        assert server.calls == []
    assert isinstance(row, Row)
    assert row.messages == row.original == given[0].messages


async def test_a_glossary_that_deepl_does_not_take_stops_before_anything_is_sent(cache: TranslationCache) -> None:
    with DeepLServer() as server:
        async with deepl_at(server, Wording(glossary={"tab\there": "사과"})) as deepl:
            with pytest.raises(TranslatorRefused, match="glossary"):
                await all_of(rows(2), deepl, cache)
        assert server.calls == []
