"""The pages name files, modules, links and commands that are there, and the words that the glossary retired are gone from the code's names."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.commands.help import examples
from kullm_tui.commands.main import VERBS, _parser
from kullm_tui.core.errors import UsageError
from tests.architecture.project import ROOT, files_below, is_ours, parsed, python_files, relative

_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/glossary.md")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|c|md|toml|txt|yml)")
_FOLDER = re.compile(r"[\w.-]+(/[\w.-]+)*/")
_MODULE = re.compile(r"(kullm_tui|trainer|evaluator|tests|bench)(\.\w+)+")
_OF_THE_USER = {"config.toml", "prices.toml"}  # written by or for kullm, nowhere in the project
_RETIRED = re.compile(r"^## Retired\n.*?\n\n(\| retired.*?)\n\n", re.MULTILINE | re.DOTALL)


def _named(page: str) -> Iterator[str]:
    """The words in backticks that look like a path or a module; tests are named as pytest does."""
    text = _FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for span in _CODE.findall(text):
        for word in span.partition("::")[0].split():
            if word not in _OF_THE_USER and any(form.fullmatch(word) for form in (_FILE, _FOLDER, _MODULE)):
                yield word


def _all_paths() -> set[str]:
    """With a slash before each, and one after a folder's."""
    paths: set[str] = set()
    for entry in filter(is_ours, ROOT.iterdir()):
        for file in files_below(entry) if entry.is_dir() else [entry]:
            path = file.relative_to(ROOT)
            paths.add(f"/{path.as_posix()}")
            paths.update(f"/{folder.as_posix()}/" for folder in path.parents if folder.parts)
    return paths


def _is_there(name: str, paths: set[str]) -> bool:
    """`chat/drafts.py` is found by its end, a module as a file or a package."""
    if _MODULE.fullmatch(name) and not name.endswith(".py"):
        path = "/" + name.replace(".", "/")
        return f"{path}.py" in paths or f"{path}/" in paths
    return any(path.endswith(f"/{name}") for path in paths)


@pytest.mark.parametrize("page", _PAGES)
def test_every_file_and_module_that_a_page_names_is_there(page: str) -> None:
    paths = _all_paths()
    assert sorted({name for name in _named(page) if not _is_there(name, paths)}) == []


def test_a_path_that_is_not_there_would_be_seen() -> None:
    paths = {"/kullm_tui/ui/chat/drafts.py", "/kullm_tui/ui/chat/"}

    assert all(_is_there(name, paths) for name in ("chat/drafts.py", "ui/chat/", "kullm_tui.ui.chat.drafts"))
    assert not any(_is_there(name, paths) for name in ("rafts.py", "chat/desk.py", "desk/", "kullm_tui.ui.desk"))


_GUIDES = ("README.md", *(relative(path) for path in sorted((ROOT / "docs").rglob("*.md"))))
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def _commands(page: str) -> Iterator[list[str]]:
    """The arguments of each `kullm` of the page's shell blocks, without what the shell takes for itself."""
    for block in _SHELL.findall((ROOT / page).read_text(encoding="utf-8")):
        yield from filter(None, map(_of_kullm, block.splitlines()))


def _of_kullm(line: str) -> list[str]:
    """Its arguments, if the line calls it."""
    words = shlex.split(line, comments=True)
    for at, word in enumerate(words):
        if word.rpartition("/")[2] == "kullm" and (at == 0 or words[at - 1] == "|"):
            rest = words[at + 1 :]
            ends = [rest.index(mark) for mark in ("|", ">", "<") if mark in rest]
            return rest[: min(ends, default=len(rest))]
    return []


def _fault(arguments: list[str]) -> str:
    """What the command line says against these arguments; nothing is run."""
    verb = next((word for word in arguments if not word.startswith("-")), None)
    try:
        _, strange = _parser(verb)[0].parse_known_args(arguments)
    except UsageError as error:
        return str(error)
    return f"unknown: {strange}" if strange else ""


@pytest.mark.parametrize("page", _GUIDES)
def test_every_command_that_a_page_shows_is_one(page: str) -> None:
    assert [(shlex.join(one), fault) for one in _commands(page) if (fault := _fault(one))] == []


@pytest.mark.parametrize("page", _GUIDES)
def test_every_verb_that_a_page_names_is_one(page: str) -> None:
    spans = _CODE.findall(_FENCE.sub("", (ROOT / page).read_text(encoding="utf-8")))
    named = {words[1] for span in spans if len(words := span.split()) > 1 and words[0] == "kullm"}
    assert {word for word in named if not word.startswith("-")} - {verb.name for verb in VERBS} == set()


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_example_of_a_verb_is_a_command_of_it(verb: str) -> None:
    shown = [_of_kullm(one.command) for one in examples(verb)]
    assert shown
    assert [(words, fault) for words in shown if (fault := _fault(words)) or words[0] != verb] == []


@pytest.mark.parametrize("arguments", [["ask", "--colour", "red"], ["models", "polish"], ["compare", "-n"]])
def test_a_command_that_is_none_would_be_seen(arguments: list[str]) -> None:
    assert _fault(arguments)


@pytest.mark.parametrize("page", sorted({*_GUIDES, *_PAGES}))
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    here = ROOT / page
    for target, heading in _LINK.findall(here.read_text(encoding="utf-8")):
        there = here.parent / target if target else here
        assert there.exists(), target
        assert not heading or heading in _anchors(there), f"{target}#{heading}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _retired() -> set[str]:
    table = _RETIRED.search((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    assert table
    cells = [row.split("|")[1] for row in table[1].splitlines()[2:]]
    return {word.strip() for cell in cells for word in cell.split(",")}


def _names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname)


def _words(name: str) -> set[str]:
    """Of `chat_desk` and of `ChatDesk`; a plural is its word."""
    return {word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z]+", name)}


def test_nothing_in_the_code_is_named_by_a_retired_word() -> None:
    retired = _retired()
    files = python_files("kullm_tui", "trainer", "evaluator", "tests", "bench")
    found = [f"{relative(path)}: {name}" for path in files for name in _names(path) if _words(name) & retired]
    assert {"desk", "chore", "errand"} <= retired
    assert found == []


def test_a_retired_word_is_seen_in_every_spelling() -> None:
    assert all("desk" in _words(name) for name in ("chat_desk", "ChatDesk", "_desks", "desk"))
    assert "desk" not in _words("desktop_notice")
