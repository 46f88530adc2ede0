"""What stands between a machine and a training: one finding a line, each with what to do about it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from trainer.jobs.client import Client
from trainer.jobs.environment import cuda_of, missing_packages

Level = Literal["ok", "note", "bad"]
_ROOM = 20 << 30
_INODES = 100_000
_SHARED = 1 << 30
_CLOCK_SECONDS = 60
_TRAINER_PYTHON = (3, 11)
_LEAST_DRIVER = {11: (450, 80), 12: (525, 60), 13: (580, 65)}  # by CUDA's version, from NVIDIA's release notes


@dataclass(frozen=True)
class Finding:
    """`bad`: a training would not run as it is."""

    level: Level
    what: str  # for programs
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Facts:
    """What the machine told of itself, and when it was asked on this computer's clock."""

    told: Mapping[str, Any]
    packages: Mapping[str, Any]  # of its `python`: {"version", "distributions"}; empty where there is none
    asked: float
    answered: float


def looked_at(client: Client, settings: MachineSettings, *, repositories: Sequence[str] = ()) -> Facts:
    """`repositories` of the hub that a job would need. KullmError where it is not reached."""
    client.hello()  # which may ask, and puts the agent there: no part of the time that is compared
    asked = time.time()
    told = client.preflight(pythons=[settings.python], repositories=list(repositories))
    answered = time.time()
    packages = client.installed([settings.python])["pythons"].get(settings.python) or {}
    return Facts(told, packages, asked, answered)


def finding_text(one: Finding) -> str:
    """A line for a person."""
    mark = {"ok": "✓", "note": "!", "bad": "✗"}[one.level]
    return f"{mark} {one.text}" + (f". {one.advice}" if one.advice else "")


def check(client: Client, settings: MachineSettings) -> Iterator[Finding]:
    """Each finding as soon as it is known; the Pythons, which take longest to look through, come last."""
    client.hello()
    asked = time.time()
    told = client.preflight(pythons=[settings.python], repositories=[])
    facts = Facts(told, {}, asked, time.time())
    yield from (*_way(facts), *_room(facts, settings), *_system(facts, settings))
    packages = client.installed([settings.python])["pythons"].get(settings.python) or {}
    facts = replace(facts, packages=packages)
    yield from (*_cards(facts), *_python(facts, settings))


def findings(facts: Facts, settings: MachineSettings) -> list[Finding]:
    return [
        *_way(facts),
        *_python(facts, settings),
        *_cards(facts),
        *_room(facts, settings),
        *_system(facts, settings),
    ]


def _way(facts: Facts) -> Iterator[Finding]:
    told = facts.told
    where = f"{told['user']}@{told['host']}"
    inside = say(", 컨테이너 안", ", in a container") if told.get("container") else ""
    yield Finding(
        "ok",
        "ssh",
        say(f"연결: {where}{inside}, 폴더 {told['root']}", f"reached {where}{inside}, folder {told['root']}"),
    )
    if told.get("rsync"):
        yield Finding("ok", "rsync", "rsync")
    else:
        yield Finding(
            "note",
            "rsync",
            say("rsync가 없어서 파일을 느리게 보내요", "no rsync: files are sent in a slower way"),
            say("관리자에게 rsync 설치를 부탁하세요", "ask for rsync to be installed"),
        )
    offset = facts.told["clock"] - (facts.asked + facts.answered) / 2
    if abs(offset) > _CLOCK_SECONDS:
        yield Finding(
            "note",
            "clock",
            say(f"시계가 {offset:+,.0f}초 달라요", f"its clock differs by {offset:+,.0f} s"),
            say("학습에는 상관없어요", "no training minds"),
        )


def _python(facts: Facts, settings: MachineSettings) -> Iterator[Finding]:
    told, name = facts.told, settings.name
    ready = facts.packages and not missing_packages(facts.packages)
    if ready:
        version = facts.packages["distributions"].get("torch")
        yield Finding(
            "ok",
            "python",
            say(
                f"{settings.python}: 학습할 준비가 됐어요(torch {version})",
                f"{settings.python} is ready to train (torch {version})",
            ),
        )
        return
    able = [one for one in told["pythons"] if tuple(one["version"][:2]) >= _TRAINER_PYTHON and one["venv"]]
    if told.get("uv") or able:
        how = "uv" if told.get("uv") else f"{able[0]['path']} -m venv"
        yield Finding(
            "ok", "python", say(f"환경을 처음에 한 번 만들어요: {how}", f"an environment will be made once, with {how}")
        )
        return
    newest = max((tuple(one["version"]) for one in told["pythons"]), default=())
    version = ".".join(map(str, newest)) or "?"
    yield Finding(
        "bad",
        "python",
        say(
            f"Python이 오래됐어요({version}). 학습에는 3.11 이상이 필요해요",
            f"its Python is old ({version}); a training needs 3.11 or later",
        ),
        say(
            f"uv를 설치하거나(pip install --user uv), 3.11 이상을 `kullm config set machines.{name}.python 경로`로 정하세요",
            f"install uv there (pip install --user uv), or name a newer one: kullm config set machines.{name}.python PATH",
        ),
    )


