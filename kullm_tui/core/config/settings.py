"""`config.toml` read into frozen dataclasses; `edit.py` changes it.

All faults are reported together. Nothing here acts on a setting; functions elsewhere take values, not these objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kullm_tui.core import rules
from kullm_tui.core.asking.thinking import ThinkingWish
from kullm_tui.core.language import say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file

Precision = Literal["4bit", "8bit", "bf16", "fp32"]
Notify = Literal["", "auto", "bell", "desktop", "off"]


@dataclass(frozen=True)
class EngineSettings:
    idle_minutes: float = 30
    precision: Precision = "4bit"
    device: str = "auto"
    memory_gb: float | None = None  # None: what the machine has
    max_rows: int = 8
    trust_remote_code: tuple[str, ...] = ()  # names of the models whose own code may run
    warm: bool = True  # it starts when the app opens, where a model of this machine answers and memory is free


@dataclass(frozen=True)
class JudgingSettings:
    """How the calls to a judge are made."""

    timeout_seconds: float = 120  # for one call's whole answer
    at_once: int = 64  # calls under way together, at most; the judge's server decides how many of them


@dataclass(frozen=True)
class EndpointSettings:
    name: str
    base_url: str
    key: str = ""  # the name of a stored key, never the key itself


@dataclass(frozen=True)
class Config:
    model: str = ""
    language: str = ""  # empty: the locale's
    engine: EngineSettings = field(default_factory=EngineSettings)
    judging: JudgingSettings = field(default_factory=JudgingSettings)
    endpoints: tuple[EndpointSettings, ...] = ()
    theme: str = ""  # of the app; empty: its own dark one
    won_per_dollar: float | None = None  # money is shown in won, too
    notify: Notify = ""  # how a long reply's end is told to who looks elsewhere; empty: auto
    thinking: ThinkingWish = ""  # of models that think first; empty: folded


def load_config() -> Config:
    """The user's configuration; the defaults where there is no file."""
    return parse_config(config_toml().text())


def parse_config(text: str) -> Config:
    file, faults = config_toml(), list[str]()
    config = _config(file.tables_in(text), faults)
    if faults:
        raise file.rejected(faults)
    return config


def config_toml() -> OwnToml:
    return OwnToml(config_file(), "설정 파일을")


TOP_RULES: Mapping[str, rules.Rule] = {
    "model": rules.text,
    "language": rules.one_of("", "ko", "en"),
    "theme": rules.one_of("", "kullm-dark", "kullm-light", "ansi-dark", "ansi-light"),
    "won_per_dollar": rules.number(0.01, 1_000_000),
    "notify": rules.one_of("", "auto", "bell", "desktop", "off"),
    "thinking": rules.one_of("", "fold", "keep"),
}
ENGINE_RULES: Mapping[str, rules.Rule] = {
    "idle_minutes": rules.number(0.01, 100_000),
    "warm": rules.truth,
    "precision": rules.one_of("4bit", "8bit", "bf16", "fp32"),
    "device": rules.matching(
        r"auto|cpu|cuda(:\d{1,2})?",
        "auto, cpu, cuda, cuda:번호 중 하나여야 해요",
        "must be auto, cpu, cuda or cuda:N",
    ),
    "memory_gb": rules.number(0.1, 100_000),
    "max_rows": rules.whole(1, 1024),
    "trust_remote_code": rules.texts,
}
JUDGING_RULES: Mapping[str, rules.Rule] = {
    "timeout_seconds": rules.number(1, 3600),
    "at_once": rules.whole(1, 256),
}
ENDPOINT_RULES: Mapping[str, rules.Rule] = {
    "name": rules.matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]*",
        "영문자, 숫자, 점, 줄표, 밑줄로 된 이름이어야 해요",
        "must be a name of letters, digits, dots, dashes and underscores",
    ),
    "base_url": rules.web_address,
    "key": rules.matching(
        r"([A-Za-z_][A-Za-z0-9_]*)?",
        "`kullm keys set 이름`으로 넣은 키의 이름이어야 해요(키 자체가 아니에요)",
        "must be the name of a key stored with `kullm keys set NAME`, not the key itself",
    ),
}  # fmt: skip


SECTIONS: Mapping[str, Mapping[str, rules.Rule]] = {"engine": ENGINE_RULES, "judging": JUDGING_RULES}


def _config(table: Mapping[str, Any], faults: list[str]) -> Config:
    known = [*TOP_RULES, *SECTIONS, "endpoints"]
    top = rules.checked(table, TOP_RULES, "", faults, known=known)
    engine, judging = (_section(table, name, faults) for name in SECTIONS)
    return Config(
        **top,
        engine=EngineSettings(**engine),
        judging=JudgingSettings(**judging),
        endpoints=_endpoints(table.get("endpoints", []), faults),
    )


def _section(table: Mapping[str, Any], name: str, faults: list[str]) -> dict[str, Any]:
    section = table.get(name, {})
    if not isinstance(section, dict):
        faults.append(f"{name}: {say(f'[{name}] 표여야 해요', f'must be a table, [{name}]')}")
        return {}
    return rules.checked(section, SECTIONS[name], f"{name}.", faults)


def _endpoints(rows: object, faults: list[str]) -> tuple[EndpointSettings, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append(f"endpoints: {say('[[endpoints]] 표여야 해요', 'must be tables, [[endpoints]]')}")
        return ()
    found: list[EndpointSettings] = []
    for number, row in enumerate(rows, start=1):
        where = f"endpoints[{number}]."
        row_values = rules.checked(row, ENDPOINT_RULES, where, faults)
        for required in ("name", "base_url"):
            if required not in row:
                faults.append(f"{where}{required}: {say('빠져 있어요', 'is missing')}")
        name = row_values.get("name")
        if name in [endpoint.name for endpoint in found]:
            faults.append(f"{where}name: {say('앞의 것과 이름이 같아요', 'has the name of an earlier one')}")
        elif name and "base_url" in row_values:
            found.append(EndpointSettings(**row_values))
    return tuple(found)
