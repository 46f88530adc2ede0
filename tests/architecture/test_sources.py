"""Sizes, broad excepts, skips and stray paths, read from the sources themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.project import ROOT, files_below, parsed, python_files, relative

_LONGEST_MODULE = 600
_LONGEST_FUNCTION = 50

# The edges where a bug must not take the rest down: the command line's, the engine's where a model runs, the app's workers.
_BROAD_EXCEPTS = {
    "kullm_tui/commands/main.py",
    "kullm_tui/core/asking/live_reply.py",
    "kullm_tui/engine/batch.py",
    "kullm_tui/engine/tasks.py",
    "kullm_tui/engine/beams.py",
    "kullm_tui/ui/background.py",
    "trainer/jobs/agent/supervisor.py",
}

# What only some machines have, so that a test may be skipped without it.
_MAY_BE_MISSING = {"browser", "gpu", "network", "root", "shared_data", "peers", "slurm", "soak"}
_SKIPS = {"skip", "skipif", "importorskip"}

_MACHINE_PATHS = re.compile(
    r"(?<![\w./])/(?:work|root|opt|home/(?!user/)\w+)/|\.\./shared|file:///|--(?:extra-)?index-url\s+http|find-links"
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_module_is_too_long() -> None:
    lengths = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("kullm_tui", "trainer", "evaluator", "data", "bench", "tests")
    }
    assert {name: length for name, length in lengths.items() if length > _LONGEST_MODULE} == {}


def test_no_function_is_too_long() -> None:
    long = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in python_files("kullm_tui", "trainer", "evaluator", "data", "bench", "tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, _Function) and (node.end_lineno or 0) - node.lineno >= _LONGEST_FUNCTION
    ]
    assert long == []


def test_exceptions_are_caught_broadly_only_at_the_named_edges() -> None:
    broad = {
        relative(path)
        for path in python_files("kullm_tui", "trainer", "evaluator", "data")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
    }
    assert broad == _BROAD_EXCEPTS


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(one) for one in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def test_every_skip_says_why_and_waits_for_what_only_some_machines_have() -> None:
    for path in python_files("tests"):
        module = parsed(path)
        everywhere = _marks(_assigned_marks(module))
        for call, function in _skips(module):
            where = f"{relative(path)}:{call.lineno}"
            assert _reason(call), f"{where} says no reason"
            marks = everywhere | (_marks(function.decorator_list) if function else set())
            assert path.name == "conftest.py" or marks & _MAY_BE_MISSING, f"{where} could hide a missing part in CI"


def _skips(module: ast.Module) -> Iterator[tuple[ast.Call, _Function | None]]:
    functions = [node for node in ast.walk(module) if isinstance(node, _Function)]
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SKIPS):
            continue
        if ast.unparse(node.func).startswith("pytest."):
            around = [function for function in functions if node in set(ast.walk(function))]
            yield node, around[-1] if around else None


def _reason(call: ast.Call) -> bool:
    named = any(keyword.arg == "reason" and _has_text(keyword.value) for keyword in call.keywords)
    assert isinstance(call.func, ast.Attribute)
    return named or (call.func.attr == "skip" and bool(call.args) and _has_text(call.args[0]))


def _has_text(value: ast.expr) -> bool:
    return not isinstance(value, ast.Constant) or bool(value.value)


def _assigned_marks(module: ast.Module) -> list[ast.expr]:
    return [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]


def _marks(expressions: list[ast.expr]) -> set[str]:
    return {name for one in expressions for name in re.findall(r"pytest\.mark\.(\w+)", ast.unparse(one))}


def test_no_file_names_a_folder_or_registry_of_one_machine() -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in files_below(ROOT)
        if path != Path(__file__) and path.suffix not in (".safetensors", ".xz")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _MACHINE_PATHS.search(line)
    ]
    assert found == []


# What is read with json itself was written by this program: its own rows, its own files, its own children's lines. A stranger's text
# goes through core/foreign_json.py, which bounds its depth and size.
_OWN_JSON = {
    "data/lines.py",
    "evaluator/batches/ledger.py",
    "evaluator/evaluation.py",
    "evaluator/people.py",
    "evaluator/runs.py",
    "evaluator/unread.py",
    "evaluator/verdicts.py",
    "kullm_tui/commands/adapters/child.py",
    "kullm_tui/commands/evaluate/again.py",
    "kullm_tui/commands/evaluate/harness_process.py",
    "kullm_tui/core/transfer/jsonl.py",
    "kullm_tui/core/foreign_json.py",
    "kullm_tui/core/habits.py",
    "kullm_tui/core/store/history.py",
    "kullm_tui/core/templates/render_child.py",  # what its parent asks
    "kullm_tui/core/templates/tokens.py",
    "kullm_tui/core/models/weights_cache.py",
    "kullm_tui/engine/token_lengths.py",  # a tokenizer's state, as its library wrote it
    "kullm_tui/weights/cache.py",
    "trainer/__main__.py",
    "trainer/checkpoint.py",
    "trainer/demo_model.py",
    "trainer/estimate/time.py",
    "trainer/jobs/agent/environment.py",
    "trainer/jobs/agent/files.py",
    "trainer/jobs/agent/follow.py",
    "trainer/jobs/agent/rpc.py",
    "trainer/jobs/agent/store.py",  # of the client behind ssh
    "trainer/jobs/transports/askpass_program.py",
    "trainer/settle_there.py",
    "trainer/estimate/measure.py",
    "trainer/dataset/token_set.py",
    "trainer/utilisation.py",
}


def test_only_what_this_program_wrote_is_read_by_json_itself() -> None:
    readers = {
        relative(path)
        for path in python_files("kullm_tui", "trainer", "evaluator", "data")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load")
    }
    assert readers == _OWN_JSON
