"""`config.toml` read into frozen dataclasses; config_edit changes it.

All faults are reported together. Nothing here acts on a setting; functions elsewhere take values, not these objects.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.paths import config_file

Precision = Literal["4bit", "8bit", "bf16", "fp32"]


@dataclass(frozen=True)
class EngineSettings:
    idle_minutes: float = 30
    precision: Precision = "4bit"
    device: str = "auto"
    memory_gb: float | None = None  # None: what the machine has
    max_rows: int = 8
    trust_remote_code: tuple[str, ...] = ()  # names of the models whose own code may run


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
    endpoints: tuple[EndpointSettings, ...] = ()


def load_config() -> Config:
    """The user's configuration; the defaults where there is no file."""
    return parse_config(config_text())


def parse_config(text: str) -> Config:
    table = parsed_toml(text)
    faults: list[str] = []
    config = _config(table, faults)
    if faults:
        raise _rejected(faults)
    return config


def config_text() -> str:
    path = config_file()
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise _rejected([say("UTF-8로 저장된 글이 아닙니다.", "the text is not UTF-8.")]) from error
    except OSError as error:
        raise _rejected([say(f"읽을 수 없습니다: {error.strerror}", f"cannot be read: {error.strerror}")]) from error


class Fault(Exception):
    pass


Rule = Callable[[object], Any]


def _text(value: object) -> str:
    if not isinstance(value, str) or any(ord(character) < 32 for character in value):
        raise Fault(say("한 줄의 글이어야 합니다", "must be one line of text"))
    return value


def _one_of(*choices: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            listed = ", ".join(f'"{choice}"' for choice in choices if choice)
            raise Fault(say(f"다음 가운데 하나여야 합니다: {listed}", f"must be one of {listed}"))
        return value

    return rule


def _number(low: float, high: float) -> Rule:
    def rule(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Fault(say(f"{low:g}에서 {high:g} 사이의 수여야 합니다", f"must be a number from {low:g} to {high:g}"))
        return value

    return rule


def _whole_number(low: int, high: int) -> Rule:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Fault(say(f"{low}에서 {high} 사이의 정수여야 합니다", f"must be a whole number from {low} to {high}"))
        return value

    return rule


def _matching(pattern: str, korean: str, english: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Fault(say(korean, english))
        return value

    return rule


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Fault(say("글의 목록이어야 합니다", "must be a list of texts"))
    return tuple(value)


def _web_address(value: object) -> str:
    """An address that every parser reads alike: no user part, no spaces, no backslash."""
    fault = Fault(
        say(
            '"https://주소/v1" 꼴이어야 합니다(이름과 비밀번호는 넣지 않습니다)',
            'must look like "https://host/v1", without a user name or password',
        )
    )
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s\\@?#]+", value):
        raise fault
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise fault from None
    if not parts.hostname or port == 0:
        raise fault
    return value.rstrip("/")


TOP_RULES: Mapping[str, Rule] = {"model": _text, "language": _one_of("", "ko", "en")}
ENGINE_RULES: Mapping[str, Rule] = {
    "idle_minutes": _number(0.01, 100_000),
    "precision": _one_of("4bit", "8bit", "bf16", "fp32"),
    "device": _matching(
        r"auto|cpu|cuda(:\d{1,2})?",
        "auto, cpu, cuda, cuda:번호 가운데 하나여야 합니다",
        "must be auto, cpu, cuda or cuda:N",
    ),
    "memory_gb": _number(0.1, 100_000),
    "max_rows": _whole_number(1, 1024),
    "trust_remote_code": _texts,
}
ENDPOINT_RULES: Mapping[str, Rule] = {
    "name": _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]*",
        "영문자, 숫자, 점, 줄표, 밑줄로 된 이름이어야 합니다",
        "must be a name of letters, digits, dots, dashes and underscores",
    ),
    "base_url": _web_address,
    "key": _matching(
        r"([A-Za-z_][A-Za-z0-9_]*)?",
        "`kullm keys set 이름`으로 넣은 키의 이름이어야 합니다(키 자체가 아닙니다)",
        "must be the name of a key stored with `kullm keys set NAME`, not the key itself",
    ),
}  # fmt: skip


def _config(table: Mapping[str, Any], faults: list[str]) -> Config:
    known = [*TOP_RULES, "engine", "endpoints"]
    top = _checked(table, TOP_RULES, "", faults, known=known)
    engine = table.get("engine", {})
    if not isinstance(engine, dict):
        faults.append(f"engine: {say('[engine] 표여야 합니다', 'must be a table, [engine]')}")
        engine = {}
    return Config(
        **top,
        engine=EngineSettings(**_checked(engine, ENGINE_RULES, "engine.", faults)),
        endpoints=_endpoints(table.get("endpoints", []), faults),
    )


def _endpoints(rows: object, faults: list[str]) -> tuple[EndpointSettings, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append(f"endpoints: {say('[[endpoints]] 표여야 합니다', 'must be tables, [[endpoints]]')}")
        return ()
    found: list[EndpointSettings] = []
    for number, row in enumerate(rows, start=1):
        where = f"endpoints[{number}]."
        checked = _checked(row, ENDPOINT_RULES, where, faults)
        for required in ("name", "base_url"):
            if required not in row:
                faults.append(f"{where}{required}: {say('빠져 있습니다', 'is missing')}")
        name = checked.get("name")
        if name in [endpoint.name for endpoint in found]:
            faults.append(f"{where}name: {say('앞의 것과 이름이 같습니다', 'has the name of an earlier one')}")
        elif name and "base_url" in checked:
            found.append(EndpointSettings(**checked))
    return tuple(found)


def _checked(
    table: Mapping[str, Any], rules: Mapping[str, Rule], where: str, faults: list[str], *, known: Iterable[str] = ()
) -> dict[str, Any]:
    """The values of the table that pass their rules; every fault is added to the list."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in rules:
            try:
                values[key] = rules[key](value)
            except Fault as fault:
                faults.append(f"{where}{key}: {fault}")
        elif key not in known:
            faults.append(f"{where}{key}: {unknown_key(key, [*rules, *known])}")
    return values


def unknown_key(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
    if near:
        return say(f"모르는 설정입니다. 혹시 {near[0]}인가요?", f"is no setting. Did you mean {near[0]}?")
    return say("모르는 설정입니다", "is no setting")


def _rejected(faults: list[str]) -> ConfigError:
    listed = "\n".join(f"  {fault}" for fault in faults)
    path = config_file()
    return ConfigError(say(f"설정 파일을 고쳐 주세요: {path}\n{listed}", f"please correct {path}:\n{listed}"))


def parsed_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _rejected([say(f"TOML 형식이 아닙니다: {error}", f"this is not TOML: {error}")]) from error
