"""The Korean that people read: one register, one word for one thing, no particle that nobody can choose."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache

from tests.architecture.project import ROOT, files_below, parsed, python_files, relative

# Prompts and rubrics keep the words of their sources.
NOT_THE_INTERFACE = (
    "kullm_tui/core/templates/korean.py",
    "kullm_tui/core/templates/english.py",
    "evaluator/pairwise.py",
)
PRODUCT = [
    path
    for path in python_files("kullm_tui", "trainer", "evaluator")
    if not relative(path).startswith(NOT_THE_INTERFACE)
]
FORMAL = re.compile(r"[가-힣]니(?:다|까)(?![가-힣])")
UNDECIDED = re.compile(r"\((?:으|이|가|을|를|은|는|과|와)\)(?:로)?|이\(가\)|을\(를\)|은\(는\)")
# Retired for another: 채점, 취소, 옵션, 사용 금액, 부족, 형식, 비교.
STUTTER = re.compile(r"([가-힣])\1\1")
RETIRED = re.compile(r"판정|그만두기|선택지|쓴 돈|모자라|[가-힣]+ 꼴이|견주|견줍|견줄")


@cache
def _literals() -> list[tuple[str, str]]:
    return [*_spoken(), *_notes()]


def _notes() -> Iterator[tuple[str, str]]:
    """What models, rubrics and recipes say of themselves; the prompts in the same files are not the interface's."""
    tables = [path for package in ("kullm_tui", "trainer", "evaluator") for path in files_below(ROOT / package)]
    for path in tables:
        if path.suffix == ".toml":
            found = tomllib.loads(path.read_text(encoding="utf-8"))
            for table in (found, *(each for each in found.values() if isinstance(each, dict))):
                for key in ("summary", "note_korean"):
                    if isinstance(table.get(key), str):
                        yield f"{relative(path)}: {key}", table[key]


def _spoken() -> Iterator[tuple[str, str]]:
    """Where it stands, and its source. Raw strings are patterns, docstrings are for developers."""
    for path in PRODUCT:
        lines, tree = path.read_bytes().splitlines(keepends=True), parsed(path)
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant | ast.JoinedStr) or id(node) in documentation or not _is_korean(node):
                continue
            text = _source(lines, node)
            if not re.match(r"[fF]?[rR]", text):
                yield f"{relative(path)}:{node.lineno}", text


def _source(lines: list[bytes], node: ast.expr) -> str:
    """As `ast.get_source_segment`, which splits the whole file for every node."""
    inside = lines[node.lineno - 1 : node.end_lineno]
    inside[-1] = inside[-1][: node.end_col_offset]
    inside[0] = inside[0][node.col_offset :]
    return b"".join(inside).decode()


def _is_korean(literal: ast.Constant | ast.JoinedStr) -> bool:
    parts = literal.values if isinstance(literal, ast.JoinedStr) else [literal]
    return any(isinstance(part, ast.Constant) and re.search("[가-힣]", str(part.value)) for part in parts)


def test_the_interface_speaks_one_register() -> None:
    assert [found for found in _literals() if FORMAL.search(found[1])] == []


def test_no_sentence_leaves_the_choice_of_a_particle_to_the_reader() -> None:
    found = [one for one in _literals() if UNDECIDED.search(one[1]) and "core/korean.py" not in one[0]]

    assert found == []


def test_particles_are_chosen_for_words_of_our_own_only() -> None:
    """How a model's or file's name is read nobody knows: such sentences are written around it."""
    users = {relative(path) for path in PRODUCT if re.search(r"\bparticle\(", path.read_text(encoding="utf-8"))}

    assert users == {"kullm_tui/core/korean.py", "kullm_tui/core/store/database.py", "kullm_tui/core/store/errors.py"}


def test_no_syllable_is_said_three_times_over() -> None:
    assert [found for found in _literals() if STUTTER.search(found[1])] == []


def test_retired_words_do_not_come_back() -> None:
    assert [found for found in _literals() if RETIRED.search(found[1])] == []
