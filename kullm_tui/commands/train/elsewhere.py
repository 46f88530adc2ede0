"""`kullm train RECIPE --on MACHINE`: what it will take is said, then the job is brought there, started, and followed as long as somebody watches."""

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.commands.train.plan import plan_lines, time_text
from kullm_tui.commands.train.run import progress_line
from kullm_tui.commands.train.tokens import cached_lengths
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import ConsentNeeded, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name, require_free
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.money import money
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json
from trainer.estimate.estimate import plan_facts
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish
from trainer.jobs.client import Client
from trainer.jobs.dispatch import Telling, carry_out, draft, is_waiting, start_again
from trainer.jobs.machines import client_of, require_machine
from trainer.jobs.preflight import Facts
from trainer.jobs.prospect import Prospect, prospect, require_sense
from trainer.jobs.registry import KnownJob
from trainer.jobs.text import queue_text, reason_text
from trainer.jobs.transports.ssh_faults import MachineUnreachable
from trainer.recipe import Recipe

_POLL_SECONDS = 1.0
_INTERRUPTED = 130


def plan_elsewhere(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace) -> int:
    found = _prospect(recipe, settings, args, Narration())
    if args.json:
        print(terminal_safe_json({**plan_facts(found.plan), "dispatch": found.told()}))
        return 0
    for line in [*plan_lines(found.plan), *dispatch_lines(found)]:
        print(terminal_safe(line))
    return 0


def train_elsewhere(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace) -> int:
    if args.name:
        require_free(args.name)
    narration = Narration()
    found = _prospect(recipe, settings, args, narration)
    require_sense(found, waits=args.wait_gpus, agreed=args.yes)
    for line in dispatch_lines(found):
        narration.note(line)
    _agree_to_the_price(found, agreed=args.yes)
    job = draft(found, name=args.name or free_name(recipe.name), argv=sys.argv[1:], wheels=args.wheels or "")
    return _brought(job, settings, args, narration, found.facts)


def go_on_elsewhere(job: KnownJob, args: argparse.Namespace) -> int:
    """A dispatch that was cut off goes on, a job that has ended without success begins again; another one is followed."""
    settings, narration = require_machine(job.machine), Narration()
    if is_waiting(job):
        return _brought(job.directory, settings, args, narration)
    client = client_of(settings, terminal_asking())
    state = client.show(job.id)["state"]
    if states.is_terminal(state) and state["state"] != states.SUCCEEDED:
        start_again(job, settings, client)
    if args.detach:
        narration.note(_how_to_watch(job.id))
        return 0
    return _follow(job.directory, client, narration)


def _prospect(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace, narration: Narration) -> Prospect:
    client = client_of(settings, terminal_asking())
    narration.progress(say(f"{settings.name}에 연결하는 중 …", f"connecting to {settings.name} …"))
    try:
        lengths = cached_lengths(recipe, resolve(recipe.model.base).folder)
        return prospect(recipe, settings, client, gpus=args.gpus, lengths=lengths)
    finally:
        narration.clear()


def _brought(
    job: JobDirectory,
    settings: MachineSettings,
    args: argparse.Namespace,
    narration: Narration,
    facts: Facts | None = None,
) -> int:
    client = client_of(settings, terminal_asking())
    telling = Telling(narration.note, narration.progress)
    try:
        carry_out(job, settings, client, telling, facts)
    except (KeyboardInterrupt, KullmError) as error:
        narration.clear()
        narration.note(
            say(
                f"아직 시작하지 않았어요. 올린 것은 남아 있어요. 이어서 하려면: kullm train --resume {job.id}",
                f"It is not started yet; what was uploaded is kept. To go on: kullm train --resume {job.id}",
            )
        )
        if isinstance(error, KeyboardInterrupt):
            return _INTERRUPTED
        raise
    finally:
        narration.clear()
    narration.note(say(f"{settings.name}에서 시작했어요: 학습 {job.id}", f"started on {settings.name}: job {job.id}"))
    if args.json:
        print(terminal_safe_json({"id": job.id, "machine": settings.name}))
    elif args.detach:
        print(job.id)
    if args.detach:
        narration.note(_how_to_watch(job.id))
        return 0
    return _follow(job, client, narration)


def _how_to_watch(job: str) -> str:
    return say(
        f"지켜보려면: kullm jobs follow {job}   멈추려면: kullm jobs cancel {job}",
        f"To watch it: kullm jobs follow {job}   to stop it: kullm jobs cancel {job}",
    )


