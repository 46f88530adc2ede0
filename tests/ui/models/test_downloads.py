"""Downloads that outlive the screen, against a real hub with real faults."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kullm_tui.core.config.keys import set_key
from kullm_tui.core.errors import UsageError
from kullm_tui.core.hub import transfer
from kullm_tui.core.hub.cache import cached_snapshot
from kullm_tui.core.models.registration import register
from kullm_tui.core.models.resolve import resolve
from kullm_tui.ui.models.downloads import Download, Downloads
from tests.hub_server import TOKEN, Hub, Repository, hub_server
from tests.openai_server import closed_port

NAME = "me/tiny"
WEIGHTS = os.urandom(20_000_000)
CONFIG = b'{"model_type": "gpt_neox"}'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as server:
        server.repositories[NAME] = Repository({"config.json": CONFIG, "model.safetensors": WEIGHTS})
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("KULLM_LANG", "ko")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(transfer, "_WAIT_SECONDS", 0.02)
        yield server


async def settled(download: Download) -> Download:
    async with asyncio.timeout(240):
        while download.active or download._thread:
            await asyncio.sleep(0.01)
    return download


@pytest.mark.usefixtures("hub")
async def test_a_download_arrives_with_its_numbers() -> None:
    ended: list[str] = []
    downloads = Downloads(lambda one: ended.append(one.state))
    download = await settled(downloads.start(resolve(NAME)))
    assert (download.state, download.error, ended) == ("done", "", ["done"])
    assert download.done == download.total == len(WEIGHTS) + len(CONFIG)
    assert cached_snapshot(NAME, None)


async def test_a_paused_download_goes_on_where_it_was(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads = Downloads()
    take = Download.take

    def pause_half_way(download: Download, done: int, total: int) -> None:
        if done > len(WEIGHTS) / 2:
            loop.call_soon_threadsafe(downloads.pause, NAME)
        take(download, done, total)

    loop = asyncio.get_running_loop()
    # A slow line: the event loop has its say between two pieces.
    monkeypatch.setattr(Download, "take", _slowly(pause_half_way))
    download = downloads.start(resolve(NAME))
    assert (await settled(download)).state == "paused"
    assert len(WEIGHTS) / 3 < download.done < len(WEIGHTS)  # the piece that tells of the half may come too late
    monkeypatch.setattr(Download, "take", take)
    downloads.resume(NAME)
    assert (await settled(download)).state == "done"
    assert hub.bytes_sent[next(iter(hub.repositories[NAME].objects))] < 1.5 * len(WEIGHTS)
    assert any(kept.startswith("bytes=") for _, _, kept in hub.requests)


def _slowly(take: Callable[[Download, int, int], None]) -> Callable[[Download, int, int], None]:
    def slow(download: Download, done: int, total: int) -> None:
        time.sleep(0.001)
        take(download, done, total)

    return slow


async def test_several_wait_for_their_turn_and_one_that_is_paused_lets_the_next_go(hub: Hub) -> None:
    for name in ("me/b", "me/c"):
        hub.repositories[name] = Repository({"config.json": CONFIG, "model.safetensors": os.urandom(50_000)})
    downloads = Downloads()
    first, second, third = (downloads.start(resolve(name)) for name in (NAME, "me/b", "me/c"))
    assert [first.state, second.state, third.state] == ["running", "waiting", "waiting"]
    assert downloads.start(resolve("me/b")) is second
    downloads.pause("me/b")
    downloads.pause(NAME)
    assert (first.state, third.state) == ("paused", "running")
    downloads.resume("me/b")
    downloads.resume(NAME)
    assert {(await settled(one)).state for one in (first, second, third)} == {"done"}


@pytest.mark.usefixtures("hub")
async def test_no_network_is_told_and_the_next_try_works(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    downloads = Downloads()
    download = await settled(downloads.start(resolve(NAME)))
    assert download.state == "failed"
    assert "연결할 수 없어요" in download.error
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert (await settled(downloads.start(resolve(NAME)))).state == "done"


async def test_a_gate_is_told_with_its_page_and_opens_to_a_stored_token(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({"config.json": CONFIG, "model.safetensors": b"x" * 9000}, gate="needs-token")
    downloads = Downloads()
    download = await settled(downloads.start(resolve(NAME)))
    assert (download.state, download.gate) == ("failed", f"{hub.url}/{NAME}")
    set_key("HF_TOKEN", TOKEN)
    downloads.resume(NAME)
    assert (await settled(download)).state == "done"
    assert download.gate == ""


async def test_a_missing_repository_and_a_full_disk_are_told(hub: Hub) -> None:
    downloads = Downloads()
    missing = await settled(downloads.start(resolve("no/such")))
    assert "no/such" in missing.error
    hub.repositories[NAME] = Repository(
        {"config.json": CONFIG, "model.safetensors": WEIGHTS}, {"model.safetensors": 2**60}
    )
    full = await settled(downloads.start(resolve(NAME)))
    assert "공간을 비우거나" in full.error


async def test_an_adapter_brings_its_base_and_hostile_errors_are_harmless(hub: Hub) -> None:
    hub.repositories["me/lora"] = Repository({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x" * 9000})
    register("mine", {"repository": NAME})
    register("lora", {"repository": "me/lora", "base": "mine"})
    downloads = Downloads()
    download = await settled(downloads.start(resolve("lora")))
    assert (download.state, len(download.plan)) == ("done", 2)
    assert cached_snapshot(NAME, None)
    hub.repositories["me/bad"] = Repository({"config.json": CONFIG, "\x1b]0;owned\x07../x": b"x"})
    assert "\x1b" not in (await settled(downloads.start(resolve("me/bad")))).error


@pytest.mark.usefixtures("hub")
async def test_what_does_not_come_from_the_hub_is_refused_at_once() -> None:
    with pytest.raises(UsageError):
        Downloads().start(resolve("demo-base"))
    with pytest.raises(UsageError):
        Downloads().start(resolve("kullm3-awq"))
