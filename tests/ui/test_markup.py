"""No text reaches Textual's markup: a `[/x]` in an error, a title or a reply would end the app."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kullm_tui.ui

_FOLDER = Path(kullm_tui.ui.__file__).parent
# These read markup in a text that they are given, unless they are told not to or get a Content.
_WIDGETS = {"Static", "Label", "Checkbox", "RadioButton", "OptionList", "SelectionList"}
_MAKES_CONTENT = {"Content", "plain", "assemble", "_system_line", "keys_of"}


def _calls(file: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_safe(call: ast.Call) -> bool:
    if any(
        word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in call.keywords
    ):
        return True
    first = call.args[0] if call.args else None
    return _name(call.func) != "notify" and isinstance(first, ast.Call) and _name(first.func) in _MAKES_CONTENT


@pytest.mark.parametrize("file", sorted(_FOLDER.rglob("*.py")), ids=lambda file: file.relative_to(_FOLDER).as_posix())
def test_every_text_is_shown_without_markup(file: Path) -> None:
    found = [call for call in _calls(file) if _name(call.func) in _WIDGETS | {"notify"}]
    unsafe = [f"{file.name}:{call.lineno}" for call in found if not _is_safe(call)]
    assert unsafe == []
