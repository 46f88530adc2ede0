"""What `kullm doctor` looks at. A check does not repair anything, and torch is not imported."""

import locale
import os
import platform
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.config.keys import get_key, list_keys
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.endpoint import is_outside
from kullm_tui.core.endpoints.local_engine import running_engine
from kullm_tui.core.errors import KullmError
from kullm_tui.core.extras import installs, lacking_local
from kullm_tui.core.hub.cache import hub_cache, hub_home
from kullm_tui.core.hub.errors import hub_endpoint
from kullm_tui.core.language import say
from kullm_tui.core.memory import free_host_memory
from kullm_tui.core.processor import SETTING, Processor, forced_path
from kullm_tui.core.processor import processor as own_processor
from kullm_tui.core.store.database import file_system_of
from kullm_tui.core.store.store import Store
from kullm_tui.doctor import torch_build

Verdict = Literal["fine", "notice", "problem"]

_LOCAL_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors")
_LEVEL_NAMES = {"avx512-bf16": "AVX512-BF16", "avx512": "AVX-512", "avx2": "AVX2"}
_NARROWEST = 80
_LEAST_DISK_GB = 10
_LEAST_MEMORY_GB = 6


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Check:
    korean: str
    english: str
    look: Callable[[], Finding]

    @property
    def subject(self) -> str:
        return say(self.korean, self.english)

    def run(self) -> Finding:
        """What cannot even be looked at is a problem."""
        try:
            return self.look()
        except (KullmError, OSError) as error:
            return Finding("problem", str(error))


def word(verdict: Verdict) -> str:
    return {"fine": say("정상", "fine"), "notice": say("주의", "notice"), "problem": say("문제", "problem")}[verdict]


def python() -> Finding:
    supported = (3, 11) <= sys.version_info < (3, 14)
    text = f"{platform.python_version()} ({sys.executable})"
    return Finding("fine" if supported else "problem", text)


def packages() -> Finding:
    if missing := ", ".join(lacking_local()):
        return Finding(
            "notice",
            say(
                f"없는 패키지: {missing}. 이 컴퓨터에서 모델을 돌리려면 {installs('local')}",
                f"missing: {missing}. To run models here: {installs('local')}",
            ),
        )
    return Finding("fine", ", ".join(f"{name} {metadata.version(name)}" for name in _LOCAL_PACKAGES))


def processor() -> Finding:
    """The path that serves, and what would be faster."""
    own = own_processor()
    name, count = platform.machine(), os.cpu_count() or 1
    path = _LEVEL_NAMES.get(own.level) or say("AVX2 없음", "no AVX2")
    found = say(f"{name}, 코어 {count}, {path}", f"{name}, {count} cores, {path}")
    if forced_path():
        found += f" ({SETTING}={forced_path()})"
    faster = _faster(own)
    if faster:
        return Finding("notice", _joined(found, faster))
    return Finding("fine", say(f"{found}, C 컴파일러 있음", f"{found}, with a C compiler"))


def _faster(own: Processor) -> str:
    if own.level == "plain":
        return say(
            "CPU에서 4비트가 느려요. llama.cpp 서버를 엔드포인트로 쓰는 편이 빨라요.",
            "4-bit is slow on this CPU. A llama.cpp server as an endpoint is faster.",
        )
    if own.compiler is None:
        return say(
            "C 컴파일러가 없어요. 설치하면(sudo apt install gcc) CPU에서 답변이 빨라져요.",
            "no C compiler. With one (sudo apt install gcc) replies on the CPU come faster.",
        )
    if own.level == "avx2":  # docs/experiments.md, "Other processors"
        return say(
            "이 CPU에서는 llama.cpp 서버가 두 배쯤 빨라요. 켜 두면 F8에서 고를 수 있어요.",
            "On this CPU a llama.cpp server is about twice as fast. Where one runs, F8 offers it.",
        )
    return ""


