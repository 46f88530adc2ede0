"""The sources that ship: each whole, pinned or said to be not, its figures with where they come from, in both languages."""

import re
from typing import Any

import pytest

from data.sources import text
from data.sources.catalogue import Source, file_source, source_from, source_named, sources
from data.sources.forms import FORMS
from kullm_tui.core.errors import ConfigError

_NAMED = {
    "gpt4-llm", "alpaca", "dolly-15k", "sharegpt", "sharegpt-conversations", "koalpaca-v1.0", "koalpaca-v1.1", "vicuna",
    "oasst1", "oasst1-ko", "self-instruct", "natural-instructions", "p3", "flan", "instruct-wild", "kopen-platypus",
    "korquad", "kullm-v2", "demo", "demo-koalpaca", "demo-kovicuna", "conversations", "corrections", "kept",
}  # fmt: skip


def test_the_catalogue_holds_every_source_that_was_promised() -> None:
    assert set(sources()) == _NAMED


@pytest.mark.parametrize("source", sources().values(), ids=lambda source: source.name)
def test_every_source_says_where_it_lies_what_it_may_be_used_for_and_where_each_figure_comes_from(
    source: Source,
) -> None:
    assert source.own or source.address.startswith("https://")
    assert source.own or source.form in FORMS
    assert source.languages
    assert bool(source.note) == bool(source.note_english)
    assert bool(source.rows) == bool(source.rows_from)
    assert bool(source.characters) == bool(source.characters_from)
    assert bool(source.bytes) == bool(source.bytes_from)
    assert all(not pattern.startswith("/") and ".." not in pattern for pattern in source.files)


def test_what_forbids_commercial_use_or_handing_on_is_marked() -> None:
    of = sources()
    assert {name for name, one in of.items() if one.commercial == "no"} == {"gpt4-llm", "alpaca", "koalpaca-v1.0"}
    assert all(one.commercial == "no" for one in of.values() if "NC" in one.licence)
    assert all(one.sharing in ("no", "unclear", "non-commercial") for one in of.values() if "NC" in one.licence)
    assert [name for name, one in of.items() if one.sharing == "no"] == ["korquad"]
    assert of["kullm-v2"].sharing == "non-commercial"  # whatever its tag says
    assert of["dolly-15k"].sharing == "share-alike"
    assert not any(one.sharing == "free" for one in of.values() if not one.licence)


def test_only_branches_that_have_no_known_commit_are_unpinned() -> None:
    fetched = [one for one in sources().values() if one.repository]
    assert {one.name for one in fetched if not one.is_pinned} == {"koalpaca-v1.0", "koalpaca-v1.1"}


def test_sizes_and_licences_are_said_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    of = sources()
    monkeypatch.setenv("KULLM_LANG", "en")
    assert text.rows_text(of["dolly-15k"]) == "15,000+ (its card)"
    assert text.size_of(of["gpt4-llm"]) == "41,000,000 characters (from a sample)"
    assert text.size_of(of["kullm-v2"]) == "0.3 GB (its list of files)"
    assert text.reach_text(of["korquad"]) == "could not be fetched"
    assert text.licence_text(of["koalpaca-v1.1"]) == "none named"
    english = {of[name].shown_note for name in of}
    monkeypatch.setenv("KULLM_LANG", "ko")
    assert text.rows_text(of["sharegpt"]) == "83,000 (논문)"
    assert not any(re.search("[가-힣]", note) for note in english)
    assert all(re.search("[가-힣]", one.shown_note) for one in of.values())


def faults(**table: Any) -> list[str]:
    found: list[str] = []
    source_from("mine", table, found)
    return found


def test_every_fault_of_a_table_is_told() -> None:
    assert faults(repository="a/b", files=["*.jsonl"], columns={"output": "답변"}, rows=3, form="dolly") == []
    found = faults(repository="a b", form="dollar", columns={"outpt": "x"}, rows=-1, licens="MIT")
    assert [re.split(r"[:.]", line)[1] for line in found] == ["repository", "form", "columns", "rows", "licens"]
    assert "licence" in found[-1]
    assert "files" in faults(repository="a/b")[0]
    assert "url" in faults(url="https://a.b/c", own="demo")[0]


def test_a_name_is_a_source_or_a_file_and_a_near_one_is_suggested(tmp_path: Any) -> None:
    assert source_named("alpaca") is sources()["alpaca"]
    assert source_named(str(tmp_path / "mine.jsonl")) == file_source(tmp_path / "mine.jsonl")
    with pytest.raises(ConfigError, match="dolly-15k"):
        source_named("doly-15k")
