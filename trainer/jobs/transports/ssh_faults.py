"""Why a machine was not reached, told apart by what ssh said, each with what to do. ssh's own words are English everywhere.

MachineUnreachable            not there, or the way to it is cut: the job goes on all the same
├── HostKeyRefused            it shows another key than before, or one that nobody has agreed to
└── AccessRefused             it is there, and lets nobody in with these keys
"""

import re

from kullm_tui.core.errors import KullmError, NoSpace
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe

_NOISE = re.compile(r"^(Warning: Permanently added|Pseudo-terminal|ControlSocket .* already exists|debug\d:)")


class MachineUnreachable(KullmError):
    pass


class HostKeyRefused(MachineUnreachable):
    pass


class AccessRefused(MachineUnreachable):
    pass


def ssh_fault(machine: str, ssh: str, said: str) -> MachineUnreachable:
    said = terminal_safe(said)
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return HostKeyRefused(
            say(
                f"{machine}의 호스트 키가 전과 달라서 연결하지 않았어요. 서버를 다시 설치한 게 맞는지 관리자에게 확인한 다음, "
                f"`ssh-keygen -R 주소`로 옛 키를 지우고 다시 해 보세요.",
                f"{machine} shows another host key than before, so nothing was sent. Ask its administrator whether it was set up anew; "
                f"if so, remove the old key with `ssh-keygen -R ADDRESS` and try again.",
            )
        )
    if "Host key verification failed" in said:
        return HostKeyRefused(
            say(
                f"{machine}의 호스트 키를 아직 확인하지 않아서 연결하지 않았어요. 터미널에서 `ssh {ssh}`로 한 번 연결해 키를 확인하세요.",
                f"the host key of {machine} is not agreed to yet, so nothing was sent. Connect once by hand with `ssh {ssh}` and check it.",
            )
        )
    if any(
        sign in said for sign in ("Permission denied (", "Too many authentication failures", "No more authentication")
    ):
        return AccessRefused(
            say(
                f"{machine}에 로그인하지 못했어요. `ssh {ssh}`로 연결되는지 확인하고, 안 되면 ssh-add나 ssh-copy-id로 키를 준비하세요.",
                f"{machine} refused the login. See whether `ssh {ssh}` gets in; if not, get your key ready with ssh-add or ssh-copy-id.",
            )
        )
    if "Could not resolve hostname" in said:
        return MachineUnreachable(
            say(
                f"{machine}의 주소 '{ssh}'를 찾을 수 없어요. ~/.ssh/config의 별칭이나 주소를 확인하세요.",
                f"there is no host '{ssh}', where {machine} should be. Check the alias in ~/.ssh/config, or the address.",
            )
        )
    reason = last_words(said)
    return MachineUnreachable(
        say(
            f"{machine}에 연결하지 못했어요({reason or '응답 없음'}). 네트워크와 서버를 확인하고 다시 해 보세요. 돌고 있던 학습은 그대로 계속돼요.",
            f"{machine} was not reached ({reason or 'no answer'}). Check the network and the machine and try again; a job that runs there goes on.",
        )
    )


def last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _NOISE.match(line)]
    return lines[-1][:300] if lines else ""


def is_lost_connection(error: KullmError) -> bool:
    """Another try may get through."""
    return type(error) is MachineUnreachable


def no_python(machine: str, python: str) -> KullmError:
    return KullmError(
        say(
            f"{machine}에 {python}이 없어요. `kullm config set machines.{machine}.python 경로`로 Python(3.8 이상)의 경로를 정하세요.",
            f"there is no {python} on {machine}. Name its Python (3.8 or later) with `kullm config set machines.{machine}.python PATH`.",
        )
    )


def old_python(machine: str, python: str, version: str) -> KullmError:
    return KullmError(
        say(
            f"{machine}의 {python}은 {version}이에요. 3.8 이상이 필요해요. `kullm config set machines.{machine}.python 경로`로 다른 것을 정하세요.",
            f"{python} on {machine} is {version}; 3.8 or later is needed. Name another with `kullm config set machines.{machine}.python PATH`.",
        )
    )


def strange_answer(machine: str, code: int, said: str) -> KullmError:
    reason = terminal_safe(last_words(said)) or f"rc {code}"
    return KullmError(
        say(
            f"{machine}에서 kullm의 프로그램이 대답하지 않았어요({reason}). `kullm machines check {machine}`로 살펴보세요.",
            f"our program on {machine} did not answer ({reason}). Look at it with `kullm machines check {machine}`.",
        )
    )


def no_space(machine: str, folder: str) -> NoSpace:
    return NoSpace(
        say(
            f"{machine}의 디스크가 가득 찼어요: {folder}. 공간을 비우고 다시 하면 이어서 올려요.",
            f"the disk of {machine} is full: {folder}. Free some space and try again: what has come already is kept.",
        )
    )
