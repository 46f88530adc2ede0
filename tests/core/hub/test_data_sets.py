"""Files of a data set out of the hub's cache: by name and pattern, from one commit, as resumable and as checked as a model's."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.errors import HubError, ModelNotFound
from kullm_tui.core.hub import transfer
from kullm_tui.core.hub.cache import cached_files, repository_folder
from kullm_tui.core.hub.fetch import pull_files
from tests.hub_server import Hub, Repository, hub_server

NAME = "datasets/somebody/rows"
ROWS = os.urandom(300_000)
FILES = {"README.md": b"a card", "data/a.jsonl": b"{}\n", "data/b.jsonl": ROWS, "data/deep/c.jsonl": b"{}\n{}\n"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as server:
        server.repositories[NAME] = Repository(FILES)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(transfer, "_WAIT_SECONDS", 0.02)
        yield server


def test_only_the_files_that_fit_are_fetched_and_a_star_stops_at_a_slash(hub: Hub) -> None:
    found = pull_files(NAME, ["data/*.jsonl"]).files
    assert [path.name for path in found] == ["a.jsonl", "b.jsonl"]
    assert [path.read_bytes() for path in found] == [FILES["data/a.jsonl"], ROWS]
    assert not any("c.jsonl" in path or "README" in path for _, path, _ in hub.requests)


@pytest.mark.usefixtures("hub")
def test_the_hubs_own_library_finds_the_files_of_a_data_set(tmp_path: Path) -> None:
    (path,) = pull_files(NAME, ["data/deep/c.jsonl"]).files
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        "somebody/rows", "data/deep/c.jsonl", cache_dir=tmp_path / "hf" / "hub", repo_type="dataset"
    )
    assert Path(str(found)) == path


def test_what_is_pinned_and_here_is_found_without_the_hub(hub: Hub) -> None:
    commit = hub.repositories[NAME].commit
    assert cached_files(NAME, commit, ["data/a.jsonl"]) is None
    assert pull_files(NAME, ["data/a.jsonl"], revision=commit).commit == commit
    hub.requests.clear()
    folder = cached_files(NAME, commit, ["data/a.jsonl"])
    assert folder is not None
    assert folder.name == commit
    assert cached_files(NAME, commit, ["data/a.jsonl", "data/b.jsonl"]) is None
    assert hub.requests == []


def test_a_data_set_that_was_cut_off_is_resumed(hub: Hub) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts = 100_000, 1
    (path,) = pull_files(NAME, ["data/b.jsonl"]).files
    assert path.read_bytes() == ROWS
    assert hub.bytes_sent[hashlib.sha256(ROWS).hexdigest()] == len(ROWS)


@pytest.mark.usefixtures("hub")
def test_a_file_that_the_repository_lacks_is_named() -> None:
    with pytest.raises(HubError, match=r"absent\.jsonl"):
        pull_files(NAME, ["data/a.jsonl", "absent.jsonl"])


@pytest.mark.usefixtures("hub")
def test_a_data_set_and_a_model_of_one_name_are_two(hub: Hub) -> None:
    hub.repositories["somebody/rows"] = Repository({"config.json": b"{}"})
    pull_files(NAME, ["data/a.jsonl"])
    assert repository_folder(NAME) != repository_folder("somebody/rows")
    with pytest.raises(ModelNotFound):
        pull_files("datasets/somebody/else", ["a"])


def test_a_listing_that_leaves_the_cache_is_refused(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({"../../a.jsonl": b"{}"})
    with pytest.raises(HubError, match="outside the cache"):
        pull_files(NAME, ["*/*/a.jsonl"])
