"""Rubrics: what a judge is asked, and which scores it may give, read strictly from TOML.

    rubrics/NAME.toml      the shipped ones
    any other .toml file   the user's own, in the same form

A rubric's hash covers what decides a score: the two texts and the criteria with their ranges. Titles, notes and the other
names by which a criterion is recognised in a reply may change without a verdict being bought anew.
"""

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import paths, rules
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

Mode = Literal["paper", "strict"]

_SHIPPED = Path(__file__).with_name("rubrics")
_PLACES = ("instruction", "input", "response")
_REFERENCE = "reference"
_PLACE = re.compile(r"\{(instruction|input|response|reference)\}")
_LOWEST, _HIGHEST = 0, 100


@dataclass(frozen=True)
class Criterion:
    name: str
    low: int
    high: int
    aliases: tuple[str, ...] = ()  # other names that a judge's reply may use
    short: str = ""  # for a line that holds all of them
    half_points: bool = False  # 3.5 is a score too

    @property
    def is_binary(self) -> bool:
        return (self.low, self.high) == (0, 1) and not self.half_points

    @property
    def choices(self) -> tuple[float, ...]:
        """Every score that there is, the lowest first."""
        if not self.half_points:
            return tuple(range(self.low, self.high + 1))
        halves = range(2 * self.low, 2 * self.high + 1)
        return tuple(half // 2 if half % 2 == 0 else half / 2 for half in halves)

    def scaled(self, score: float) -> float:
        """0–100, as the paper's Figure 1 draws it: (x − min) / (max − min) × 100."""
        return (score - self.low) / (self.high - self.low) * 100


@dataclass(frozen=True)
class Rubric:
    name: str
    title: str
    language: Literal["ko", "en"]
    mode: Mode  # how its verdicts are read unless somebody says otherwise
    system: str
    user: str
    criteria: tuple[Criterion, ...]
    source: str = ""
    note_korean: str = ""
    note_english: str = ""

    @cached_property
    def sha256(self) -> str:
        criteria = [(one.name, one.low, one.high, *(["half"] * one.half_points)) for one in self.criteria]
        asked = json.dumps([self.system, self.user, criteria], ensure_ascii=False)
        return hashlib.sha256(asked.encode()).hexdigest()

    @property
    def uses_reference(self) -> bool:
        """Whether the judge is shown the right answer too."""
        return f"{{{_REFERENCE}}}" in self.user

    def filled(self, *, instruction: str, input: str, response: str, reference: str = "") -> str:  # noqa: A002 - KULLM's own name
        """The user's message. Braces in the texts are theirs and stay."""
        texts = {
            "instruction": nfc(instruction),
            "input": nfc(input),
            "response": nfc(response),
            _REFERENCE: nfc(reference),
        }
        return _PLACE.sub(lambda place: texts[place[1]], self.user)


def shipped_rubrics() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def load_rubric(name: str) -> Rubric:
    """A shipped rubric by its name, or the user's own .toml file. ConfigError names every fault of the file."""
    path = paths.typed(name)
    if not name.endswith(".toml"):
        if name not in shipped_rubrics():
            raise ConfigError(_unknown(name))
        path = _SHIPPED / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            say(f"채점 기준을 읽을 수 없어요: {path}\n{cause_of(error)}", f"the rubric {path} cannot be read: {error}")
        ) from error
    return parse_rubric(table, path.stem)


def parse_rubric(table: Mapping[str, Any], name: str) -> Rubric:
    faults: list[str] = []
    values = rules.checked(table, _RULES, "", faults, known=("criteria",))
    faults += [f"{key}: {say('빠져 있어요', 'is missing')}" for key in ("system", "user") if key not in table]
    criteria = _criteria(table.get("criteria"), faults)
    if faults:
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(
            say(f"채점 기준 파일을 고쳐 주세요: {name}\n{listed}", f"please correct the rubric {name}:\n{listed}")
        )
    values.setdefault("title", name)
    values.setdefault("language", "ko")
    values.setdefault("mode", "paper")
    return Rubric(name=name, criteria=criteria, **values)


def _unknown(name: str) -> str:
    hint = rules.did_you_mean(name, shipped_rubrics())
    listed = ", ".join(shipped_rubrics())
    return say(
        f"'{name}' 채점 기준이 없어요.{hint} 있는 것: {listed}. 직접 만든 기준은 .toml 파일로 주세요.",
        f"There is no rubric '{name}'.{hint} There are: {listed}. Give one of your own as a .toml file.",
    )


def _prose(value: object) -> str:
    if not isinstance(value, str):
        raise rules.Fault(say("글이어야 해요", "must be text"))
    return nfc(value)


def _question(value: object) -> str:
    text = _prose(value)
    found = Counter(_PLACE.findall(text))
    if any(found[place] != 1 for place in _PLACES) or found[_REFERENCE] > 1:
        listed = ", ".join(f"{{{place}}}" for place in _PLACES)
        raise rules.Fault(
            say(
                f"{listed}가 꼭 한 번씩 있어야 해요. {{reference}}는 없어도 되고 한 번만 쓸 수 있어요",
                f"must hold {listed}, each once, and may hold {{reference}} once",
            )
        )
    return text


_RULES: Mapping[str, rules.Rule] = {
    "title": rules.text,
    "language": rules.one_of("ko", "en"),
    "mode": rules.one_of("paper", "strict"),
    "source": rules.text,
    "note_korean": rules.text,
    "note_english": rules.text,
    "system": _prose,
    "user": _question,
}
_CRITERION_RULES: Mapping[str, rules.Rule] = {
    "name": rules.matching(r"\S(.{0,60}\S)?", "이름이어야 해요", "must be a name"),
    "aliases": rules.texts,
    "short": rules.text,
    "low": rules.whole(_LOWEST, _HIGHEST),
    "high": rules.whole(_LOWEST, _HIGHEST),
    "half_points": rules.truth,
}


def _criteria(rows: object, faults: list[str]) -> tuple[Criterion, ...]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        faults.append(f"criteria: {say('[[criteria]] 표가 있어야 해요', 'there must be [[criteria]] tables')}")
        return ()
    found = [_criterion(row, f"criteria[{number}].", faults) for number, row in enumerate(rows, start=1)]
    criteria = tuple(one for one in found if one)
    _refuse_shared_names(criteria, faults)
    return criteria


def _criterion(row: Mapping[str, Any], where: str, faults: list[str]) -> Criterion | None:
    values = rules.checked(row, _CRITERION_RULES, where, faults)
    missing = [key for key in ("name", "low", "high") if key not in row]
    faults += [f"{where}{key}: {say('빠져 있어요', 'is missing')}" for key in missing]
    if not {"name", "low", "high"} <= values.keys():
        return None
    if values["low"] >= values["high"]:
        faults.append(f"{where}high: {say('low보다 커야 해요', 'must be greater than low')}")
    return Criterion(**values)


def _refuse_shared_names(criteria: Sequence[Criterion], faults: list[str]) -> None:
    names = Counter(nfc(name).casefold() for one in criteria for name in {one.name, *one.aliases})
    for name in (name for name, times in names.items() if times > 1):
        faults.append(f"criteria: {say(f'{name}: 두 기준이 같은 이름을 써요', f'{name} is the name of two of them')}")
