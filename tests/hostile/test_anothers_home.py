"""A home that belongs to somebody else: every verb there is refuses it, and reads nothing of what lies in it."""

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.commands.main import VERBS, _parser
from tests.kullm_command import COMMAND, environment
from tests.watched import opened_below

SOMEBODY = 12345
FILES = ("config.toml", "models.toml", "kullm.db", "evaluation.db", "consent.json", "engine.json", "app.log")
MODULES = ("kullm_tui.engine",)  # what verbs become or begin, run by itself


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def _needed(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The shortest command line that the parser takes."""
    for action in parser._actions:
        word = str(next(iter(action.choices))) if action.choices and not _is_verb(action) else "1"
        if action.option_strings and action.required:
            yield from (action.option_strings[0], word)
        elif not action.option_strings and not _is_verb(action) and action.nargs not in ("?", "*", argparse.REMAINDER):
            yield word


def _is_verb(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)


def command_lines(verb: str) -> list[list[str]]:
    """The verb with each of its own verbs; taken from the parser, so that what is added tomorrow is tried too."""
    parser = _parser(verb)[1][verb]
    own = _subparsers(parser)
    return [[verb, name, *_needed(one)] for name, one in own.items()] or [[verb, *_needed(parser)]]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "cache" / "kernels").mkdir(parents=True)
    (home / "adapters" / "evil").mkdir(parents=True)
    for name in FILES:
        (home / name).write_text('model = "planted"')
    (home / "keys.json").write_text(json.dumps({"keys": {"OPENAI_API_KEY": "sk-planted"}, "keyring": []}))
    (home / "adapters" / "evil" / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    os.chown(home, SOMEBODY, SOMEBODY)
    return home


def refused(home: Path, lines: list[list[str]]) -> None:
    with opened_below(home) as touched:
        begun = [
            subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment(home) | {"PYTHONDONTWRITEBYTECODE": "1"},
                text=True,
            )
            for line in lines
        ]
        said = [one.communicate(timeout=240)[0] for one in begun]
    for line, one, text in zip(lines, begun, said, strict=True):
        assert one.returncode == 1, (line, text)
        assert "sudo chown -R" in text, (line, text)
        assert "planted" not in text, (line, text)
        assert "Traceback" not in text, (line, text)
    assert touched == []


@pytest.mark.root
@pytest.mark.parametrize("verb", [one.name for one in VERBS])
def test_every_verb_refuses_anothers_home_and_reads_nothing_of_it(planted: Path, verb: str) -> None:
    refused(planted, [[*COMMAND, *line] for line in command_lines(verb)])


@pytest.mark.root
def test_the_app_and_the_engine_refuse_anothers_home_and_read_nothing_of_it(planted: Path) -> None:
    engine = [[*COMMAND[:3], module] for module in MODULES]
    refused(planted, [[*COMMAND], [*COMMAND, "-c"], *engine])


@pytest.mark.root
def test_what_is_read_of_a_home_is_seen(tmp_path: Path) -> None:
    """The tests above could not fail otherwise."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("")
    with opened_below(home) as touched:
        subprocess.run([*COMMAND, "config", "show"], env=environment(home), capture_output=True, check=True)
    assert "config.toml" in touched