def graphics() -> Finding:
    command = shutil.which("nvidia-smi")
    if command is None:
        none = say("NVIDIA GPU 없음, CPU로 돌려요", "no NVIDIA GPU, models run on the CPU")
        return _with_fault(none, torch_build.fault(torch_build.installed(), None))
    try:
        answer = subprocess.run(
            [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=15,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(
            "notice", say(f"nvidia-smi가 답하지 않아요: {cause_of(error)}", f"nvidia-smi does not answer: {error}")
        )
    cards = answer.stdout.strip().splitlines()
    driver = cards[0].rpartition(", ")[2] if cards else None
    return _with_fault(" / ".join(cards), torch_build.fault(torch_build.installed(), driver))


def _with_fault(found: str, fault: str) -> Finding:
    return Finding("notice", _joined(found, fault)) if fault else Finding("fine", found)


def memory() -> Finding:
    available = free_host_memory()
    if available is None:
        return Finding("fine", say("알 수 없음", "unknown"))
    free = available / 1e9
    verdict: Verdict = "fine" if free >= _LEAST_MEMORY_GB else "notice"
    hint = (
        say("5.8B를 4비트로 쓰기에는 부족해요", "too little for a 5.8B model in 4-bit") if verdict == "notice" else ""
    )
    return Finding(verdict, _joined(say(f"{free:.1f} GB 사용 가능", f"{free:.1f} GB available"), hint))


def disk() -> Finding:
    places = {"kullm": _nearest_folder(paths.config_file().parent), "Hugging Face": _nearest_folder(hub_cache())}
    free = {name: shutil.disk_usage(folder).free / 1e9 for name, folder in places.items()}
    verdict: Verdict = "fine" if min(free.values()) >= _LEAST_DISK_GB else "notice"
    listed = ", ".join(
        say(f"{name} {size:.0f} GB 남음 ({places[name]})", f"{name} {size:.0f} GB free ({places[name]})")
        for name, size in free.items()
    )
    hint = say("12.8B를 내려받기에는 부족할 수 있어요", "a large model may not fit") if verdict == "notice" else ""
    return Finding(verdict, _joined(listed, hint))


def hub() -> Finding:
    try:
        has_token = get_key("HF_TOKEN") is not None
    except KullmError:
        has_token = False
    has_token = has_token or _hub_token_file().is_file()
    token = (
        say("토큰 있음", "token there")
        if has_token
        else say("토큰 없음(공개 모델에는 필요 없음)", "no token (public models need none)")
    )
    return Finding("fine", f"{hub_endpoint()}, {token}")


def configuration() -> Finding:
    config = load_config()
    bare = [e.name for e in config.endpoints if e.key and e.base_url.startswith("http:") and is_outside(e.base_url)]
    if bare:
        names = ", ".join(bare)
        return Finding(
            "notice",
            say(f"키가 암호화되지 않은 http로 나가요: {names}", f"keys travel over plain http: {names}"),
        )
    file = paths.config_file()
    return Finding("fine", str(file) if file.exists() else say(f"기본값 ({file} 없음)", f"defaults (no {file})"))


def keys() -> Finding:
    file = paths.keys_file()
    names = ", ".join(key.name for key in list_keys())
    if file.exists() and file.stat().st_mode & 0o077:
        return Finding(
            "problem",
            say(
                f"다른 사람도 키 파일을 읽을 수 있어요: chmod 600 {file}",
                f"others can read the key file: chmod 600 {file}",
            ),
        )
    return Finding("fine", names or say("없음", "none"))


def home() -> Finding:
    """A folder that was there before kullm keeps its mode: whether to close it is its owner's choice."""
    folders = dict.fromkeys((paths.state_dir(), paths.config_file().parent))
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in folders if folder.exists()}
    listed = ", ".join(f"{folder} ({mode:o})" for folder, mode in modes.items())
    opened = ", ".join(f"{folder} ({mode:o})" for folder, mode in modes.items() if mode & 0o077)
    if opened:
        return Finding(
            "notice",
            say(
                f"다른 사람도 볼 수 있는 폴더예요: {opened}. 막으려면 chmod 700",
                f"others can look into it: {opened}. To close it: chmod 700",
            ),
        )
    return Finding("fine", listed)


def conversations() -> Finding:
    with closing(Store(paths.database_file())) as store:
        notice = store.notice
    kind = file_system_of(paths.database_file())
    return Finding("notice" if notice else "fine", notice or f"SQLite {sqlite3.sqlite_version}, WAL {kind}".strip())


def engine() -> Finding:
    state = running_engine()
    text = (
        say(f"실행 중 (pid {state.pid})", f"running (pid {state.pid})")
        if state
        else say("실행 중이 아님", "not running")
    )
    return Finding("fine", text)


def terminal() -> Finding:
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") != "utf8":
        return Finding(
            "problem",
            say(
                f"로캘의 문자 집합: {encoding}. 고치려면 export LANG=ko_KR.UTF-8",
                f"the locale is {encoding}: export LANG=en_US.UTF-8",
            ),
        )
    if not sys.stdout.isatty():
        return Finding("fine", say("UTF-8, 터미널이 아님", "UTF-8, not a terminal"))
    width = shutil.get_terminal_size().columns
    colours = _colours()
    text = say(f"UTF-8, 폭 {width}, {colours}", f"UTF-8, {width} columns, {colours}")
    return Finding("fine" if width >= _NARROWEST else "notice", text)


CHECKS: tuple[Check, ...] = (
    Check("폴더", "folder", home),
    Check("Python", "Python", python),
    Check("로컬 모델", "local models", packages),
    Check("CPU", "CPU", processor),
    Check("GPU", "GPU", graphics),
    Check("메모리", "memory", memory),
    Check("디스크", "disk", disk),
    Check("Hugging Face", "Hugging Face", hub),
    Check("설정", "configuration", configuration),
    Check("키", "keys", keys),
    Check("대화", "conversations", conversations),
    Check("엔진", "engine", engine),
    Check("터미널", "terminal", terminal),
)


def _colours() -> str:
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return say("1600만 색", "16 million colours")
    return (
        say("256색", "256 colours") if "256" in os.environ.get("TERM", "") else say("16색 이하", "16 colours or fewer")
    )


def _hub_token_file() -> Path:
    chosen = os.environ.get("HF_TOKEN_PATH")
    return paths.typed(chosen) if chosen else hub_home() / "token"


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _joined(text: str, hint: str) -> str:
    return f"{text}: {hint}" if hint else text
