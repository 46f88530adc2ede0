"""How much memory a model takes once it is loaded, how much there is for it, and whether it fits: for lists, plans and engine. No torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import EngineSettings, Precision
from kullm_tui.core.errors import KullmError
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.disk import quantised_of
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.models.weights_cache import CachedWeights

Fit = Literal["fits", "tight", "too-large", "unknown"]

# Part of the free memory that models may take; the rest is for the system and what the arithmetic needs on the way.
SHARE = 0.9
_BESIDE_BYTES = 500_000_000  # torch and its libraries, roughly, in an engine that has not started yet
# Of a matrix's number; NF4 keeps a scale for every 64 of them, 8-bit one for every row.
_BYTES_A_NUMBER: dict[Precision, float] = {"4bit": 0.53, "8bit": 1.01, "bf16": 2.0, "fp32": 4.0}
_FILE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
# Keys and values of a full context, as a part of the 4-bit weights, where no file is here to say: Polyglot 5.8B's 28 layers of
# 4,096 over 2,048 tokens are 0.94 GB beside 3.3 GB.
_CONTEXT_SHARE = 0.3
_WIDTH = ("hidden_size", "n_embd", "d_model")
_SHAPE = (
    ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    _WIDTH,
)


def memory_need(profile: Profile, precision: Precision, cached: Sequence[CachedWeights]) -> int | None:
    """Bytes of the weights and one full context, as the engine counts them; None where nothing says.

    An adapter needs its base. The weights are known from the cache of quantised ones, the profile, or the files.
    """
    holder = _holder_of(profile)
    if holder is None:
        return None
    folder = _folder_of(holder)
    weights = _cached_bytes(holder, precision, cached) or _stated_bytes(holder, precision)
    if weights is None and folder is not None:
        weights = _bytes_of_files(folder, precision)
    if weights is None:
        return None
    context = _context_bytes(holder, folder, precision) if folder else None
    return weights + (int(holder.size_4bit_gb * 1e9 * _CONTEXT_SHARE) if context is None else context)


def budget_of(engine: EngineSettings, memory: Memory, *, idle: bool = False) -> int:
    """Bytes that models may take together in an engine that starts now, or with nothing else on the machine."""
    if engine.memory_gb is not None:
        return int(engine.memory_gb * 1e9)
    there = memory.total if idle or memory.free is None else memory.free
    return max(0, int((there - _BESIDE_BYTES) * SHARE))


def fit_of(need: int | None, memory: Memory, engine: EngineSettings) -> Fit:
    if need is None:
        return "unknown"
    if need > budget_of(engine, memory, idle=True):
        return "too-large"
    return "fits" if need <= budget_of(engine, memory) else "tight"


def kept_heads(heads: int, said: Callable[[str], int | None]) -> int:
    """Of how many heads keys and values are kept; `said` is what a configuration says under a name.

    Falcon's newer decoder shares keys too, but spreads them over all heads before it keeps them.
    """
    if said("new_decoder_architecture"):
        return heads
    return said("num_key_value_heads") or (1 if said("multi_query") else heads)


def _holder_of(profile: Profile) -> Profile | None:
    """Whose weights are loaded; None for an endpoint, and for an adapter over nothing that is known here."""
    if profile.kind == "adapter":
        try:
            profile = resolve(profile.base or "").profile
        except KullmError:
            return None
    return profile if profile.kind == "weights" else None


def _folder_of(profile: Profile) -> Path | None:
    try:
        return local_folder(resolve(profile.name))
    except KullmError:
        return None


def _cached_bytes(profile: Profile, precision: Precision, cached: Sequence[CachedWeights]) -> int | None:
    entries = [entry for entry in quantised_of(profile, cached) if entry.complete and entry.precision == precision]
    return entries[0].bytes if entries else None


def _stated_bytes(profile: Profile, precision: Precision) -> int | None:
    stated = profile.size_4bit_gb * 1e9 * _BYTES_A_NUMBER[precision] / _BYTES_A_NUMBER["4bit"]
    return int(stated) or None


def _bytes_of_files(folder: Path, precision: Precision) -> int | None:
    """Embeddings stay as they are in 4-bit and 8-bit; everything else is taken for matrices."""
    size = next((found for pattern in _WEIGHTS if (found := _sum(folder, pattern))), 0)
    try:
        config: dict[str, Any] = foreign_json.read(folder / "config.json")
        a_number = _FILE_BYTES.get(str(config.get("dtype") or config.get("torch_dtype")), 2)
        tables = 1 if config.get("tie_word_embeddings") else 2
        embeddings = tables * int(config.get("vocab_size", 0)) * _number(config, *_WIDTH)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    numbers = size // a_number
    kept = min(embeddings, numbers)
    kept_bytes = max(2.0, _BYTES_A_NUMBER[precision]) if precision in ("bf16", "fp32") else 2.0
    return int(kept * kept_bytes + (numbers - kept) * _BYTES_A_NUMBER[precision]) or None


def _sum(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(pattern))


def _context_bytes(profile: Profile, folder: Path, precision: Precision) -> int | None:
    """Keys and values of one full context, from the model's own configuration; None where it does not say."""
    config = foreign_json.fields(folder / "config.json")
    layers, heads, width = (_number(config, *names) for names in _SHAPE)
    if not (layers and heads and width):
        return None
    kept = kept_heads(heads, lambda name: _number(config, name) or int(config.get(name) is True))
    head = _number(config, "head_dim") or width // heads
    context = profile.context or _number(config, "max_position_embeddings") or 2048
    a_number = 4 if precision == "fp32" else 2
    return 2 * layers * kept * head * a_number * context


def _number(config: dict[str, Any], *names: str) -> int:
    found = (config.get(name) for name in names)
    return next((one for one in found if isinstance(one, int) and not isinstance(one, bool) and one > 0), 0)
