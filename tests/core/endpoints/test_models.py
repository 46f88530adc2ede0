"""What endpoints offer, asked of real servers; and servers of this machine found by their ports."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.models import SERVERS, EndpointModels, Server
from kullm_tui.core.errors import KullmError
from tests.openai_server import OpenAIServer, Reply, closed_port, refuses


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")


def offers(*models: str) -> Reply:
    listed = {"object": "list", "data": [{"id": model} for model in models]}
    return Reply([json.dumps(listed)], media_type="application/json")


async def test_an_endpoint_is_asked_once_and_its_models_are_remembered() -> None:
    with OpenAIServer([offers("small", "large")]) as far:
        models, settings = EndpointModels(()), EndpointSettings("far", far.base_url)
        assert models.known(settings) is None
        assert await models.ask(settings) == ("small", "large")
        assert await models.ask(settings) == models.known(settings) == ("small", "large")
        assert [request.path for request in far.requests] == ["/v1/models"]


async def test_an_endpoint_that_refused_is_asked_again() -> None:
    with OpenAIServer([refuses(401, "who are you"), offers("m")]) as far:
        models, settings = EndpointModels(()), EndpointSettings("far", far.base_url)
        with pytest.raises(KullmError):
            await models.ask(settings)
        assert await models.ask(settings) == ("m",)


async def test_servers_of_this_machine_are_found_and_sent_nothing_but_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-them")
    with OpenAIServer([offers("llama3", "qwen")]) as ollama, OpenAIServer([Reply(["<html>"])]) as web:
        known = EndpointModels([
            Server("ollama", "Ollama", ollama.port),
            Server("vllm", "vLLM", web.port),
            Server("llamacpp", "llama.cpp", closed_port()),
        ])  # fmt: skip
        (found,) = await known.look_around(())
        assert (found.title, found.settings.name, found.models) == ("Ollama", "ollama", ("llama3", "qwen"))
        assert found.settings.base_url == f"http://127.0.0.1:{ollama.port}/v1"
        for server in (ollama, web):
            (request,) = server.requests
            assert (request.path, request.body) == ("/v1/models", None)
            assert "authorization" not in request.headers


async def test_a_server_that_is_an_endpoint_already_is_not_asked_and_a_name_in_use_is_not_taken() -> None:
    with OpenAIServer([offers("m")]) as here, OpenAIServer([offers("n")]) as other:
        known = EndpointModels([Server("ollama", "Ollama", here.port), Server("openai", "vLLM", other.port)])
        (found,) = await known.look_around([EndpointSettings("mine", f"http://localhost:{here.port}/v1")])
        assert found.settings.name == f"openai-{other.port}"
        assert here.requests == []


def test_the_ports_are_those_that_the_servers_take() -> None:
    assert {server.title: server.port for server in SERVERS} == {
        "Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080, "vLLM": 8000,
    }  # fmt: skip
    assert all(server.base_url.startswith("http://127.0.0.1:") for server in SERVERS)
