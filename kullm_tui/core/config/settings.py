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
Launcher = Literal["detached", "slurm", "skypilot", "hf-jobs"]
RENTED: tuple[Launcher, ...] = ("skypilot", "hf-jobs")  # machines that exist, and cost, only while they are needed


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
class MirrorSettings:
    """Where the metrics of every training go along; empty: only where a training asks for it."""

    tensorboard: str = ""  # a folder
    trackio: str = ""  # a project
    wandb: str = ""  # a project, or TEAM/PROJECT
    wandb_online: bool = False  # else what W&B is given stays in the job's folder


@dataclass(frozen=True)
class EndpointSettings:
    name: str
    base_url: str
    key: str = ""  # the name of a stored key, never the key itself


@dataclass(frozen=True)
class MachineSettings:
    """A computer that trains for this one."""

    name: str
    ssh: str = ""  # an alias of ~/.ssh/config, or an address; of a rented machine it is known once it is up
    folder: str = "~/.kullm"  # ours, over there
    python: str = "python3"  # over there
    gpus: str = ""  # 4xA100-80GB; empty: what it says it has
    launcher: Launcher = "detached"
    nodes: int = 1
    partition: str = ""
    account: str = ""
    time: str = ""
    qos: str = ""
    options: tuple[str, ...] = ()  # further ones for #SBATCH, or for `sky launch`
    price_per_hour: float | None = None  # dollars
    notify: str = ""  # the name of a stored key, whose value is an address: who knows it may write there
    lock: str = ""  # a requirements file in place of ours
    wheels: str = ""  # a folder of wheels here, for a machine without internet
    flavor: str = ""  # of Hugging Face Jobs: a100-large
    image: str = ""  # the container's, there; empty: one with Python and uv
    namespace: str = ""  # who pays there; empty: the user
    hours: float | None = None  # a rented machine is given back after so many at the latest; None: by the plan

    @property
    def is_rented(self) -> bool:
        return self.launcher in RENTED


@dataclass(frozen=True)
class Config:
    model: str = ""
    language: str = ""  # empty: the locale's
    engine: EngineSettings = field(default_factory=EngineSettings)
    judging: JudgingSettings = field(default_factory=JudgingSettings)
    mirrors: MirrorSettings = field(default_factory=MirrorSettings)
    endpoints: tuple[EndpointSettings, ...] = ()
    machines: tuple[MachineSettings, ...] = ()
    theme: str = ""  # of the app; empty: its own dark one
    won_per_dollar: float | None = None  # money is shown in won, too
    notify: Notify = ""  # how a long reply's end is told to who looks elsewhere; empty: auto
    thinking: ThinkingWish = ""  # of models that think first; empty: folded
    keys: tuple[str, ...] = ()  # of the app: alt+n=ctrl+n, what is pressed and the key of ours that it stands for


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


