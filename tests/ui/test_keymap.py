"""Every key of the table is free where it is used, works in Hangul mode, and does what the table says."""

import re
import string

import pytest
from textual.binding import Binding
from textual.widgets import Input, TextArea

from kullm_tui.ui.keymap import BROWSER, CHAT, COLUMN, COMPARE, GLOBAL, PROMPT, SCOPES, SIDEBAR, THREAD, VOTE, bindings
from kullm_tui.ui.keymap.key import Key
from kullm_tui.ui.terminal import hangul_keys
from kullm_tui.ui.widgets.key_bar import fitting, line
from kullm_tui.ui.widgets.text_field import PromptField
from tests.ui.terminal.test_hangul_keys import LAYOUT

# What the layers around the app keep for themselves.
_TMUX_PREFIX, _SCREEN_PREFIX = "ctrl+b", "ctrl+a"
_TERMINAL = {"ctrl+z", "ctrl+s", "ctrl+c", "ctrl+backslash"}
# One byte is both of these in a terminal without the kitty protocol.
_SAME_BYTE = {"ctrl+m": "enter", "ctrl+i": "tab", "ctrl+left_square_bracket": "escape", "ctrl+h": "backspace"}


def spellings(*scopes: tuple[Key, ...]) -> list[str]:
    return [spelling for scope in scopes for key in scope for spelling in key.key.split(",")]


def field_keys(field: type[Input] | type[TextArea]) -> set[str]:
    return {binding.key for binding in Binding.make_bindings(field.BINDINGS)}


@pytest.mark.parametrize("key", spellings(*(scope.keys for scope in SCOPES)))
def test_no_key_is_taken_by_what_is_around_the_app(key: str) -> None:
    assert key not in {_TMUX_PREFIX, _SCREEN_PREFIX, *_TERMINAL, *_SAME_BYTE}


@pytest.mark.parametrize("key", spellings(GLOBAL, CHAT, COMPARE))
def test_no_key_is_taken_by_a_text_field(key: str) -> None:
    assert key not in field_keys(Input)
    ours = {binding.key for binding in Binding.make_bindings(PromptField.BINDINGS)}
    assert key not in ours, "the prompt would swallow it"


def test_the_prompt_gives_away_only_what_the_app_needs() -> None:
    own = {binding.key for binding in Binding.make_bindings(PromptField.BINDINGS)}
    assert field_keys(TextArea) - own == {"f6", "f7", "pageup", "pagedown"}


@pytest.mark.parametrize(
    "key", [key for key in spellings(*(p.keys for p in SCOPES)) if re.search(r"(^|\+)[a-z]$", key)]
)
def test_a_letter_is_reached_in_hangul_mode(key: str) -> None:
    from textual import events

    modifiers, _, letter = key.rpartition("+")
    assert letter in string.ascii_lowercase
    in_hangul = f"{modifiers}+{LAYOUT[letter]}" if modifiers else LAYOUT[letter]
    found = list(hangul_keys.pressed(events.Key(in_hangul, None), typing=bool(modifiers)))
    assert [event.key for event in found] == [key]


@pytest.mark.parametrize("scope", [GLOBAL, CHAT, COMPARE, PROMPT])
def test_where_text_is_typed_no_plain_letter_is_a_key(scope: tuple[Key, ...]) -> None:
    assert [key for key in spellings(scope) if len(key) == 1] == []


def test_a_key_means_one_thing_in_a_place() -> None:
    for scope in SCOPES:
        keys = spellings(scope.keys)
        assert len(keys) == len(set(keys)), scope.english
    assert set(spellings(GLOBAL)).isdisjoint(spellings(CHAT, PROMPT, THREAD, SIDEBAR, BROWSER, COMPARE, COLUMN, VOTE))
    assert set(spellings(COLUMN)).isdisjoint(spellings(THREAD)), "a column holds a thread"


def test_bindings_are_made_from_the_table() -> None:
    made = [binding for binding in bindings(CHAT) if isinstance(binding, Binding)]
    assert [(binding.key, binding.action) for binding in made] == [(key.key, key.action) for key in CHAT]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("width", [40, 60, 78, 138])
def test_the_footer_fits_and_keeps_the_way_to_everything_else(
    width: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", language)
    shown = fitting([key for key in (*PROMPT, *CHAT, *GLOBAL) if key.footer], width)
    assert line(shown).cell_length <= width
    assert [key.display for key in shown][-2:] == ["^p", "F1"]
    assert shown[0].display == "⏎"
