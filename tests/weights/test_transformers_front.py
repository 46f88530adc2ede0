"""What the library's front leaves out, each in a process of its own: here it is imported already."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_models import save_model

_REPORT = """
import sys
names = ("sympy", "scipy", "torch._dynamo", "torch._inductor", "torch.distributed.tensor")
print(*[name for name in names if name in sys.modules])
"""
_ENGINE = """
import kullm_tui.engine.life
import kullm_tui.weights
import kullm_tui.engine.app, kullm_tui.engine.residency, kullm_tui.weights.loading
"""


def _said(code: str) -> str:
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return ran.stdout.strip()


def test_an_engine_begins_without_the_compiler_and_the_rest_that_it_never_calls() -> None:
    assert _said(_ENGINE + _REPORT) == ""


def test_nor_does_the_model_that_it_loads_ask_for_it(tmp_path: Path) -> None:
    """torch filled tensors without storage by way of its compiler."""
    save_model(tmp_path)
    load = f"""
from pathlib import Path
import torch
from kullm_tui.weights.loading import load_model
no = lambda *_: False
load_model(Path({str(tmp_path)!r}), precision="4bit", device=torch.device("cpu"), progress=no, cancelled=no)
"""
    _said(_ENGINE + load)  # the first time it is rounded, for which bitsandbytes goes by the compiler
    assert _said(_ENGINE + load + _REPORT) == ""


_STRUCTURE = """
import hashlib, transformers
print(hashlib.sha256(repr(sorted(transformers._class_to_module.items())).encode()).hexdigest())
"""


def test_which_module_holds_a_name_is_found_once_and_is_what_the_library_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    found = _said(_STRUCTURE)
    assert _said("import kullm_tui.weights" + _STRUCTURE) == found
    (kept,) = (tmp_path / "cache" / "imports").iterdir()
    assert _said("import kullm_tui.weights" + _STRUCTURE) == found
    kept.write_text(kept.read_text().replace("Qwen3ForCausalLM", "Qwen3ForOthers"))
    assert _said("import kullm_tui.weights" + _STRUCTURE) != found, "it is read from there"
    for damage in (kept.read_text()[:1000], '{"of": [["gpt2", 3]]}', "[]"):
        kept.write_text(damage)
        assert _said("import kullm_tui.weights" + _STRUCTURE) == found


def test_what_asks_for_the_compiler_later_gets_the_real_one() -> None:
    code = """
import kullm_tui.weights, torch
from transformers import masking_utils
with masking_utils.TransformGetItemToIndex() as _:
    from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
    print(type(masking_utils.TransformGetItemToIndex()) is TransformGetItemToIndex)
print(torch._dynamo.config.__name__, torch.distributed.is_available())
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
"""
    assert _said(code).splitlines() == ["True", "torch._dynamo.config True", "2.0"]


def test_a_library_that_does_not_bear_it_is_imported_as_it_wants_to_be() -> None:
    code = """
import sys
class Wants:
    def find_spec(self, name, path, target=None):
        compiler = sys.modules.get("torch._dynamo")
        if name == "transformers.masking_utils" and compiler and not hasattr(compiler, "__file__"):
            raise RuntimeError("this is no compiler")
sys.meta_path.insert(0, Wants())
import kullm_tui.weights, transformers
from transformers.models.gpt_neox import modeling_gpt_neox
print(issubclass(modeling_gpt_neox.GPTNeoXForCausalLM, transformers.PreTrainedModel))
"""
    assert _said(code + _REPORT).splitlines() == [
        "True",
        "sympy scipy torch._dynamo torch._inductor torch.distributed.tensor",
    ]
