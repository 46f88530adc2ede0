"""Keys by name: the environment first, then the operating system's keyring, then a file that only its owner can read.

    keys.json   {"keys": {NAME: value}, "keyring": [NAME, …]}      a keyring cannot be listed, so its names are kept here

A value is never printed, logged or taken from a command line.
"""

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.paths import keys_file
from kullm_tui.core.redact import keep_out
from kullm_tui.core.trust import check_file

KeySource = Literal["environment", "keyring", "file"]

KNOWN_NAMES = ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "HF_TOKEN", "WANDB_API_KEY")
_SERVICE = "kullm"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_VALUE = re.compile(r"[\x21-\x7e]{1,8192}")  # what an HTTP header can carry


@dataclass(frozen=True)
class StoredKey:
    """That a key is there, and where; not the key."""

    name: str
    source: KeySource


def get_key(name: str) -> str | None:
    """None where there is none of that name. Whoever has it in hand, nothing prints or stores it."""
    value = _found(name)
    if value:
        keep_out(value)
    return value


def _found(name: str) -> str | None:
    value = os.environ.get(name, "").strip()
    if value:
        return value
    stored = _read()
    if name in stored["keyring"]:
        return _from_keyring(name)
    found = stored["keys"].get(name)
    return found if isinstance(found, str) else None


def set_key(name: str, value: str) -> KeySource:
    """Keep the key in the keyring where there is one, else in the file; where it went is returned."""
    check_name(name)
    value = value.strip()
    if not _VALUE.fullmatch(value):
        raise UsageError(
            say(
                f"{name}: 키가 비었거나 빈칸, 줄바꿈, ASCII가 아닌 글자가 들어 있어요. 값만 다시 넣어 주세요.",
                f"{name}: the key is empty or contains blanks, line breaks or non-ASCII characters. Enter the value alone.",
            )
        )
    stored = _read()
    stored["keys"].pop(name, None)
    names = set(stored["keyring"]) - {name}
    source: KeySource = "keyring" if _into_keyring(name, value) else "file"
    if source == "keyring":
        names.add(name)
    else:
        stored["keys"][name] = value
    _write({"keys": stored["keys"], "keyring": sorted(names)})
    return source


def remove_key(name: str) -> bool:
    """False if no such key was stored. A key in the environment is not ours to remove."""
    check_name(name)
    stored = _read()
    if name in stored["keyring"]:
        _out_of_keyring(name)
    elif name not in stored["keys"]:
        return False
    stored["keys"].pop(name, None)
    _write({"keys": stored["keys"], "keyring": [other for other in stored["keyring"] if other != name]})
    return True


def list_keys() -> list[StoredKey]:
    """Each key once, with the source it would be taken from."""
    stored = _read()
    sources: dict[str, KeySource] = dict.fromkeys(stored["keys"], "file")
    sources.update(dict.fromkeys(stored["keyring"], "keyring"))
    for name in (*KNOWN_NAMES, *sources):
        if os.environ.get(name, "").strip():
            sources[name] = "environment"
    return [StoredKey(name, source) for name, source in sorted(sources.items())]


def check_name(name: str) -> None:
    # The name is not repeated: whoever mistypes this command may have put the key itself there.
    if not _NAME.fullmatch(name):
        raise UsageError(
            say(
                "키의 이름은 영문자, 숫자, 밑줄로 써요. 예: kullm keys set OPENAI_API_KEY",
                "a key's name is made of letters, digits and underscores, as in: kullm keys set OPENAI_API_KEY",
            )
        )


def _read() -> dict[str, Any]:
    path = keys_file()
    check_file(path)
    try:
        stored = foreign_json.read(path)
        if isinstance(stored["keys"], dict) and isinstance(stored["keyring"], list):
            return {"keys": stored["keys"], "keyring": stored["keyring"]}
    except FileNotFoundError:
        return {"keys": {}, "keyring": []}
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError):
        pass
    # From outside the handler: a JSON error carries the whole document, keys included.
    aside = shlex.quote(f"{path}.old")
    raise ConfigError(
        say(
            f"키 파일의 형식이 잘못됐어요: {path}\n열어서 고치거나, `mv {shlex.quote(str(path))} {aside}`로 옮겨 두고 "
            "`kullm keys set`으로 키를 다시 넣어 주세요.",
            f"the key file is not in the form of one: {path}\nMend it in an editor, or keep it aside with "
            f"`mv {shlex.quote(str(path))} {aside}` and store the keys again with `kullm keys set`.",
        )
    )


def _unreadable(path: Path, error: OSError) -> ConfigError:
    command = f"chmod u+rw {shlex.quote(str(path))}"
    return ConfigError(
        say(
            f"키 파일을 읽을 수 없어요({cause_of(error)}): {path}\n권한을 확인하세요: {command}",
            f"the key file cannot be read ({cause_of(error)}): {path}\nCheck its permissions: {command}",
        )
    )


def _write(stored: dict[str, Any]) -> None:
    publish(keys_file(), json.dumps(stored, indent=1) + "\n", mode=0o600)


def _keyring() -> ModuleType | None:
    try:
        import keyring
    except ImportError:
        return None
    module: ModuleType = keyring
    return module


def _into_keyring(name: str, value: str) -> bool:
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_SERVICE, name, value)
    except keyring.errors.KeyringError:
        return False
    return True


def _from_keyring(name: str) -> str | None:
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        value: str | None = keyring.get_password(_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            say(
                f"{name}: 운영체제의 키 보관함을 열지 못했어요({cause_of(error)}). 보관함의 잠금을 풀거나 환경 변수로 넣어 주세요.",
                f"{name}: the keyring did not open ({error}). Unlock it, or give the key as an environment variable.",
            )
        ) from error
    return value


def _out_of_keyring(name: str) -> None:
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(_SERVICE, name)
    except keyring.errors.PasswordDeleteError:
        return  # gone already
