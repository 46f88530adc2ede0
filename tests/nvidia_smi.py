"""`nvidia-smi` of a machine with four A100 cards, as a program on a PATH: it prints what one printed, with the processes of one's choosing."""

from collections.abc import Mapping
from pathlib import Path

_CARD = (
    "{n}, GPU-{n}aaaaaaa-0000-4000-8000-000000000000, NVIDIA A100-SXM4-80GB, 81920, {used}, {use}, 61.44, 34, {driver}"
)


def put(
    folder: Path, *, cards: int = 4, held: Mapping[int, tuple[int, int]] | None = None, driver: str = "580.95.05"
) -> None:
    """`held`: by card, a process and its MiB."""
    held = held or {}
    listed = [
        _CARD.format(n=n, used=held[n][1] + 400 if n in held else 4, use=97 if n in held else 0, driver=driver)
        for n in range(cards)
    ]
    apps = [f"GPU-{n}aaaaaaa-0000-4000-8000-000000000000, {pid}, {mib}" for n, (pid, mib) in held.items()]
    program = folder / "nvidia-smi"
    text = f"""#!/bin/sh
case "$1" in
--query-gpu=name,memory.total) cat <<'END'
{chr(10).join("NVIDIA A100-SXM4-80GB, 81920" for _ in range(cards))}
END
;;
--query-gpu=*) cat <<'END'
{chr(10).join(listed)}
END
;;
*) cat <<'END'
{chr(10).join(apps)}
END
;;
esac
"""
    program.unlink(missing_ok=True)
    program.write_text(text)
    program.chmod(0o755)
