"""An endpoint: a server that speaks OpenAI's protocol, whether it is outside this machine, and what it tells of a reply."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Endpoint:
    name: str
    base_url: str  # with its /v1
    api_key: str = field(default="", repr=False)
    local: bool = False  # the engine that this program starts itself


@dataclass(frozen=True)
class Progress:
    """How far a reply is that shows nothing before its end, as with beam search."""

    done: int
    total: int


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Finished:
    reason: str
    usage: Usage = Usage()
    timings: Mapping[str, float] = field(default_factory=dict)
    dropped_turns: int = 0
    prompt_sha256: str = ""


@dataclass(frozen=True)
class LoadProgress:
    status: str  # "loading", "ready"
    phase: str = ""
    done: float = 0
    total: float = 0


def is_outside(base_url: str) -> bool:
    """Everything but loopback and local sockets; a machine on the same private network is outside too.

    Names and odd spellings of addresses are not looked up: what is not plainly this machine is outside.
    """
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return True
    if parts.scheme in ("unix", "http+unix"):
        return False
    if host == "localhost":  # names below it are whatever a resolver makes of them
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return not (address.is_loopback or address.is_unspecified)


def host_of(endpoint: Endpoint) -> str:
    return (urlsplit(endpoint.base_url).hostname or endpoint.base_url).rstrip(".")
