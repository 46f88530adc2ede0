"""No file of the product stands on itself: its imports, late and type-only ones counted, go one way."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.architecture.project import ROOT, parsed, python_files

_PRODUCT = ("kullm_tui", "trainer", "evaluator", "data")
Graph = Mapping[str, frozenset[str]]


def product_graph(root: Path = ROOT) -> Graph:
    """Each module with the modules of ours that it imports anywhere in its file. A package's empty `__init__` is no module."""
    files = {_name(path, root): path for path in python_files(*_PRODUCT)}
    return {name: frozenset(_imports(parsed(path), files.keys()) - {name}) for name, path in files.items()}


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(tree: ast.Module, ours: Iterable[str]) -> set[str]:
    return {name for node in ast.walk(tree) for name in _named(node) if name in ours}


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circles(graph: Graph) -> list[list[str]]:
    """The sets of modules that reach each other, by Tarjan's search."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    held: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        held.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in held:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            circle = held[held.index(name) :]
            del held[held.index(name) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(product_graph()) == []


def test_a_circle_is_named_with_all_of_its_files() -> None:
    graph = {name: frozenset(others) for name, others in {"a": "b", "b": "c", "c": "ad", "d": "", "e": "a"}.items()}

    assert circles(graph) == [["a", "b", "c"]]
