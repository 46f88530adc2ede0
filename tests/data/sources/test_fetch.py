"""The files of a source, from where it says that they are; what is pinned and here is read without asking anybody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data.row import Row
from data.sources.catalogue import Source, file_source, sources
from data.sources.fetch import Fetched, fetch, here
from data.sources.read import read
from kullm_tui.core.errors import ConfigError, HubError
from tests.hub_server import Hub, Repository

NAME = "somebody/rows"
FILES = {
    f"data/{name}.jsonl": json.dumps({"instruction": name, "output": f"답 {name}"}, ensure_ascii=False).encode()
    for name in "abc"
}


@pytest.fixture
def source(hub: Hub) -> Source:
    hub.repositories[f"datasets/{NAME}"] = Repository(FILES)
    return Source(name="rows", title="rows", repository=NAME, files=("data/*.jsonl",), form="alpaca")


def test_rows_come_out_of_the_hubs_files_in_the_order_of_their_names(hub: Hub, source: Source) -> None:
    rows = list(read(source))
    assert [row.place for row in rows] == ["a.jsonl:1", "b.jsonl:1", "c.jsonl:1"]
    assert [row.texts for row in rows if isinstance(row, Row)] == [("a", "답 a"), ("b", "답 b"), ("c", "답 c")]
    assert fetch(source).revision == hub.repositories[f"datasets/{NAME}"].commit


def test_a_pinned_source_is_read_again_without_the_hub_and_a_branch_is_not(hub: Hub, source: Source) -> None:
    commit = hub.repositories[f"datasets/{NAME}"].commit
    branch = replace(source, files=tuple(FILES), revision="main")
    pinned = replace(branch, revision=commit)
    assert not branch.is_pinned
    assert pinned.is_pinned
    assert here(pinned) is None
    assert fetch(pinned).revision == fetch(branch).revision == commit
    hub.requests.clear()
    assert len(list(read(pinned))) == 3
    assert hub.requests == []
    hub.repositories[f"datasets/{NAME}"] = Repository({**FILES, "data/a.jsonl": FILES["data/b.jsonl"]})
    assert fetch(branch).revision != commit
    assert [row.texts[0] for row in read(branch) if isinstance(row, Row)] == ["b", "b", "c"]
    assert [row.texts[0] for row in read(pinned) if isinstance(row, Row)] == ["a", "b", "c"]


def test_a_pattern_is_asked_for_though_its_commit_is_here(hub: Hub, source: Source) -> None:
    pinned = replace(source, revision=hub.repositories[f"datasets/{NAME}"].commit)
    fetch(replace(pinned, files=("data/a.jsonl",)))
    assert here(pinned) is None
    assert len(fetch(pinned).files) == 3


def test_a_file_of_the_web_is_a_source(hub: Hub, source: Source) -> None:
    web = replace(source, repository="", files=(), url=f"{hub.url}/datasets/{NAME}/resolve/main/data/a.jsonl")
    assert here(web) is None
    (row,) = read(web)
    assert row.place == "a.jsonl:1"
    assert here(web) == fetch(web)
    with pytest.raises(HubError, match="something else"):
        fetch(replace(web, sha256="0" * 64))


def test_files_of_the_users_are_read_where_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(FILES["data/a.jsonl"])
    assert fetch(file_source(path)) == here(file_source(path)) == Fetched((path,))
    with pytest.raises(ConfigError, match="absent"):
        fetch(file_source(tmp_path / "absent.jsonl"))


def test_a_source_that_only_a_browser_can_fetch_says_where() -> None:
    source = sources()["instruct-wild"]
    assert here(source) is None
    with pytest.raises(ConfigError, match=r"InstructionWild.*--file"):
        fetch(source)
