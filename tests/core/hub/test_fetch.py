import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.errors import HubError, ModelNotFound, NoSpace
from kullm_tui.core.hub import transfer
from kullm_tui.core.hub.cache import discard, leftover_of, locked, part_of, remove_repository, repository_folder
from kullm_tui.core.hub.fetch import cached_snapshot, pull
from tests.hub_server import TOKEN, Hub, Repository, hub_server

NAME = "nlpai-lab/tiny"
WEIGHTS = os.urandom(300_000)
FILES = {"config.json": b'{"model_type": "gpt_neox"}', "tokenizer.json": b"{}" * 4000, "model.safetensors": WEIGHTS}


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


def assert_whole(folder: Path) -> None:
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert cached_snapshot(NAME, None) == folder


def assert_nothing_loads() -> None:
    assert cached_snapshot(NAME, None) is None
    assert not list(repository_folder(NAME).glob("snapshots/*"))


@pytest.mark.usefixtures("hub")
def test_a_pulled_model_is_whole_and_its_progress_reaches_the_total() -> None:
    seen: list[tuple[int, int]] = []
    folder = pull(NAME, progress=lambda done, total: seen.append((done, total)))
    assert_whole(folder)
    total = sum(map(len, FILES.values()))
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.usefixtures("hub")
def test_the_hubs_own_library_finds_what_was_pulled(tmp_path: Path) -> None:
    folder = pull(NAME)
    from huggingface_hub import snapshot_download

    found = snapshot_download(NAME, cache_dir=tmp_path / "hf" / "hub", local_files_only=True)
    assert Path(found) == folder


def test_what_is_here_already_is_not_fetched_again(hub: Hub) -> None:
    pull(NAME)
    before = sum(hub.bytes_sent.values()) - hub.bytes_sent[""]
    assert_whole(pull(NAME))
    assert sum(hub.bytes_sent.values()) - hub.bytes_sent[""] == before


def test_a_cut_connection_is_resumed_where_it_broke(hub: Hub) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts = 100_000, 2
    assert_whole(pull(NAME))
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert hub.bytes_sent[digest] == len(WEIGHTS)
    assert ("GET", f"objects/{digest}", "bytes=100000-") in hub.requests


def test_a_download_that_failed_goes_on_from_there_the_next_time(hub: Hub) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts = 0, 1000
    with pytest.raises(HubError, match="breaking the connection"):
        pull(NAME)
    assert_nothing_loads()
    hub.faults.cuts = 0
    with pytest.raises(Stopped):
        pull(NAME, progress=stop_after(100_000))
    assert_nothing_loads()
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    hub.bytes_sent.clear()
    assert_whole(pull(NAME))
    assert 0 < hub.bytes_sent[digest] < len(WEIGHTS)


class Stopped(Exception):
    pass


def stop_after(limit: int) -> transfer.Progress:
    def progress(done: int, _total: int) -> None:
        if done > limit:
            raise Stopped

    return progress


