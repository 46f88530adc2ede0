import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kullm_tui.core.config.keys import StoredKey, get_key, list_keys, remove_key, set_key
from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.redact import redacted

SECRET = "sk-Zq8-very-secret"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "HF_TOKEN", "HOME_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # as on a machine without it
    return tmp_path / "keys.json"


def test_a_key_is_kept_in_a_file_of_its_owner(file: Path) -> None:
    old = os.umask(0)
    try:
        assert set_key("HOME_KEY", f"  {SECRET}\n") == "file"
    finally:
        os.umask(old)
    assert get_key("HOME_KEY") == SECRET
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_readable_file_is_closed_by_the_next_change(file: Path) -> None:
    set_key("HOME_KEY", SECRET)
    file.chmod(0o644)
    set_key("OTHER", SECRET)
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    set_key("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert get_key("OPENAI_API_KEY") == "from-environment"
    assert list_keys() == [StoredKey("OPENAI_API_KEY", "environment")]
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert get_key("OPENAI_API_KEY") == SECRET


def test_listing_tells_names_and_places_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    set_key("HOME_KEY", SECRET)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert list_keys() == [StoredKey("HF_TOKEN", "environment"), StoredKey("HOME_KEY", "file")]
    assert SECRET not in repr(list_keys())


def test_a_removed_key_is_gone(file: Path) -> None:
    set_key("HOME_KEY", SECRET)
    assert remove_key("HOME_KEY")
    assert not remove_key("HOME_KEY")
    assert get_key("HOME_KEY") is None
    assert SECRET not in file.read_text()


@pytest.mark.parametrize("value", ["", "   ", "two words", "line\nbreak", "한글", "bell\x07", "x" * 9000])
def test_what_cannot_be_a_key_is_refused(file: Path, value: str) -> None:
    with pytest.raises(UsageError):
        set_key("HOME_KEY", value)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "with-dash", "sk-live-1234", "A" * 101, "한글", "A B"])
def test_a_wrong_name_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_key(name, SECRET)
    assert name == "" or name not in str(caught.value)


@pytest.mark.parametrize(
    "text", [f'{{"keys": "{SECRET}"', "[]", '{"keys": []}', f'{{"keys": "{SECRET}", "keyring": []}}']
)
def test_a_damaged_file_is_told_without_its_contents_and_kept(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        set_key("HOME_KEY", SECRET)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(vars(error)) + str(error)
        error = error.__cause__ or error.__context__
    assert file.read_text() == text


FAKE_KEYRING = """
import json, pathlib, types
class KeyringError(Exception): pass
class PasswordDeleteError(KeyringError): pass
errors = types.SimpleNamespace(KeyringError=KeyringError, PasswordDeleteError=PasswordDeleteError)
store = {}
locked = False
def set_password(service, name, value):
    if locked: raise KeyringError("locked")
    store[service, name] = value
def get_password(service, name):
    if locked: raise KeyringError("locked")
    return store.get((service, name))
def delete_password(service, name):
    if (service, name) not in store: raise PasswordDeleteError
    del store[service, name]
"""


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """The operating system's side, which tests must not touch."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "keyring.py").write_text(FAKE_KEYRING)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.delitem(sys.modules, "keyring")
    import keyring

    return keyring


@pytest.mark.usefixtures("keyring")
def test_where_there_is_a_keyring_the_file_holds_only_names(file: Path) -> None:
    assert set_key("HOME_KEY", SECRET) == "keyring"
    assert get_key("HOME_KEY") == SECRET
    assert json.loads(file.read_text()) == {"keys": {}, "keyring": ["HOME_KEY"]}
    assert list_keys() == [StoredKey("HOME_KEY", "keyring")]
    assert remove_key("HOME_KEY")
    assert get_key("HOME_KEY") is None


def test_a_locked_keyring_is_told_and_new_keys_go_to_the_file(keyring: object, monkeypatch: pytest.MonkeyPatch) -> None:
    set_key("HOME_KEY", SECRET)
    monkeypatch.setattr(keyring, "locked", True)
    with pytest.raises(ConfigError):
        get_key("HOME_KEY")
    assert set_key("OTHER", SECRET) == "file"
    assert get_key("OTHER") == SECRET


@pytest.mark.parametrize("fault", ["directory", "broken"])
def test_a_key_file_that_cannot_be_read_says_what_to_do_and_never_to_delete_it(
    file: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    if fault == "directory":
        file.mkdir()
    else:
        file.write_text("{")
    with pytest.raises(ConfigError) as caught:
        list_keys()
    command = re.search(r"mv \S+ \S+\.old", str(caught.value))
    assert command
    assert not re.search(r"[Dd]elete|\brm\b", str(caught.value))
    assert subprocess.run(shlex.split(command[0])).returncode == 0
    assert list_keys() == []


def test_no_sentence_or_record_repeats_a_key_in_hand() -> None:
    set_key("HOME_KEY", SECRET)
    assert get_key("HOME_KEY") == SECRET
    assert SECRET not in redacted(f"Authorization: Bearer {SECRET}")
