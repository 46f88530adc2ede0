"""Whether text may go to an endpoint outside this machine: asked once for each address, kept in `consent.json`.

Who agreed to one service has not agreed to what listens on another port there, nor to the same host without encryption.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kullm_tui.core import foreign_json
from kullm_tui.core.files import publish
from kullm_tui.core.paths import state_dir

if TYPE_CHECKING:
    from kullm_tui.core.endpoints.client import Endpoint


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


def agreed(endpoint: Endpoint) -> bool:
    return not is_outside(endpoint.base_url) or _origin(endpoint) in _agreed()


def agree(endpoint: Endpoint) -> None:
    origins = _agreed() | {_origin(endpoint): datetime.now(UTC).isoformat(timespec="seconds")}
    publish(_file(), json.dumps({"agreed": origins}, indent=1) + "\n", mode=0o600)


def _origin(endpoint: Endpoint) -> str:
    """`https://api.example.com:443`, or the address itself where it has no such parts."""
    try:
        parts = urlsplit(endpoint.base_url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return endpoint.base_url
    return f"{parts.scheme}://{host_of(endpoint)}:{port}"


def _file() -> Path:
    return state_dir() / "consent.json"


def _agreed() -> dict[str, str]:
    """An unreadable file is no consent: the question is asked again."""
    try:
        origins = foreign_json.read(_file())["agreed"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return origins if isinstance(origins, dict) else {}