def _follow(job: JobDirectory, client: Client, narration: Narration) -> int:
    """The job goes on whatever becomes of this."""
    try:
        state = _until_it_ends(job, client, narration)
    except KeyboardInterrupt:
        narration.clear()
        narration.note(say("학습은 계속돼요. ", "The job goes on. ") + _how_to_watch(job.id))
        return _INTERRUPTED
    narration.clear()
    if state["state"] == states.SUCCEEDED:
        narration.note(
            say(
                f"학습을 마쳤어요. 가져오려면: kullm jobs fetch {job.id}",
                f"Trained. To fetch it: kullm jobs fetch {job.id}",
            )
        )
        return 0
    if state["state"] == states.CANCELLED:
        narration.note(
            say(
                f"멈췄어요. 이어서 하려면: kullm jobs resume {job.id}", f"Stopped. To go on: kullm jobs resume {job.id}"
            )
        )
        return _INTERRUPTED
    reason = terminal_safe(reason_text(state))
    raise KullmError(
        say(
            f"학습이 끝나지 못했어요: {reason}\n기록: kullm jobs logs {job.id}",
            f"the training failed: {reason}\nlog: kullm jobs logs {job.id}",
        )
    )


def _until_it_ends(job: JobDirectory, client: Client, narration: Narration) -> Mapping[str, Any]:
    known: dict[str, Any] = {}
    while True:
        try:
            shown = client.show(job.id)
        except MachineUnreachable:  # which says nothing of the job
            narration.progress(say("연결이 끊겨 다시 연결하는 중 …", "the connection is lost; trying again …"))
        else:
            state: dict[str, Any] = shown["state"]
            if state != known:
                publish(job.state, state)
                known = state
            if states.is_terminal(state):
                return state
            if state.get("state") == states.QUEUED and state.get("queue"):
                narration.progress(queue_text(state["queue"]))
            elif shown["last"]:
                narration.progress(progress_line(shown["last"]))
        time.sleep(_POLL_SECONDS)


def dispatch_lines(found: Prospect) -> list[str]:
    """What the machine adds to a plan: how much travels, what is there already, what it costs."""
    plan, settings, have = found.plan, found.settings, size_text(found.machine.memory_bytes)
    of_cards = say("메모리, GPU마다", "memory of a GPU")
    rank = say("메모리, 프로세스마다", "memory of a rank") if found.machine.is_cpu else of_cards
    rows = [
        [say("장비", "machine"), settings.name, f"{settings.ssh}, {found.machine.name}"],
        [say("올릴 것", "upload"), size_text(found.upload), _upload_text(found)],
        [say("베이스", "base"), _base_text(found), plan.asked.model.base],
        [say("환경", "environment"), _environment_text(found), ""],
        [rank, size_text(plan.fit.memory.total), say(f"{have} 중", f"of {have}")],
        [say("걸리는 시간", "time"), _hours_text(found), ""],
        [say("가격", "price"), _price_text(found), ""],
    ]
    lines = aligned(rows)
    if found.facts is None:
        first = found.unreached.splitlines()[0]
        lines.append(
            say(
                f"연결하지 못해서 그곳에 무엇이 있는지는 몰라요: {first}",
                f"not reached, so what is there already is not known: {first}",
            )
        )
    return lines


def _hours_text(found: Prospect) -> str:
    minutes = found.plan.asked.train.minutes
    if minutes and found.machine.is_cpu:
        return say(f"{minutes:g}분 (그 장비에서 재어 맞춰요)", f"{minutes:g} min (measured over there)")
    return time_text(found.plan.duration.seconds.value)


def _upload_text(found: Prospect) -> str:
    total = size_text(found.payload.bytes)
    if found.facts is None:
        return say(f"많아도 {total}", f"{total} at most")
    return say(f"모두 {total}, 나머지는 이미 있어요", f"of {total}; the rest is there")


def _base_text(found: Prospect) -> str:
    return {
        "shipped": say("프로그램에 들어 있어요", "comes with the program"),
        "there": say("그곳에 이미 있어요", "there already"),
        "uploaded": say("여기서 올려요", "uploaded from here"),
        "download": say("그곳에서 내려받아요", "downloaded over there"),
        "missing": say("그곳에도 여기에도 없어요", "neither there nor here"),
        "unknown": say("그곳에 있는지 몰라요", "whether it is there is not known"),
    }[found.base]


def _environment_text(found: Prospect) -> str:
    return {
        "there": say("그곳의 Python을 그대로 써요", "its own Python, as it is"),
        "made": say("한 번 만들어 두고 다시 써요", "made once, and kept for the next job"),
        "unknown": say("몰라요", "not known"),
    }[found.environment]


def _price_text(found: Prospect) -> str:
    if found.price is None:
        return say("한 시간의 가격을 적지 않았어요", "no price per hour is given")
    return say(f"약 {money(found.price)}", f"about {money(found.price)}")


def _agree_to_the_price(found: Prospect, *, agreed: bool) -> None:
    if not found.price or agreed:
        return
    if not can_ask():
        raise ConsentNeeded(
            say(
                "돈이 드는 장비예요. 괜찮으면 --yes를 붙이세요.",
                "This machine costs money. If that is fine, add --yes.",
            )
        )
    if not confirmed(say("시작할까요?", "Start?")):
        raise ConsentNeeded(say("시작하지 않았어요.", "It was not started."))
