"""What may be asked of a machine, in this program's words: the agent's verbs as methods, its refusals as errors for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.errors import KullmError, NoSpace
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.jobs.transports import Transport

_FULL = (28, 122)  # ENOSPC, EDQUOT


class JobRefused(KullmError):
    """`kind` as the agent names it."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Client:
    machine: str  # its name; empty: this one
    transport: Transport

    def hello(self) -> dict[str, Any]:
        return self._ask("hello")

    def stage(self, job: str, spec: Mapping[str, Any], past: str = "") -> str:
        """Its directory on the machine. `past`: the digest of a tree with what an earlier machine had of it."""
        more = {"past": past} if past else {}
        return str(self._ask("stage", id=job, spec=spec, **more)["path"])

    def start(
        self, job: str, launch: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """`launch` and `secrets` for a start that was not asked for yet; exactly one process, however often this is called."""
        return self._ask("start", id=job, launch=launch, secrets=secrets)

    def show(self, job: str) -> dict[str, Any]:
        return self._ask("show", id=job)

    def list(self) -> dict[str, Any]:
        return self._ask("list")

    def cancel(self, job: str, *, grace: float | None = None) -> dict[str, Any]:
        more = {} if grace is None else {"grace": grace}
        return dict(self._ask("cancel", id=job, **more)["state"])

    def hold(self, job: str, *, held: bool) -> None:
        self._ask("hold", id=job, held=held)

    def move(self, job: str, place: int) -> Sequence[str]:
        return list(self._ask("move", id=job, place=place)["queue"])

    def remove(self, job: str) -> None:
        self._ask("remove", id=job)

    def artifacts(self, job: str) -> dict[str, Any]:
        return self._ask("artifacts", id=job)

    def preflight(self, **asked: Any) -> dict[str, Any]:
        return self._ask("preflight", **asked)

    def installed(self, pythons: Sequence[str], environments: Sequence[str] = ()) -> dict[str, Any]:
        return self._ask("installed", pythons=pythons, environments=environments)

    def missing(self, files: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
        """By digest, how much of each has come; what is there whole is not named."""
        return dict(self._ask("missing", files=files)["missing"])

    def settle(
        self, python: str, path: str, recipe: Mapping[str, Any], ranks: int, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """What a recipe leaves to the machine, by the trainer's own code over there."""
        asked = {"python": python, "path": path, "recipe": recipe, "ranks": ranks, "environment": environment}
        return dict(self._ask("settle", **asked)["recipe"])

    def accept(self, digest: str, files: Sequence[Mapping[str, Any]]) -> str:
        """What has come is verified and becomes a tree: its folder there."""
        return str(self._ask("accept", digest=digest, files=files)["path"])

    def _ask(self, verb: str, **question: Any) -> dict[str, Any]:
        answer = self.transport.call(verb, question)
        fault = answer.get("error")
        if isinstance(fault, dict):
            raise self._refused(fault)
        return answer

    def _refused(self, fault: Mapping[str, Any]) -> KullmError:
        kind, job = str(fault.get("kind")), str(fault.get("id") or "")
        where = self.machine or say("이 컴퓨터", "this machine")
        if kind == "os":
            return self._failed(fault, where)
        sentences = {
            "no such job": say(f"{job} 학습이 {where}에 없어요.", f"there is no job {job} on {where}."),
            "newer": say(
                f"{job} 학습은 더 새로운 kullm이 만들었어요. kullm을 업데이트하세요.",
                f"{job} was made by a newer kullm. Update this one.",
            ),
            "another spec": say(
                f"{job} 학습의 spec.json이 달라요. 누가 고친 것 같아요. `kullm jobs clone`으로 새 학습을 만드세요.",
                f"the spec.json of {job} is another one: somebody seems to have changed it. Make a new job with `kullm jobs clone`.",
            ),
            "not staged": say(f"{job} 학습이 아직 다 올라가지 않았어요.", f"{job} is not uploaded yet."),
            "not waiting": say(f"{job} 학습은 기다리고 있지 않아요.", f"{job} is not waiting."),
            "still runs": say(
                f"{job} 학습이 아직 돌고 있어요. 먼저 `kullm jobs cancel {job}`로 멈추세요.",
                f"{job} still runs. Stop it first with `kullm jobs cancel {job}`.",
            ),
            "survivors": say(
                f"{job} 학습의 프로세스가 남아 있어요: {fault.get('pids')}",
                f"processes of {job} are left: {fault.get('pids')}",
            ),
            "damaged": say(
                f"{where}에 온 파일이 보낸 것과 달라요. 다시 하면 새로 보내요.",
                f"a file that came to {where} is not what was sent. Try again: it is sent anew.",
            ),
            "settle": say(
                f"{where}에서 학습을 준비하지 못했어요: {fault.get('message')}",
                f"the training was not made ready on {where}: {fault.get('message')}",
            ),
            "slurm": say(f"Slurm이 거절했어요: {fault.get('message')}", f"Slurm refused: {fault.get('message')}"),
        }
        return JobRefused(terminal_safe(sentences.get(kind, f"{where}: {kind}")), kind=kind)

    def _failed(self, fault: Mapping[str, Any], where: str) -> KullmError:
        reason, path = terminal_safe(str(fault.get("message"))), terminal_safe(str(fault.get("path")))
        if fault.get("errno") in _FULL:
            return NoSpace(
                say(
                    f"{where}의 디스크가 가득 찼어요: {path}. 공간을 비우고 다시 해 보세요.",
                    f"the disk of {where} is full: {path}. Free some space and try again.",
                )
            )
        return KullmError(
            say(f"{where}에서 하지 못했어요({reason}): {path}", f"{where} could not do it ({reason}): {path}")
        )