def test_a_killed_download_leaves_nothing_that_loads_and_is_resumed(hub: Hub) -> None:
    big = os.urandom(30_000_000)
    hub.repositories[NAME] = Repository({"config.json": b"{}", "model.safetensors": big})
    code = (
        f"import time; from kullm_tui.core.hub.fetch import pull; pull({NAME!r}, progress=lambda *_: time.sleep(0.05))"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    part = part_of(repository_folder(NAME) / "blobs" / hashlib.sha256(big).hexdigest())
    deadline = time.monotonic() + 240
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    had = part.stat().st_size
    assert 0 < had < len(big)
    assert_nothing_loads()
    hub.requests.clear()
    assert (pull(NAME) / "model.safetensors").read_bytes() == big
    assert f"bytes={had}-" in [asked for _, _, asked in hub.requests]


def test_a_server_without_ranges_sends_the_file_anew(hub: Hub) -> None:
    hub.faults.cut_after_bytes, hub.faults.cuts, hub.faults.ignores_ranges = 100_000, 1, True
    assert_whole(pull(NAME))


def test_content_with_another_hash_is_thrown_away(hub: Hub) -> None:
    hub.faults.wrong_bytes = True
    with pytest.raises(HubError, match="not what the hub announced"):
        pull(NAME)
    assert_nothing_loads()
    assert not list(repository_folder(NAME).glob("blobs/*.kullm-part"))
    hub.faults.wrong_bytes = False
    assert_whole(pull(NAME))


def test_a_failing_update_leaves_the_old_version_usable(hub: Hub) -> None:
    old = pull(NAME)
    hub.repositories[NAME] = Repository({**FILES, "model.safetensors": os.urandom(200_000)})
    hub.faults.cut_after_bytes, hub.faults.cuts = 0, 1000
    with pytest.raises(HubError):
        pull(NAME)
    assert cached_snapshot(NAME, None) == old


def test_pickles_come_only_where_there_are_no_safetensors(hub: Hub) -> None:
    pickles = {
        "pytorch_model-00001-of-00002.bin": b"1",
        "pytorch_model-00002-of-00002.bin": b"2",
        "pytorch_model.bin.index.json": b'{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}',
    }
    hub.repositories[NAME] = Repository({**FILES, **pickles, "consolidated.pth": b"x", "tf_model.h5": b"x"})
    assert_whole(pull(NAME))
    remove_repository(NAME)
    hub.repositories[NAME] = Repository({"config.json": b"{}", **pickles})
    assert {path.name for path in pull(NAME).iterdir()} == {"config.json", *pickles}


def test_code_is_left_at_the_hub_unless_it_is_wanted(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({**FILES, "modeling.py": b"print('hi')", "sub/other.json": b"{}"})
    assert_whole(pull(NAME))
    assert (pull(NAME, with_code=True) / "modeling.py").is_file()


def test_another_revision_is_kept_beside_main(hub: Hub) -> None:
    main = pull(NAME)
    hub.repositories[NAME] = Repository({**FILES, "config.json": b"{} "}, revision="refs/pr/2")
    other = pull(NAME, revision="refs/pr/2")
    assert cached_snapshot(NAME, "refs/pr/2") == other != main == cached_snapshot(NAME, None)
    with pytest.raises(ModelNotFound, match="no revision nowhere"):
        pull(NAME, revision="nowhere")
    with pytest.raises(ModelNotFound, match="no name of a revision"):
        pull(NAME, revision="../../etc")


@pytest.mark.parametrize(("gate", "token"), [("needs-token", None), ("not-accepted", TOKEN)])
def test_a_gated_repository_names_its_page_and_the_key(hub: Hub, gate: object, token: str | None) -> None:
    hub.repositories[NAME] = Repository(FILES, gate=gate)  # type: ignore[arg-type]
    with pytest.raises(HubError) as caught:
        pull(NAME, token=token)
    assert f"{hub.url}/{NAME}" in str(caught.value)
    assert "kullm keys set HF_TOKEN" in str(caught.value)
    assert_nothing_loads()


def test_a_token_opens_the_gate_and_stays_with_the_hub(hub: Hub) -> None:
    hub.repositories[NAME] = Repository(FILES, gate="needs-token")
    assert_whole(pull(NAME, token=TOKEN))  # the other host answers 400 to a token


def test_nothing_is_asked_of_the_hub_but_the_listing_and_the_files(hub: Hub) -> None:
    # In a process of its own: what the hub's library asks beside that, it asks once for each.
    subprocess.run([sys.executable, "-c", f"from kullm_tui.core.hub.fetch import pull; pull({NAME!r})"], check=True)
    wanted = (f"api/models/{NAME}/", f"{NAME}/resolve/", "objects/")
    assert [path for _, path, _ in hub.requests if not path.startswith(wanted)] == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["nobody/nothing", "no such name", "a/b/c"])
def test_a_repository_that_does_not_exist(name: str) -> None:
    with pytest.raises(ModelNotFound, match=name):
        pull(name)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\b", "x\x1b[2J"])
def test_a_listing_with_names_outside_the_cache_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.repositories[NAME] = Repository({**FILES, name: b"hostile"})
    with pytest.raises(HubError, match="outside the cache") as caught:
        pull(NAME)
    assert "\x1b" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("x*") if path.is_file()]
    assert_nothing_loads()


def test_a_listing_that_makes_no_sense(hub: Hub) -> None:
    hub.faults.senseless = True
    with pytest.raises(HubError, match="makes no sense"):
        pull(NAME)


def test_a_repository_without_readable_weights(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({"config.json": b"{}", "model.gguf": b"x"})
    with pytest.raises(HubError, match="no weights"):
        pull(NAME)


def test_passing_server_errors_are_waited_out_and_lasting_ones_told(hub: Hub) -> None:
    hub.faults.failures = 3
    assert_whole(pull(NAME))
    hub.faults.failures = 1000
    with pytest.raises(HubError, match="HTTP 500"):
        pull(NAME)


@pytest.mark.usefixtures("hub")
def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="cannot be reached"):
        pull(NAME)


def test_a_server_that_does_not_answer_in_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    hub.faults.stall_seconds = 5
    with pytest.raises(HubError, match="too slowly"):
        pull(NAME)


@pytest.mark.usefixtures("hub")
def test_two_downloads_of_one_repository_do_not_mix() -> None:
    pull(NAME)
    with locked(NAME), pytest.raises(HubError, match="Another kullm"):
        pull(NAME)


def test_a_model_larger_than_the_disk_is_told_before_anything_is_fetched(hub: Hub) -> None:
    hub.repositories[NAME] = Repository(FILES, announced_bytes={"model.safetensors": 2**60})
    with pytest.raises(NoSpace, match=r"needs 1152921504\.6 GB and has"):
        pull(NAME)
    assert hub.bytes_sent.total() == hub.bytes_sent[""]
    assert_nothing_loads()


@pytest.mark.usefixtures("hub")
def test_a_disk_that_is_full_is_told() -> None:
    part = part_of(repository_folder(NAME) / "blobs" / hashlib.sha256(WEIGHTS).hexdigest())
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")  # every write to it fails as on a full disk
    with pytest.raises(NoSpace, match="filled up"):
        pull(NAME)
    assert_nothing_loads()
    part.unlink()
    assert_whole(pull(NAME))


@pytest.mark.soak
def test_a_disk_that_fills_up_on_the_way_leaves_a_download_to_go_on_with(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = os.urandom(8_000_000)
    hub.repositories[NAME] = Repository({"config.json": b"{}", "model.safetensors": big})
    disk = tmp_path / "disk"
    disk.mkdir()
    ballast = disk / "ballast"

    def fill(done: int, _total: int) -> None:
        if done > 1_000_000 and not ballast.exists():
            ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 2_000_000))

    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        monkeypatch.setenv("HF_HOME", str(disk))
        with pytest.raises(NoSpace, match="filled up"):
            pull(NAME, progress=fill)
        assert_nothing_loads()
        ballast.unlink()
        assert (pull(NAME) / "model.safetensors").read_bytes() == big
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.usefixtures("hub")
def test_snapshots_that_other_tools_cut_short_are_not_taken_for_whole() -> None:
    folder = pull(NAME)
    (folder / "model.safetensors").unlink()
    assert cached_snapshot(NAME, None) is None
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00001.safetensors"}}')
    assert cached_snapshot(NAME, None) is None
    (folder / "model-00001-of-00001.safetensors").write_bytes(b"x")
    assert cached_snapshot(NAME, None) == folder
    (folder / "config.json").unlink()
    assert cached_snapshot(NAME, None) is None


