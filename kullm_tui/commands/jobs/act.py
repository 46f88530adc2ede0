"""`kullm jobs follow|cancel|hold|…|remove`: what is asked of a job's machine, and what came of it."""

import argparse
from collections.abc import Mapping
from typing import Any

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.reach import client_of
from kullm_tui.commands.jobs.ending import fetched_and_kept, watched
from kullm_tui.commands.jobs.follow import Follower
from kullm_tui.commands.train.run import started_and_followed
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from trainer.jobs import actions
from trainer.jobs.actions import client_for
from trainer.jobs.agent import states
from trainer.jobs.client import Client
from trainer.jobs.overview import standing
from trainer.jobs.registry import KnownJob, known_job
from trainer.jobs.text import reason_text, state_text
from trainer.recipe import recipe_with


def _named(args: argparse.Namespace) -> tuple[KnownJob, Client]:
    job = known_job(args.job)
    return job, client_for(job, client_of)


def _as_json(job: KnownJob, args: argparse.Namespace) -> int:
    """How it stands now."""
    if args.json:
        print(terminal_safe_json(standing(job.again()).row()))
    return 0


def follow(args: argparse.Namespace) -> int:
    """Ctrl-c ends the watching alone."""
    job, client = _named(args)
    narration = Narration()
    job = actions.shown(job, client)
    if str(job.state.get("state") or "") in ("", states.STAGED, states.STAGING):
        raise UsageError(
            say(
                f"{job.name or job.id} 학습은 아직 시작되지 않았어요. 시작하려면: kullm jobs retry {job.id}",
                f"{job.name or job.id} has not begun. To start it: kullm jobs retry {job.id}",
            )
        )
    follower = Follower(job, client, narration, whole=True)
    return watched(job, client, follower, int(job.state.get("start") or 0), narration, as_json=args.json)


def cancel(args: argparse.Namespace) -> int:
    job, client = _named(args)
    narration = Narration()

    def told(state: Mapping[str, Any]) -> None:
        narration.progress(say("멈추는 중 …", "stopping …") + f" {state_text(str(state.get('state')))}")

    state = actions.cancel(job, client, now=args.now, told=told)
    narration.clear()
    _as_json(job, args)
    actions.require_nothing_left(job, state)
    if state["state"] == states.CANCELLED:
        narration.note(
            say(
                f"{job.name} 학습을 멈췄어요. 남은 프로세스가 없어요. 이어서 하려면: kullm jobs resume {job.id}",
                f"{job.name} was stopped; nothing of it is left. To go on: kullm jobs resume {job.id}",
            )
        )
        return 0
    what = state_text(str(state["state"]))
    why = reason_text(state) if state["state"] in (states.FAILED, states.LOST) else ""
    narration.note(
        say(f"{job.name} 학습은 이미 끝나 있어요: ", f"{job.name} had ended already: ") + what + (why and f" ({why})")
    )
    return 0


def hold(args: argparse.Namespace) -> int:
    job, client = _named(args)
    actions.require_waiting(job, client)
    client.hold(job.id, held=True)
    Narration().note(
        say(
            f"{job.name} 학습을 보류했어요. 풀려면: kullm jobs release {job.id}",
            f"{job.name} is held. To let it go on: kullm jobs release {job.id}",
        )
    )
    return _as_json(job, args)


def release(args: argparse.Namespace) -> int:
    job, client = _named(args)
    actions.require_waiting(job, client)
    client.hold(job.id, held=False)
    Narration().note(say(f"{job.name} 학습이 다시 차례를 기다려요.", f"{job.name} waits for its turn again."))
    return _as_json(job, args)


def move(args: argparse.Namespace) -> int:
    if args.place < 1:
        raise UsageError(say("자리는 1부터예요.", "Places begin with 1."))
    job, client = _named(args)
    order = client.move(job.id, args.place)
    place = order.index(job.id) + 1
    Narration().note(say(f"{job.name} 학습은 이제 {place}번째예요.", f"{job.name} has place {place} in the queue now."))
    return _as_json(actions.shown(job, client), args)


def resume(args: argparse.Namespace) -> int:
    job, client = _named(args)
    return started_and_followed(job, client, Narration(), as_json=args.json, detach=args.detach)


def retry(args: argparse.Namespace) -> int:
    actions.require_unfinished(known_job(args.job))
    return resume(args)


def clone(args: argparse.Namespace) -> int:
    """Through everything that a new training goes through."""
    from kullm_tui.commands.train.command import begin

    job = known_job(args.job)
    recipe = recipe_with(actions.asked_recipe(job), args.settings)
    args.on = args.on or job.machine or job.spec.get("on") or None
    return begin(recipe, args)


def fetch(args: argparse.Namespace) -> int:
    job, client = _named(args)
    return fetched_and_kept(job, client, Narration(), as_json=args.json)


def adopt(args: argparse.Namespace) -> int:
    found = actions.adopt(args.machine, client_of(args.machine))
    for job in found:
        print(terminal_safe_json(standing(job).row()) if args.json else terminal_safe(f"{job.id}  {job.name}"))
    Narration().note(
        say(
            f"{args.machine}의 학습 {len(found)}개를 새로 알게 됐어요. `kullm jobs list`로 봐요.",
            f"{len(found)} jobs of {args.machine} are known from now on: `kullm jobs list`.",
        )
        if found
        else say(f"{args.machine}에 모르는 학습은 없어요.", f"{args.machine} has no job that was not known.")
    )
    return 0


def remove(args: argparse.Namespace) -> int:
    job = known_job(args.job)
    only_here = args.forget or job.state.get("reason") == "rented"  # its machine is gone
    client = None if only_here and job.machine else client_of(job.machine)
    if not args.yes:
        if not can_ask():
            raise UsageError(
                say(
                    f"지우려면 `kullm jobs remove {job.id} --yes`로 하세요.",
                    f"To remove it: `kullm jobs remove {job.id} --yes`.",
                )
            )
        if not confirmed(
            say(
                f"{job.name} 학습({job.id})을 체크포인트까지 지울까요?",
                f"Remove {job.name} ({job.id}) with its checkpoints?",
            )
        ):
            Narration().note(say("그대로 두었어요.", "Nothing was removed."))
            return 1
    actions.remove(job, client)
    if args.json:
        print(terminal_safe_json({"removed": job.id}))
    Narration().note(say(f"{job.name} 학습을 지웠어요.", f"{job.name} was removed."))
    return 0
