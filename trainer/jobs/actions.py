"""What may be done with a job, wherever it runs: asked of its machine, and said whether it came to pass. Screens and the shell call these."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError, KullmError, UsageError
from kullm_tui.core.language import say
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import discard, publish
from trainer.jobs.client import Client, JobRefused
from trainer.jobs.directory import read_spec
from trainer.jobs.overview import take
from trainer.jobs.reach import Reach, finish_dispatch, secrets_of
from trainer.jobs.registry import KnownJob, directory_of, known_in, known_jobs, put_down
from trainer.jobs.start_here import local_launch, machine_here
from trainer.jobs.trackers.begin import end_all, go_along
from trainer.recipe import Recipe, recipe_from

_POLL_SECONDS = 0.3
_END_SECONDS = 180.0  # beyond the grace: what a supervisor takes for its sweep and its last word
SAVING_SECONDS = 3600.0  # to finish a micro-batch and write a checkpoint
_LEFT_AS_IT_IS = (*states.LIVE, states.SUCCEEDED)
_BEFORE_ANY = ("", states.DRAFT, states.STAGING, states.STAGED)


def shown(job: KnownJob, client: Client) -> KnownJob:
    """The job as its machine has it now."""
    return take(job, client.show(job.id))


def checked_spec(job: KnownJob) -> tuple[dict[str, Any], Recipe]:
    """ConfigError for one of a newer version, one that is broken, or one whose recipe is not what was asked for."""
    spec = read_spec(job.directory)
    recipe = recipe_from(spec.get("recipe") or {})
    if spec.get("digest") not in (None, recipe.digest):
        raise ConfigError(
            say(
                f"{job.id} 학습의 spec.json을 누가 고쳤어요. 설정을 바꾸려면 되돌린 뒤 `kullm jobs clone {job.id} --set 항목=값`으로 새 학습을 만드세요.",
                f"the spec.json of {job.id} was changed by hand. To change a setting, put it back and make a new job: `kullm jobs clone {job.id} --set key=value`.",
            )
        )
    return spec, recipe


def asked_recipe(job: KnownJob) -> Recipe:
    """As it was asked for here: in the spec of a job elsewhere files have the places that they have there."""
    spec, recipe = checked_spec(job)
    return recipe_from(spec["asked"]) if spec.get("asked") else recipe


@dataclass(frozen=True)
class Started:
    start: int  # the number of the start that is under way
    fresh: bool  # False: it ran already


def resume(job: KnownJob, client: Client, *, on: str = "") -> Started:
    """The one way to go on: from the newest whole checkpoint, or from nought. What runs already is left to run, and what came to its end
    is left at it."""
    spec, recipe = checked_spec(job)
    if not job.machine:
        return _resume_here(job, client, on or str(spec.get("on") or ""))
    try:
        facts = client.show(job.id)
    except JobRefused as error:
        raise _not_arrived(job, recipe) if error.kind == "no such job" else error from error
    job, launch = take(job, facts), facts.get("launch") or {}
    if not launch:
        raise _not_arrived(job, recipe)
    state = facts["state"]
    begun = int(state.get("start") or 0)
    if state.get("state") in _LEFT_AS_IT_IS:
        return Started(begun, fresh=False)
    number = max(begun, int(launch.get("start") or 0)) + (begun > 0)
    client.start(job.id, {**launch, "start": number}, secrets_of(job))
    return _begun(job, client, number)


def go_on(
    job: KnownJob, client: Client, *, note: Callable[[str], None], progress: Callable[[str], None], on: str = ""
) -> Started:
    """Whatever held it up: an interrupted way to its machine is finished, else the job itself resumed."""
    if start := finish_dispatch(job, client, note, progress):
        return Started(start, fresh=True)
    return resume(job, client, on=on)


def _resume_here(job: KnownJob, client: Client, on: str) -> Started:
    state = client.show(job.id)["state"]
    if state.get("state") in _LEFT_AS_IT_IS:
        return Started(int(state.get("start") or 0), fresh=False)
    launch = local_launch(job.directory, machine_here(on))
    client.start(job.id, launch)
    return _begun(job, client, int(launch["start"]))


def _begun(job: KnownJob, client: Client, number: int) -> Started:
    """KullmError where no supervisor took the job: whoever waits for that start would wait for ever."""
    state = shown(job, client).state
    if int(state.get("start") or 0) < number and state.get("state") != states.QUEUED:
        log = job.directory.supervisor_log.relative_to(job.directory.path)
        where = job.place.get("path") or job.directory.path
        raise KullmError(
            say(
                f"학습을 돌볼 프로세스가 바로 끝났어요. 기록을 확인하세요: {where}/{log}",
                f"the process that looks after the job ended at once. See its log: {where}/{log}",
            )
        )
    go_along(job.directory)
    return Started(number, fresh=True)


def _not_arrived(job: KnownJob, recipe: Recipe) -> KullmError:
    """A dispatch that was interrupted before anything could start."""
    return KullmError(
        say(
            f"{job.id} 학습은 {job.machine}에 다 올라가지 않았어요. 다시 올려 시작하세요: kullm jobs clone {job.id}",
            f"{job.id} ({recipe.name}) has not all come to {job.machine}. Send it again: kullm jobs clone {job.id}",
        )
    )


def require_unfinished(job: KnownJob) -> None:
    """UsageError for one that is done; another that failed, was lost, or never began is begun again by `resume`."""
    if job.state.get("state") == states.SUCCEEDED:
        raise UsageError(
            say(
                f"{job.name or job.id} 학습은 이미 끝났어요. 결과를 받으려면: kullm jobs fetch {job.id}",
                f"{job.name or job.id} is done already. To have what it made: kullm jobs fetch {job.id}",
            )
        )


def cancel(
    job: KnownJob, client: Client, *, now: bool = False, told: Callable[[Mapping[str, Any]], None] = lambda _state: None
) -> dict[str, Any]:
    """Its last state, once there is proof: that nothing of it is left, or what is. KullmError where that does not come."""
    state = client.show(job.id)["state"]
    if str(state.get("state") or "") in _BEFORE_ANY:
        raise JobRefused(say(f"{job.id} 학습은 아직 시작되지 않았어요.", f"{job.id} has not begun."), kind="not begun")
    if not states.is_terminal(state):
        state = client.cancel(job.id, grace=0.0 if now else None)
    grace = 0.0 if now else float((client.show(job.id).get("launch") or {}).get("grace") or 120.0)
    deadline = time.monotonic() + grace + _END_SECONDS
    while not states.is_terminal(state):
        told(state)
        if time.monotonic() > deadline:
            raise KullmError(
                say(
                    f"{job.id} 학습이 아직 멈추지 않았어요. 바로 끝내려면: kullm jobs cancel {job.id} --now",
                    f"{job.id} has not stopped yet. To end it at once: kullm jobs cancel {job.id} --now",
                )
            )
        time.sleep(_POLL_SECONDS)
        state = client.show(job.id)["state"]
    shown(job, client)
    return dict(state)


def require_nothing_left(job: KnownJob, state: Mapping[str, Any]) -> None:
    """KullmError for a job that was stopped while processes of it go on."""
    if state.get("state") == states.CANCEL_INCOMPLETE:
        left = ", ".join(map(str, state.get("survivors") or ()))
        raise KullmError(
            say(
                f"{job.name} 학습을 멈췄지만 남은 프로세스가 있어요: {left}. 그 장비에서 끝내 주세요.",
                f"{job.name} was stopped, but processes of it are left: {left}. End them on its machine.",
            )
        )


def require_waiting(job: KnownJob, client: Client) -> None:
    """JobRefused for one that does not wait in a queue."""
    if client.show(job.id)["state"].get("state") != states.QUEUED:
        raise JobRefused(
            say(
                f"{job.name or job.id} 학습은 기다리고 있지 않아요. `kullm jobs list`로 상태를 확인하세요.",
                f"{job.name or job.id} is not waiting. See its state with `kullm jobs list`.",
            ),
            kind="not waiting",
        )


def adopt(machine: str, client: Client) -> list[KnownJob]:
    """The machine's jobs that this computer did not know, known from now on. What is known already stays as it is."""
    known = {job.id for job in known_jobs()}
    found = []
    for facts in client.list()["jobs"]:
        name = str(facts.get("id") or "")
        if name in known or not name.isalnum() or not isinstance(facts.get("spec"), dict):
            continue
        directory = JobDirectory(paths.private_dir(directory_of(name).path))
        put_down(directory, machine=machine, path=facts.get("path"))
        publish(directory.spec, facts["spec"])
        found.append(take(known_in(directory), facts))
    return found


def remove(job: KnownJob, client: Client | None) -> None:
    """There and here; without a client only here. What still runs is refused by its machine."""
    if client is not None:
        try:
            client.remove(job.id)
        except JobRefused as error:
            if error.kind != "no such job":
                raise
    end_all(job.directory)
    discard(job.directory.path)


def remote_directory(job: KnownJob, client: Client) -> str:
    """Where its machine keeps it."""
    return str(job.place.get("path") or client.show(job.id)["path"])


def client_for(job: KnownJob, reach: Reach) -> Client:
    """For a spec that this version cannot read nothing is asked of anybody."""
    read_spec(job.directory)
    return reach(job.machine)
