"""Adapters over one live base: attached and detached in place, chosen row by row.

    base rows   nothing added
    LoRA rows   peft's own layers around the targeted linears; every layer takes the rows' names from this thread's `rows`
    IA³ rows    a hook on each targeted linear scales its input or its output

Adapter weights stay in fp32, as plain peft keeps them: that makes the results equal, and they are too small to matter for speed.
`attach`, `add` and `detach` change the model and must not run during a forward; `prepare`, the slow part of `attach`, may.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import nn
from transformers import PreTrainedModel

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import AdapterError
from kullm_tui.core.language import say
from kullm_tui.weights.adapter_files import AdapterFiles, Tensors, read_adapter
from kullm_tui.weights.adapter_fit import matched_modules
from kullm_tui.weights.ia3 import ScaledModules
from kullm_tui.weights.plan import KeyMapping
from kullm_tui.weights.rows import Rows

if TYPE_CHECKING:
    from kullm_tui.weights.lora import LoraLayers


class _Layers(Protocol):
    """Where an adapter goes: `LoraLayers` or `ScaledModules`."""

    def add(self, name: str, options: Mapping[str, Any], tensors: Tensors, /) -> None: ...

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True)
class PreparedAdapter:
    """`tensors` under the model's own module names."""

    name: str
    files: AdapterFiles
    tensors: Tensors

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for parts in self.tensors.values() for tensor in parts.values())


@dataclass(frozen=True)
class _Attached:
    inner: str
    holder: _Layers
    bytes: int


class AdapterRack:
    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._modules: dict[str, nn.Module] = dict(model.named_modules())
        known = {name: True for name, _ in model.named_parameters(remove_duplicate=False)}
        self._mapping = KeyMapping(model, known)
        self._local = threading.local()
        self._scaled = ScaledModules(self._modules, self._current)
        self._attached: dict[str, _Attached] = {}
        self._made = 0

    @cached_property
    def _lora(self) -> "LoraLayers":
        from kullm_tui.weights.lora import LoraLayers  # late: peft takes over half a second to import

        return LoraLayers(self._model, self._current)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._attached)

    @property
    def bytes(self) -> int:
        """What the tensors of the attached adapters take."""
        return sum(attached.bytes for attached in tuple(self._attached.values()))

    def prepare(self, name: str, folder: Path) -> PreparedAdapter:
        """Read and checked against the model, which is only looked at: any thread may do this, during forwards too."""
        files = read_adapter(folder)
        tensors = matched_modules(files, self._model, self._modules, self._mapping)
        return PreparedAdapter(name, files, tensors)

    def attach(self, name: str, folder: Path) -> None:
        """Nothing of the model has changed if this raises."""
        self.add(self.prepare(name, folder))

    def add(self, prepared: PreparedAdapter) -> None:
        """Nothing of the model has changed if this raises."""
        if prepared.name in self._attached:
            raise AdapterError(
                say(
                    f"{prepared.files.name} 어댑터는 이미 붙어 있어요.",
                    f"Adapter {prepared.files.name} is attached already.",
                )
            )
        # peft's containers refuse dots and their own attributes' names: every adapter gets a plain one.
        self._made += 1
        inner = f"adapter_{self._made}"
        holder: _Layers = self._scaled if prepared.files.kind == "IA3" else self._lora
        try:
            holder.add(inner, prepared.files.options, prepared.tensors)
        except (ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
            holder.remove(inner)
            raise _not_attached(prepared.files.name, error) from error
        self._attached[prepared.name] = _Attached(inner, holder, prepared.bytes)

    def detach(self, name: str) -> None:
        attached = self._named(name)
        del self._attached[name]
        attached.holder.remove(attached.inner)

    @contextmanager
    def rows(self, names: Sequence[str | None] | str | None) -> Iterator[None]:
        """The adapters of this thread's next forwards: one name a row, or one name for every row."""
        previous = self._current()
        single = names is None or isinstance(names, str)
        listed: Sequence[str | None] = [names] if single else names  # type: ignore[assignment,list-item]
        inner = tuple(None if name is None else self._named(name).inner for name in listed)
        alike = len(set(inner)) == 1
        self._local.rows = None if not any(inner) else Rows(inner[:1] if alike else inner, alike)
        try:
            yield
        finally:
            self._local.rows = previous

    def _named(self, name: str) -> _Attached:
        if name not in self._attached:
            raise AdapterError(
                say(
                    "이 요청이 쓰던 어댑터가 그사이 모델에서 빠졌어요. 요청을 다시 보내세요.",
                    "The adapter of this request is not attached any more. Send the request again.",
                )
            )
        return self._attached[name]

    def _current(self) -> Rows | None:
        return getattr(self._local, "rows", None)


def _not_attached(name: str, error: Exception) -> AdapterError:
    return AdapterError(
        say(
            f"{name} 어댑터를 붙이지 못했어요({cause_of(error)}). 다시 받거나 다시 학습하세요.",
            f"Adapter {name} could not be attached ({error}). Fetch or train it again.",
        )
    )
