"""Adapters over one live base: attached and detached in place, chosen row by row.

    base rows   nothing added
    LoRA rows   peft's own layers around the targeted linears; every layer takes the rows' names from this thread's `rows`
    IA³ rows    a hook on each targeted linear scales its input or its output

Adapter weights stay in fp32, as plain peft keeps them: that makes the results equal, and they are too small to matter for speed.
`attach` and `detach` must not run during a forward.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import PreTrainedModel

from kullm_tui.core.errors import AdapterError
from kullm_tui.core.language import say
from kullm_tui.weights.adapter_files import AdapterFiles, read_adapter
from kullm_tui.weights.adapter_fit import matched_modules
from kullm_tui.weights.ia3 import ScaledModules
from kullm_tui.weights.plan import KeyMapping

if TYPE_CHECKING:
    from kullm_tui.weights.lora import LoraLayers


@dataclass(frozen=True)
class Rows:
    """Internal names, one a row; a single one stands for every row of any batch. None is the base."""

    names: tuple[str | None, ...]
    broadcast: bool

    def for_batch(self, rows: int) -> tuple[str | None, ...]:
        return self.names * rows if self.broadcast else self.names


class AdapterRack:
    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._modules: dict[str, nn.Module] = dict(model.named_modules())
        known = {name: True for name, _ in model.named_parameters(remove_duplicate=False)}
        self._mapping = KeyMapping(model, known)
        self._local = threading.local()
        self._scaled = ScaledModules(self._current)
        self._attached: dict[str, tuple[str, Any]] = {}
        self._made = 0

    @cached_property
    def _lora(self) -> "LoraLayers":
        from kullm_tui.weights.lora import LoraLayers  # late: peft takes over half a second to import

        return LoraLayers(self._model, self._current)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._attached)

    def attach(self, name: str, folder: Path) -> None:
        """Nothing of the model has changed if this raises."""
        if name in self._attached:
            raise AdapterError(
                say(f"어댑터 {name}은(는) 이미 붙어 있습니다.", f"An adapter named {name} is attached already.")
            )
        files = read_adapter(name, folder)
        tensors = matched_modules(files, self._model, self._modules, self._mapping)
        # peft's containers refuse dots and their own attributes' names: every adapter gets a plain one.
        self._made += 1
        inner = f"adapter_{self._made}"
        holder = self._scaled if files.kind == "IA3" else self._lora
        if files.kind == "IA3":
            self._scaled.add(inner, {module: self._modules[module] for module in tensors}, tensors)
        else:
            self._attach_lora(inner, files, tensors)
        self._attached[name] = (inner, holder)

    def _attach_lora(self, inner: str, files: AdapterFiles, tensors: dict[str, dict[str, torch.Tensor]]) -> None:
        try:
            self._lora.add(inner, files.options, tensors)
        except (ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
            self._lora.remove(inner)
            raise AdapterError(
                say(
                    f"어댑터 {files.name}을(를) 붙이지 못했습니다({error}). 다시 받거나 다시 학습하세요.",
                    f"Adapter {files.name} could not be attached ({error}). Fetch or train it again.",
                )
            ) from error

    def detach(self, name: str) -> None:
        inner, holder = self._attached.pop(name) if name in self._attached else self._unknown(name)
        holder.remove(inner)

    @contextmanager
    def rows(self, names: Sequence[str | None] | str | None) -> Iterator[None]:
        """The adapters of this thread's next forwards: one name a row, or one name for every row."""
        previous = self._current()
        single = names is None or isinstance(names, str)
        listed: Sequence[str | None] = [names] if single else names  # type: ignore[assignment,list-item]
        inner = tuple(None if name is None else self._inner(name) for name in listed)
        alike = len(set(inner)) == 1
        self._local.rows = None if not any(inner) else Rows(inner[:1] if alike else inner, alike)
        try:
            yield
        finally:
            self._local.rows = previous

    def _inner(self, name: str) -> str:
        return self._attached[name][0] if name in self._attached else self._unknown(name)[0]

    def _unknown(self, name: str) -> tuple[str, Any]:
        raise AdapterError(
            say(
                f"어댑터 {name}은(는) 붙어 있지 않습니다. `kullm adapters list`로 이름을 확인하세요.",
                f"No adapter named {name} is attached. See the names with `kullm adapters list`.",
            )
        )

    def _current(self) -> Rows | None:
        return getattr(self._local, "rows", None)
