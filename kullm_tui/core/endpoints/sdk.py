"""The SDK's client for one endpoint, set up so that only what is named here goes out.

No header or account from the environment reaches a foreign host, redirections are not followed, and nothing for this
machine passes through a proxy. Nobody retries here: whoever calls decides what another try is worth.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kullm_tui.core.endpoints.endpoint import is_outside
from kullm_tui.core.language import interface_language

if TYPE_CHECKING:
    import ssl

    import httpx2
    import openai

    from kullm_tui.core.endpoints.endpoint import Endpoint

_CONNECT_SECONDS = 5.0
_SENT_HEADERS = ("host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent")
_OPENAI_HOSTS = ("openai.com", "openai.azure.com")
_OPENAI_HEADERS = ("openai-organization", "openai-project")


@cache
def import_sdk() -> None:
    """For a thread: it takes most of a second. All of it stays for good, so nobody need look through it for garbage."""
    import openai  # noqa: F401

    gc.freeze()


def open_client(endpoint: Endpoint, *, quiet_seconds: float, most_at_once: int = 100) -> openai.AsyncOpenAI:
    """A client that takes the other side for dead after so long without a byte."""
    import httpx2
    import openai

    from kullm_tui.core.endpoints.bounds import ACCEPT_ENCODING, bound_answer  # where httpx is needed anyway

    timeout = httpx2.Timeout(quiet_seconds, connect=_CONNECT_SECONDS)
    allowed = _SENT_HEADERS + (_OPENAI_HEADERS if belongs_to_openai(endpoint) else ())

    async def only_named_headers(request: httpx2.Request) -> None:
        for name in set(request.headers) - set(allowed):
            del request.headers[name]
        request.headers["Accept-Encoding"] = ACCEPT_ENCODING
        if endpoint.api_key:
            request.headers["Authorization"] = f"Bearer {endpoint.api_key}"
        if endpoint.local:  # its errors are shown to this user, whoever started it
            request.headers["Accept-Language"] = interface_language()

    return openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key or "none",  # the SDK would look into the environment for another one
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(
            timeout=timeout,
            limits=httpx2.Limits(max_connections=most_at_once, max_keepalive_connections=most_at_once),
            follow_redirects=False,
            trust_env=is_outside(endpoint.base_url),
            verify=_tls(endpoint.base_url),
            event_hooks={"request": [only_named_headers], "response": [bound_answer]},
        ),
    )


def _tls(base_url: str) -> ssl.SSLContext:
    """Reading the machine's certificates holds up the event loop, every reply that streams in it, and every key."""
    outside = is_outside(base_url)
    return _certified(outside) if outside or not base_url.startswith("http://") else _trusting_nobody()


@cache
def _certified(trust_env: bool) -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context(trust_env=trust_env)


@cache
def _trusting_nobody() -> ssl.SSLContext:
    """For an engine on this machine, which speaks without TLS."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def belongs_to_openai(endpoint: Endpoint) -> bool:
    host = urlsplit(endpoint.base_url).hostname or ""
    return any(host == known or host.endswith(f".{known}") for known in _OPENAI_HOSTS)
