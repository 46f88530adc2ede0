"""Which models endpoints offer, asked once in the life of a program, and which servers on this machine offer any.

Nothing goes out but `GET /v1/models`; to servers that nobody configured only on loopback, with short time-outs and without a key.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import configured_endpoint, list_models
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import KullmError
from kullm_tui.core.models.profiles import all_profiles

_PROBE_SECONDS = 1.5


@dataclass(frozen=True)
class Server:
    """A program that people run beside this one, and the port that it takes where nobody says otherwise."""

    name: str
    title: str
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


SERVERS = (
    Server("ollama", "Ollama", 11434),
    Server("lmstudio", "LM Studio", 1234),
    Server("llamacpp", "llama.cpp", 8080),
    Server("vllm", "vLLM", 8000),
)


@dataclass(frozen=True)
class Found:
    """A server that answers here, under the name by which its models can be called."""

    title: str
    settings: EndpointSettings
    models: tuple[str, ...]


class EndpointModels:
    def __init__(self, servers: Sequence[Server] | None = None) -> None:
        self._servers = SERVERS if servers is None else servers
        self._known: dict[str, tuple[str, ...]] = {}  # by address and key's name

    def known(self, settings: EndpointSettings) -> tuple[str, ...] | None:
        """None where nobody has asked yet."""
        return self._known.get(_key(settings))

    async def ask(self, settings: EndpointSettings) -> tuple[str, ...]:
        """KullmError where the endpoint does not answer, or its key is not there."""
        known = self.known(settings)
        if known is None:
            await _import_client()
            endpoint = await asyncio.to_thread(configured_endpoint, settings)
            known = self._known[_key(settings)] = await list_models(endpoint)
        return known

    async def look_around(self, configured: Sequence[EndpointSettings]) -> tuple[Found, ...]:
        """The servers on this machine that answer and are no endpoint of the configuration."""
        await _import_client()
        taken = {_port(settings.base_url) for settings in configured if _is_here(settings.base_url)}
        unknown = [server for server in self._servers if server.port not in taken]
        answers = await asyncio.gather(*(_probe(server) for server in unknown))
        names = {settings.name for settings in configured} | set(all_profiles())
        found = []
        for server, models in zip(unknown, answers, strict=True):
            if models:
                name = server.name if server.name not in names else f"{server.name}-{server.port}"
                settings = EndpointSettings(name, server.base_url)
                self._known[_key(settings)] = models
                found.append(Found(server.title, settings, models))
        return tuple(found)


async def _probe(server: Server) -> tuple[str, ...]:
    """Empty where nobody listens, or whoever listens speaks something else."""
    with suppress(KullmError, TimeoutError):
        async with asyncio.timeout(_PROBE_SECONDS):
            return await list_models(Endpoint(server.name, server.base_url), quiet_seconds=_PROBE_SECONDS)
    return ()


async def _import_client() -> None:
    """In a thread: the SDK alone takes most of a second."""
    await asyncio.to_thread(importlib.import_module, "openai")


def _key(settings: EndpointSettings) -> str:
    return f"{settings.base_url.rstrip('/')} {settings.key}"


def _is_here(base_url: str) -> bool:
    return urlsplit(base_url).hostname in ("localhost", "127.0.0.1", "::1")


def _port(base_url: str) -> int | None:
    with suppress(ValueError):
        return urlsplit(base_url).port
    return None
