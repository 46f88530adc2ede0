"""Where things lie on disk: one function a place, nothing is created until someone asks for it.

KULLM_HOME overrides everything; without it the platform's own folders are used:

    configuration   ~/.config/kullm             (macOS: ~/Library/Application Support/kullm)
    state           ~/.local/share/kullm        conversations, keys, adapters, the engine's own files
    cache           ~/.cache/kullm              quantised weights; may be deleted at any time
"""

import os
import sys
from pathlib import Path

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import ConfigError, KullmError, NoSpace
from kullm_tui.core.language import say


def typed(text: str | Path) -> Path:
    """What somebody typed as a path. `~` of nobody stays as it is: there will be no such file."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def lasting(text: str) -> str:
    """A file by its whole path, since it may be asked for from another folder; anything else as it was typed."""
    path = typed(text)
    return str(path.resolve()) if path.is_file() else text


def _base(xdg_variable: str, linux: str, macos: str) -> Path:
    home = os.environ.get("KULLM_HOME")
    if home:
        return typed(home).absolute()
    if sys.platform == "darwin":
        return Path.home() / macos / "kullm"
    configured = os.environ.get(xdg_variable)
    return (Path(configured) if configured else Path.home() / linux) / "kullm"


def own_folders() -> list[Path]:
    """Where settings, state and cache lie, whether they are there yet or not."""
    state = _base("XDG_DATA_HOME", ".local/share", "Library/Application Support")
    return list(dict.fromkeys((config_file().parent, state, _cache_base())))


def config_file() -> Path:
    return _base("XDG_CONFIG_HOME", ".config", "Library/Application Support") / "config.toml"


def user_profiles_file() -> Path:
    return config_file().with_name("models.toml")


def state_dir() -> Path:
    """Created on first use; only its owner may look in."""
    return private_dir(_base("XDG_DATA_HOME", ".local/share", "Library/Application Support"))


def cache_dir() -> Path:
    return private_dir(_cache_base())


def _cache_base() -> Path:
    base = _base("XDG_CACHE_HOME", ".cache", "Library/Caches")
    return base / "cache" if os.environ.get("KULLM_HOME") else base


def weights_cache_dir() -> Path:
    return private_dir(cache_dir() / "weights")


def adapters_dir() -> Path:
    return private_dir(state_dir() / "adapters")


def study_dir(name: str) -> Path:
    """What a study keeps: which of its stages are done, and its report."""
    return private_dir(state_dir() / "studies" / name)


def database_file() -> Path:
    return state_dir() / "kullm.db"


def app_log() -> Path:
    return state_dir() / "app.log"


def keys_file() -> Path:
    return state_dir() / "keys.json"


def private_dir(path: Path) -> Path:
    """The folder. What of it was missing is made with mode 0700; what is there keeps the mode its owner gave it."""
    try:
        for folder in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    return path


def _unusable(path: Path, error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 폴더를 만들지 못했어요: {path}\n공간을 비우고 다시 해 보세요.",
                f"the disk is full: the folder {path} was not made. Free some space and try again.",
            )
        )
    reason = cause_of(error)
    return ConfigError(
        say(
            f"폴더를 쓸 수 없어요({reason}): {path}\n그곳에 파일이 있는지와 권한을 확인하거나, KULLM_HOME으로 다른 폴더를 정하세요.",
            f"the folder cannot be used ({reason}): {path}\n"
            "See whether a file is in its place and who may write there, or choose another folder with KULLM_HOME.",
        )
    )
