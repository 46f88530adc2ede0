"""How much memory a base takes once it is loaded: from the cache of quantised weights, its profile, or its files. No torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import Precision
from kullm_tui.core.models.catalogue import context_bytes
from kullm_tui.core.models.disk import quantised_of
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.weights_cache import CachedWeights

# Of a matrix's number; NF4 keeps a scale for every 64 of them, 8-bit one for every row.
_BYTES_A_NUMBER: dict[Precision, float] = {"4bit": 0.53, "8bit": 1.01, "bf16": 2.0, "fp32": 4.0}
_FILE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def memory_need(
    profile: Profile, folder: Path | None, precision: Precision, cached: Sequence[CachedWeights]
) -> int | None:
    """Bytes of the weights and one full context, as the engine counts them; None where nothing says."""
    weights = _cached_bytes(profile, precision, cached) or _stated_bytes(profile, precision)
    if weights is None and folder is not None:
        weights = _bytes_of_files(folder, precision)
    return None if weights is None else weights + (context_bytes(profile) or 0)


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
        embeddings = tables * int(config.get("vocab_size", 0)) * int(config.get("hidden_size", 0))
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    numbers = size // a_number
    kept = min(embeddings, numbers)
    kept_bytes = max(2.0, _BYTES_A_NUMBER[precision]) if precision in ("bf16", "fp32") else 2.0
    return int(kept * kept_bytes + (numbers - kept) * _BYTES_A_NUMBER[precision]) or None


def _sum(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(pattern))