def test_leftovers_are_old_versions_and_abandoned_parts_only(hub: Hub) -> None:
    old = pull(NAME)
    hub.repositories[NAME] = Repository({**FILES, "model.safetensors": os.urandom(200_000)})
    new = pull(NAME)
    blobs = repository_folder(NAME) / "blobs"
    part = part_of(blobs / ("0" * 64))
    part.write_bytes(b"x" * 1000)
    for path in blobs.iterdir():
        os.utime(path, (0, 0))
    young = part_of(blobs / ("1" * 64))
    young.write_bytes(b"x")
    leftover = leftover_of(NAME)
    assert leftover is not None
    assert leftover.bytes == len(WEIGHTS) + 1000
    discard(leftover)
    assert not old.exists()
    assert not part.exists()
    assert young.exists()
    assert cached_snapshot(NAME, None) == new
    assert (new / "tokenizer.json").read_bytes() == FILES["tokenizer.json"]
    assert leftover_of(NAME) is None
    assert leftover_of("no/such") is None


@pytest.mark.usefixtures("hub")
def test_a_removed_repository_is_gone() -> None:
    folder = pull(NAME)
    assert remove_repository(NAME) > len(WEIGHTS)
    assert not folder.exists()
    assert cached_snapshot(NAME, None) is None
    assert remove_repository(NAME) == 0


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        ((200, b"[" * 100_000, {}), "알아볼 수 없어요"),
        ((200, b'{"siblings": [' * 5000, {}), "알아볼 수 없어요"),
        ((200, gzip.compress(bytes(50 << 20)), {"Content-Encoding": "gzip"}), "압축"),
        ((200, b" " * (9 << 20), {}), "끝나지 않는 답"),
        ((302, b"", {"Location": f"/api/models/{NAME}/revision/main?blobs=true"}), "끝없이 다른 주소"),
    ],
    ids=["nested", "nested objects", "bomb", "endless", "redirects"],
)
def test_a_hostile_listing_is_told_and_nothing_is_fetched(
    hub: Hub, listing: tuple[int, bytes, dict[str, str]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    hub.faults.listing = listing
    with pytest.raises(HubError, match=told):
        pull(NAME)
    assert_nothing_loads()