_MODIFIED = r"((ctrl|alt|shift|super|meta|hyper)\+)+[a-z0-9_]+"
TOP_RULES: Mapping[str, rules.Rule] = {
    "model": rules.text,
    "language": rules.one_of("", "ko", "en"),
    "theme": rules.one_of("", "kullm-dark", "kullm-light", "ansi-dark", "ansi-light"),
    "won_per_dollar": rules.number(0.01, 1_000_000),
    "notify": rules.one_of("", "auto", "bell", "desktop", "off"),
    "thinking": rules.one_of("", "fold", "keep"),
    "keys": rules.each(
        rules.matching(
            rf"(f\d{{1,2}}|insert|{_MODIFIED}) *= *([a-z_]{{2,}}|f\d{{1,2}}|{_MODIFIED})",
            "alt+n=ctrl+n처럼 누를 키와 그 키가 대신할 키여야 해요(글자 하나는 글로 남아요)",
            "must be like alt+n=ctrl+n: what is pressed, and the key that it stands for; a letter alone stays text",
        )
    ),
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
_PROJECT = rules.matching(
    r"([\w][\w.-]{0,127})?",
    "글자, 숫자, 점, 줄표, 밑줄로 된 프로젝트 이름이어야 해요",
    "must be a project's name of letters, digits, dots, dashes and underscores",
)
MIRROR_RULES: Mapping[str, rules.Rule] = {
    "tensorboard": rules.text,
    "trackio": _PROJECT,
    "wandb": rules.matching(
        r"([\w][\w.-]*/)?[\w][\w.-]{0,127}|",
        "프로젝트나 팀/프로젝트여야 해요",
        "must be a project, or TEAM/PROJECT",
    ),
    "wandb_online": rules.truth,
}
_NAME = rules.matching(
    r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "영문자, 숫자, 점, 줄표, 밑줄로 된 이름이어야 해요",
    "must be a name of letters, digits, dots, dashes and underscores",
)
_KEY_NAME = rules.matching(
    r"([A-Za-z_][A-Za-z0-9_]*)?",
    "`kullm keys set 이름`으로 넣은 키의 이름이어야 해요(키 자체가 아니에요)",
    "must be the name of a key stored with `kullm keys set NAME`, not the key itself",
)
_WORD = rules.matching(r"[\w.-]*", "빈칸 없는 낱말이어야 해요", "must be one word without blanks")
_SLURM_WORD = rules.matching(
    r"[\w.:,@/+-]*", "빈칸 없는 낱말이어야 해요", "must be one word without blanks"
)  # it stands in a batch script
ENDPOINT_RULES: Mapping[str, rules.Rule] = {"name": _NAME, "base_url": rules.web_address, "key": _KEY_NAME}
MACHINE_RULES: Mapping[str, rules.Rule] = {
    "name": _NAME,
    "ssh": rules.matching(
        r"[\w][\w.@%+-]*",
        "~/.ssh/config의 별칭이나 사용자@주소여야 해요(포트는 ~/.ssh/config에 적어요)",
        "must be an alias of ~/.ssh/config or user@address; a port belongs into ~/.ssh/config",
    ),
    "folder": rules.matching(
        r"(~/|/)[^\x00-\x1f]+", "~/나 /로 시작하는 폴더여야 해요", "must be a folder that begins with ~/ or /"
    ),
    "python": rules.matching(
        r"[^\x00-\x1f-][^\x00-\x1f]*", "실행 파일의 이름이나 경로여야 해요", "must be a program's name or path"
    ),
    "gpus": rules.matching(r"(\d{1,3}x)?[\w .-]*", "4xA100-80GB 같은 글이어야 해요", "must look like 4xA100-80GB"),
    "launcher": rules.one_of("detached", "slurm", *RENTED),
    "nodes": rules.whole(1, 64),
    "partition": _SLURM_WORD,
    "account": _SLURM_WORD,
    "time": _SLURM_WORD,
    "qos": _SLURM_WORD,
    "options": rules.texts,
    "price_per_hour": rules.number(0, 100_000),
    "notify": _KEY_NAME,
    "lock": rules.text,
    "wheels": rules.text,
    "flavor": _WORD,
    "image": rules.matching(
        r"[\w.:/@-]*", "컨테이너 이미지의 이름이어야 해요", "must be the name of a container's image"
    ),
    "namespace": _WORD,
    "hours": rules.number(0.25, 1000),
}
# Tables of which there may be several, told apart by their names, and what each must have.
ROWS: Mapping[str, tuple[Mapping[str, rules.Rule], tuple[str, ...]]] = {
    "endpoints": (ENDPOINT_RULES, ("name", "base_url")),
    "machines": (MACHINE_RULES, ("name",)),
}


SECTIONS: Mapping[str, Mapping[str, rules.Rule]] = {
    "engine": ENGINE_RULES,
    "judging": JUDGING_RULES,
    "mirrors": MIRROR_RULES,
}


def _config(table: Mapping[str, Any], faults: list[str]) -> Config:
    known = [*TOP_RULES, *SECTIONS, *ROWS]
    top = rules.checked(table, TOP_RULES, "", faults, known=known)
    engine, judging, mirrors = (_section(table, name, faults) for name in SECTIONS)
    return Config(
        **top,
        engine=EngineSettings(**engine),
        judging=JudgingSettings(**judging),
        mirrors=MirrorSettings(**mirrors),
        endpoints=tuple(EndpointSettings(**row) for row in _rows(table, "endpoints", faults)),
        machines=tuple(MachineSettings(**row) for row in _rows(table, "machines", faults)),
    )


def _section(table: Mapping[str, Any], name: str, faults: list[str]) -> dict[str, Any]:
    section = table.get(name, {})
    if not isinstance(section, dict):
        faults.append(f"{name}: {say(f'[{name}] 표여야 해요', f'must be a table, [{name}]')}")
        return {}
    return rules.checked(section, SECTIONS[name], f"{name}.", faults)


def _rows(table: Mapping[str, Any], kind: str, faults: list[str]) -> list[dict[str, Any]]:
    """Those without a fault."""
    rows, (row_rules, required) = table.get(kind, []), ROWS[kind]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append(f"{kind}: {say(f'[[{kind}]] 표여야 해요', f'must be tables, [[{kind}]]')}")
        return []
    found: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        where = f"{kind}[{number}]."
        values = rules.checked(row, row_rules, where, faults)
        needed = (*required, *_needed_besides(kind, row))
        faults += [f"{where}{key}: {say('빠져 있어요', 'is missing')}" for key in needed if key not in row]
        if values.get("name") in [other["name"] for other in found]:
            faults.append(f"{where}name: {say('앞의 것과 이름이 같아요', 'has the name of an earlier one')}")
        elif all(key in values for key in needed):
            found.append(values)
    return found


def _needed_besides(kind: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """A machine that is not rented has an address."""
    return ("ssh",) if kind == "machines" and row.get("launcher") not in RENTED else ()
