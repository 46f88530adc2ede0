"""How much memory there is, and whether one more model fits into what is left of it."""

from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from kullm_tui.core.errors import TooLarge
from kullm_tui.core.language import say
from kullm_tui.core.models.memory_need import SHARE
from kullm_tui.engine.batch import Limits
from kullm_tui.weights.footprint import Footprint

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Budget:
    """Bytes that loaded models may take together on one device."""

    total: int

    def room_beside(self, used: int) -> int:
        return max(0, self.total - used)


def budget_for(device: torch.device, configured_gb: float | None) -> Budget:
    if configured_gb is not None:
        return Budget(int(configured_gb * 1e9))
    if device.type == "cuda":
        return Budget(int(torch.cuda.mem_get_info(device)[0] * SHARE))
    available: int = psutil.virtual_memory().available
    return Budget(int(min(available, _cgroup_limit()) * SHARE))


def _cgroup_limit() -> int:
    for path in _CGROUP_LIMITS:
        if path.exists() and (text := path.read_text().strip()).isdigit():
            return int(text)
    return 2**63


def least_need(need: Footprint, context: int) -> int:
    """The least a model needs to answer at all: its weights and one full context."""
    return need.weights_bytes + need.kv_bytes_per_token * context


def limits_for(need: Footprint, *, context: int, room: int, max_rows: int) -> Limits:
    """How the room that the weights leave is shared out: running rows first, kept prefixes from the rest."""
    one_context = need.kv_bytes_per_token * context
    left = max(room - need.weights_bytes, one_context)
    kv_bytes = max(one_context, min(max_rows * one_context, left // 2))
    return Limits(
        rows=max_rows,
        context=context,
        kv_tokens=max(context, kv_bytes // max(need.kv_bytes_per_token, 1)),
        kv_bytes_per_token=need.kv_bytes_per_token,
        prefix_bytes=max(0, min(left - kv_bytes, 2 * one_context) // 2),
    )


def too_large(name: str, need: int, room: int, smaller: int | None) -> TooLarge:
    """What does not fit, and what would."""
    want, have = f"{need / 1e9:.1f}", f"{room / 1e9:.1f}"
    if smaller is not None and smaller <= room:
        korean, english = "4비트로는 들어가요.", "In 4-bit it fits."
    else:
        korean = "더 작은 모델을 고르거나, 다른 모델을 내리거나(`kullm engine stop`), 다른 기계의 엔드포인트를 쓰세요."
        english = "Choose a smaller model, unload others (`kullm engine stop`), or use an endpoint on another machine."
    return TooLarge(
        say(
            f"{name}에는 메모리가 {want} GB 필요하지만 {have} GB만 남아 있어요. {korean}",
            f"{name} needs {want} GB of memory and {have} GB are left. {english}",
        )
    )
