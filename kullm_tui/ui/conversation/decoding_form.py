"""The decoding settings as fields to fill in: what each may be, what the model does without it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.core import rules
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import Decoding
from kullm_tui.core.rules import Fault, Rule

_STOP_BETWEEN = ","


@dataclass(frozen=True)
class Field:
    name: str  # as a request names it
    korean: str
    english: str
    reads: Callable[[str], Any]

    @property
    def label(self) -> str:
        return say(self.korean, self.english)


def _numbered(rule: Rule, kind: type[int] | type[float]) -> Callable[[str], Any]:
    def reads(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        return rule(value)

    return reads


def _share(text: str) -> float:
    value = float(_numbered(rules.number(0, 1), float)(text))
    if value == 0:
        raise Fault(say("0보다 커야 해요", "must be above 0"))
    return value


def _stops(text: str) -> list[str]:
    stops = [stop.strip().replace("\\n", "\n") for stop in text.split(_STOP_BETWEEN)]
    found = [stop for stop in stops if stop]
    if not 1 <= len(found) <= 16:
        raise Fault(say("쉼표로 나눈 글 16개까지예요", "up to 16 texts, with commas between"))
    return found


FIELDS = (
    Field("max_tokens", "최대 길이", "longest reply", _numbered(rules.whole(1, 1_000_000), int)),
    Field("temperature", "온도", "temperature", _numbered(rules.number(0, 10), float)),
    Field("top_p", "top-p", "top-p", _share),
    Field("top_k", "top-k", "top-k", _numbered(rules.whole(0, 1_000_000), int)),
    Field("repetition_penalty", "반복 벌점", "repetition", _numbered(rules.number(0.1, 10), float)),
    Field("no_repeat_ngram_size", "반복 금지 n", "no-repeat n", _numbered(rules.whole(0, 64), int)),
    Field("num_beams", "빔", "beams", _numbered(rules.whole(1, 16), int)),
    Field("seed", "시드", "seed", _numbered(rules.whole(0, 2**63 - 1), int)),
    Field("stop", "정지 문자열", "stop at", _stops),
)


def read_form(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What was filled in, and what is wrong with the rest, by field. An empty field is the model's own setting."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field in FIELDS:
        text = texts.get(field.name, "").strip()
        if not text:
            continue
        try:
            values[field.name] = field.reads(text)
        except Fault as fault:
            faults[field.name] = str(fault)
    return values, faults


def as_text(value: Any) -> str:
    """A value as the field shows it."""
    if isinstance(value, list | tuple):
        return f"{_STOP_BETWEEN} ".join(str(one).replace("\n", "\\n") for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def usual(defaults: Decoding | None, stop: tuple[str, ...] = ()) -> dict[str, str]:
    """What the model does where nothing is filled in; empty where the other side decides."""
    if defaults is None:
        return {}
    texts = {name: as_text(value) for name, value in defaults.request_fields().items()}
    return texts | ({"stop": as_text(list(stop))} if stop else {})
