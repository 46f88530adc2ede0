"""Where things lie on disk: one function a place, nothing is created until someone asks for it.

KULLM_HOME overrides everything; without it the platform's own folders are used:

    configuration   ~/.config/kullm             (macOS: ~/Library/Application Support/kullm)
    state           ~/.local/share/kullm        conversations, keys, adapters, the engine's own files
    cache           ~/.cache/kullm              quantised weights; may be deleted at any time
"""

import os
import sys
from pathlib import Path


def _base(xdg_variable: str, linux: str, macos: str) -> Path:
    home = os.environ.get("KULLM_HOME")
    if home:
        return Path(home).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / macos / "kullm"
    configured = os.environ.get(xdg_variable)
    return (Path(configured) if configured else Path.home() / linux) / "kullm"


def config_file() -> Path:
    return _base("XDG_CONFIG_HOME", ".config", "Library/Application Support") / "config.toml"


def user_profiles_file() -> Path:
    return config_file().with_name("models.toml")


def state_dir() -> Path:
    """Created on first use; only its owner may look in."""
    return private_dir(_base("XDG_DATA_HOME", ".local/share", "Library/Application Support"))


def cache_dir() -> Path:
    base = _base("XDG_CACHE_HOME", ".cache", "Library/Caches")
    return private_dir(base / "cache" if os.environ.get("KULLM_HOME") else base)


def weights_cache_dir() -> Path:
    return private_dir(cache_dir() / "weights")


def adapters_dir() -> Path:
    return private_dir(state_dir() / "adapters")


def database_file() -> Path:
    return state_dir() / "kullm.db"


def keys_file() -> Path:
    return state_dir() / "keys.json"


def private_dir(path: Path) -> Path:
    """The folder, made if it was missing, with mode 0700."""
    path.mkdir(parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path
