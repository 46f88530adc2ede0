"""A hub, and with it any file of the web, on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.sources import web_file
from kullm_tui.core.hub import transfer
from tests.hub_server import Hub, hub_server


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(transfer, "_WAIT_SECONDS", 0.02)
        monkeypatch.setattr(web_file, "_WAIT_SECONDS", 0.02)
        yield server