def _cards(facts: Facts) -> Iterator[Finding]:
    cards: Sequence[Mapping[str, Any]] = facts.told["cards"]
    if not cards:
        yield Finding(
            "note",
            "gpu",
            say(
                f"GPU가 없어요. 코어 {facts.told['cores']}개로 학습해요",
                f"no GPU: it trains on {facts.told['cores']} cores",
            ),
            say(
                "GPU가 있어야 한다면 그곳에서 nvidia-smi를 실행해 보세요",
                "if there should be one, try nvidia-smi there",
            ),
        )
        return
    first = cards[0]
    size = size_text(int(first["total_mib"]) << 20)
    yield Finding(
        "ok", "gpu", say(f"GPU {len(cards)}개: {first['name']}, {size}", f"{len(cards)} GPUs: {first['name']}, {size}")
    )
    yield from _driver(str(first["driver"]), cuda_of(facts.packages))
    yield from (occupied for card in cards if (occupied := _occupied(card)))


def _driver(driver: str, cuda: int) -> Iterator[Finding]:
    least = _LEAST_DRIVER.get(cuda)
    numbers = tuple(int(part) for part in driver.split(".")[:2] if part.isdigit())
    if least and numbers and numbers < least:
        wanted = ".".join(map(str, least))
        yield Finding(
            "bad",
            "driver",
            say(
                f"드라이버 {driver}은 CUDA {cuda}의 torch에 오래됐어요({wanted} 이상)",
                f"driver {driver} is too old for torch with CUDA {cuda} ({wanted} or later)",
            ),
            say(
                "드라이버를 업데이트하거나, 더 오래된 CUDA의 torch를 lock이나 wheels로 정하세요",
                "have the driver updated, or give a torch for an older CUDA by the machine's lock or wheels",
            ),
        )


def _occupied(card: Mapping[str, Any]) -> Finding | None:
    who = ", ".join(
        say(
            f"{one['owner'] or '다른 컨테이너'} {one['pid']}번 {one['mib'] / 1024:.1f}GB",
            f"{one['owner'] or 'another container'} pid {one['pid']} {one['mib'] / 1024:.1f} GB",
        )
        for one in card["occupants"]
    )
    if not who:
        return None
    return Finding(
        "note",
        "occupied",
        say(f"GPU {card['index']} 사용 중: {who}", f"GPU {card['index']} is in use: {who}"),
        say("--wait-gpus를 붙이면 빌 때까지 기다려요", "--wait-gpus waits until it is free"),
    )


def _room(facts: Facts, settings: MachineSettings) -> Iterator[Finding]:
    told, free = facts.told, int(facts.told["free"])
    elsewhere = say(
        f"비우거나 `kullm config set machines.{settings.name}.folder 폴더`로 다른 디스크를 쓰세요",
        f"free some, or use another disk: kullm config set machines.{settings.name}.folder FOLDER",
    )
    low = free < _ROOM
    text = say(f"디스크 {size_text(free)} 비어 있음", f"{size_text(free)} of disk free")
    yield Finding("note" if low else "ok", "disk", text, elsewhere if low else "")
    inodes = told.get("inodes")
    if inodes is not None and inodes < _INODES:
        yield Finding(
            "bad" if inodes < 1000 else "note",
            "inodes",
            say(f"inode가 {inodes:,}개 남았어요", f"{inodes:,} inodes left"),
            elsewhere,
        )
    shared = told.get("shm")
    if told["cards"] and shared is not None and shared < _SHARED:
        yield Finding(
            "note",
            "shm",
            say(f"/dev/shm이 {size_text(shared)}뿐이에요", f"/dev/shm has {size_text(shared)}"),
            say("컨테이너라면 --shm-size=8g로 시작하세요", "a container is to be started with --shm-size=8g"),
        )


def _system(facts: Facts, settings: MachineSettings) -> Iterator[Finding]:
    told = facts.told
    login = told["login"]
    if settings.launcher != "slurm" and login["kills"] and not login["lingers"]:
        yield Finding(
            "bad",
            "linger",
            say(
                "로그아웃하면 systemd가 학습을 끝내요(KillUserProcesses)",
                "systemd ends a training at logout (KillUserProcesses)",
            ),
            say(
                f"그곳에서 `loginctl enable-linger {told['user']}`를 실행하세요",
                f"run there: loginctl enable-linger {told['user']}",
            ),
        )
    if told.get("hub") is False:
        yield Finding(
            "note",
            "hub",
            say("Hugging Face Hub에 닿지 않아요", "the Hugging Face Hub is out of its reach"),
            say(
                "이 컴퓨터에 받아 둔 베이스를 올려서 써요. 환경은 `--wheels 폴더`로 만드세요",
                "a base that is on this computer is uploaded; make the environment with --wheels FOLDER",
            ),
        )
    if settings.launcher == "slurm" and not told.get("sbatch"):
        yield Finding(
            "bad",
            "slurm",
            say("sbatch가 없어요", "there is no sbatch"),
            say(
                f"Slurm의 로그인 노드를 ssh로 정하거나 `kullm config set machines.{settings.name}.launcher detached`를 쓰세요",
                f"name a login node of the cluster, or: kullm config set machines.{settings.name}.launcher detached",
            ),
        )
