"""The sections of bench/gpu.py, in their order: what each is about, and the time that one must have. Torch-free."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_DRY_SECONDS = 5.0  # of any section on tiny shapes


@dataclass(frozen=True)
class Section:
    """`seconds`: about as long as it takes on a card of 2023 beside 16 cores; assumed until somebody has measured it."""

    name: str
    seconds: float
    about: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """Sections that differ only in their arguments are measured by one function."""
        return self.name.partition("-")[0]

    def needs(self, *, dry: bool) -> float:
        return _DRY_SECONDS if dry else self.seconds


SECTIONS: tuple[Section, ...] = (
    Section("machine", 15, "the device, its speed, the versions"),
    Section("decode", 35, "replies of tiny models are those of generate"),
    Section("step", 30, "training steps of tiny models are those of transformers.Trainer"),
    Section("sft-1.3b", 40, "LoRA on 1.3b in bf16", {"size": "1.3b", "precision": "bf16"}),
    Section("chat-bf16", 60, "5.8b in bf16 beside generate", {"precision": "bf16"}),
    Section("chat-4bit", 75, "5.8b in NF4 beside generate", {"precision": "4bit"}),
    Section("sft-5.8b", 60, "LoRA on 5.8b in bf16", {"size": "5.8b", "precision": "bf16"}),
    Section("sft-12.8b", 75, "LoRA on 12.8b in bf16", {"size": "12.8b", "precision": "bf16"}),
    Section("sft-12.8b-4bit", 75, "LoRA on 12.8b in NF4", {"size": "12.8b", "precision": "4bit"}),
)


@dataclass(frozen=True)
class Skipped:
    section: Section
    why: str


def chosen(only: Sequence[str]) -> tuple[Section, ...]:
    """Those that were named, in the sections' own order; all where none was. SystemExit for a name that is none."""
    known = [section.name for section in SECTIONS]
    unknown = [name for name in only if name not in known]
    if unknown:
        raise SystemExit(f"--only {','.join(unknown)}: no such section. There are: {', '.join(known)}")
    return tuple(section for section in SECTIONS if not only or section.name in only)


class Budget:
    """Seconds for everything, counted by a clock from the beginning."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock, self._end = clock, clock() + seconds

    @property
    def left(self) -> float:
        return self._end - self._clock()

    def going_through(self, sections: Sequence[Section], *, dry: bool) -> Iterator[Section | Skipped]:
        """Each when it is its turn: a section that needs more than is left is passed over, a shorter one behind it is not."""
        for section in sections:
            needed, left = section.needs(dry=dry), self.left
            fits = needed <= left
            yield section if fits else Skipped(section, f"needs about {needed:.0f} s, {max(0.0, left):.0f} s are left")
