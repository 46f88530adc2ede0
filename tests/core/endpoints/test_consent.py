import json
from pathlib import Path

import pytest

from kullm_tui.core.endpoints.consent import agree, agreed
from kullm_tui.core.endpoints.endpoint import Endpoint, host_of, is_outside


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://127.9.9.9/v1",
        "http://localhost/v1",
        "http://LOCALHOST./v1",
        "http://[::1]:8000/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "http://0.0.0.0:8000/v1",
        "unix:///run/llama.sock",
    ],
)
def test_this_machine_is_inside(url: str) -> None:
    assert not is_outside(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://192.168.0.7:8000/v1",
        "http://10.0.0.2/v1",
        "http://172.16.3.4/v1",
        "http://169.254.169.254/",
        "http://[fe80::1]/v1",
        "http://gpu01/v1",
        "http://api.localhost:1/v1",
        "http://gpu01.local/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/v1",
        "http://localhost@evil.example/v1",
        "http://127.1/v1",
        "http://2130706433/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://[broken/v1",
        "",
    ],
)
def test_everything_else_is_outside(url: str) -> None:
    assert is_outside(url)


def test_agreement_is_asked_once_for_each_address() -> None:
    openai = Endpoint("openai", "https://api.openai.com/v1")
    other = Endpoint("다른 곳", "https://llm.example/v1")
    assert not agreed(openai)
    agree(openai)
    assert agreed(openai)
    assert agreed(Endpoint("다른 이름", "https://API.openai.com:443/v2"))
    for elsewhere in ("http://api.openai.com/v1", "https://api.openai.com:8443/v1", "https://openai.com/v1"):
        assert not agreed(Endpoint("openai", elsewhere)), elsewhere
    assert not agreed(other)
    agree(other)
    assert agreed(openai)


def test_this_machine_needs_no_agreement() -> None:
    assert agreed(Endpoint("집", "http://localhost:8000/v1"))


def test_the_host_is_named() -> None:
    assert host_of(Endpoint("x", "https://Api.Example.com:8443/v1")) == "api.example.com"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"agreed": ["https://api.openai.com:443"]}', '{"agreed": null}'])
def test_an_unreadable_file_is_no_agreement(home: Path, text: str) -> None:
    openai = Endpoint("openai", "https://api.openai.com/v1")
    (home / "consent.json").write_text(text)
    assert not agreed(openai)
    agree(openai)
    assert agreed(openai)


def test_the_file_is_its_owners(home: Path) -> None:
    agree(Endpoint("openai", "https://api.openai.com/v1"))
    assert (home / "consent.json").stat().st_mode & 0o777 == 0o600
    assert list(json.loads((home / "consent.json").read_text())["agreed"]) == ["https://api.openai.com:443"]
