"""Whether text may go to an endpoint outside this machine: asked once for each address, kept in `consent.json`.

Who agreed to one service has not agreed to what listens on another port there, nor to the same host without encryption.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kullm_tui.core import foreign_json
from kullm_tui.core.endpoints.endpoint import Endpoint, host_of, is_outside
from kullm_tui.core.files import publish
from kullm_tui.core.paths import state_dir

if TYPE_CHECKING:
    from kullm_tui.core.endpoints.endpoint import Endpoint


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
