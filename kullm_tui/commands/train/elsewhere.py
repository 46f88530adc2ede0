"""`kullm train RECIPE --on MACHINE`: what it will take is said, then the job is brought there, started, and followed as long as somebody watches."""

import argparse
import sys
import time

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.commands.jobs.ending import watched
from kullm_tui.commands.jobs.follow import Follower
from kullm_tui.commands.machines.rent import agree_to_the_price, given_back_or_told, refreshed, rented, tell_of_cost
from kullm_tui.commands.train.plan import plan_lines
from kullm_tui.commands.train.run import left_alone
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name, require_free
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json
from trainer.estimate.estimate import plan_facts
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.dispatch import carry_out, draft
from trainer.jobs.machines import client_of
from trainer.jobs.plan_text import base_text, environment_text, hours_text, price_text
from trainer.jobs.preflight import Facts
from trainer.jobs.prospect import Prospect, prospect, require_sense, require_sense_to_rent
from trainer.jobs.registry import known_in
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.renting import offer, offered
from trainer.jobs.rented.text import how_to_give_back, lease_text, limit_text
from trainer.jobs.rented.text import price_text as hourly_text
from trainer.jobs.telling import Telling
from trainer.jobs.tokenising import known_lengths
from trainer.jobs.trackers.wish import names_in, wish
from trainer.recipe import Recipe

_INTERRUPTED = 130


def plan_elsewhere(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace) -> int:
    from trainer.dataset.sources import look_into

    look_into(recipe.data)
    narration = Narration()
    settings = _with_offer(settings, narration)
    found = _prospect(recipe, settings, args, narration)
    if args.json:
        print(terminal_safe_json({**plan_facts(found.plan), "dispatch": found.told()}))
        return 0
    for line in [*plan_lines(found.plan), *dispatch_lines(found)]:
        print(terminal_safe(line))
    return 0


def train_elsewhere(
    recipe: Recipe, settings: MachineSettings, args: argparse.Namespace, *, name: str = "", known_as: str = ""
) -> int:
    """`name`: of the adapter, where none was asked for; `known_as`: the job's number, where its folder was begun already."""
    if args.name:
        require_free(args.name)
    narration = Narration()
    settings = _with_offer(settings, narration)
    found = _prospect(recipe, settings, args, narration)
    rents = settings.is_rented and not _is_up(settings.name)
    if rents:
        require_sense_to_rent(found, agreed=args.yes)
    else:
        require_sense(found, waits=args.wait_gpus, agreed=args.yes)
    for line in dispatch_lines(found):
        narration.note(line)
    if found.price or settings.is_rented:
        agree_to_the_price(agreed=args.yes)
    if rents:
        found = _rented(recipe, settings, args, narration, found.hours_at_most)
    called = args.name or name or free_name(recipe.name)
    job = draft(found, name=called, argv=sys.argv[1:], wheels=args.wheels or "", known_as=known_as)
    wish(job, None if args.mirror is None else names_in(args.mirror))
    return _brought(job, settings, args, narration, found.facts)


def _with_offer(settings: MachineSettings, narration: Narration) -> MachineSettings:
    """What a landlord says of cards and price, before anything is rented; and whether what was rented is still there."""
    if not settings.is_rented:
        return settings
    narration.progress(say(f"{settings.name}: 값을 알아보는 중 …", f"{settings.name}: asking the price …"))
    try:
        refreshed(settings.name)
        return offered(settings, offer(settings))
    finally:
        narration.clear()


def _is_up(machine: str) -> bool:
    lease = lease_of(machine)
    return bool(lease and lease.ssh)


def _rented(
    recipe: Recipe, settings: MachineSettings, args: argparse.Namespace, narration: Narration, hours: float
) -> Prospect:
    """What is found on the machine once it is up. Where nothing can start on it, it is given back."""
    try:
        narration.note(f"{settings.name}: {lease_text(rented(settings, hours, narration))}")
        found = _prospect(recipe, settings, args, narration)
        require_sense(found, waits=args.wait_gpus, agreed=args.yes)
    except (KeyboardInterrupt, KullmError):
        given_back_or_told(settings.name, narration)
        raise
    return found


def _prospect(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace, narration: Narration) -> Prospect:
    client = client_of(settings, terminal_asking())
    narration.progress(say(f"{settings.name}에 연결하는 중 …", f"connecting to {settings.name} …"))
    try:
        lengths = known_lengths(recipe, resolve(recipe.model.base).folder)
        return prospect(recipe, settings, client, gpus=args.gpus, lengths=lengths)
    finally:
        narration.clear()


def _brought(
    job: JobDirectory,
    settings: MachineSettings,
    args: argparse.Namespace,
    narration: Narration,
    facts: Facts | None,
) -> int:
    client = client_of(settings, terminal_asking())
    telling = Telling(narration.note, narration.progress)
    try:
        carry_out(job, settings, client, telling, facts)
    except (KeyboardInterrupt, KullmError) as error:
        narration.clear()
        tell_of_cost(settings.name, narration)
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
    known = known_in(job)
    if args.detach:
        return left_alone(known, narration, as_json=args.json)
    return watched(known, client, Follower(known, client, narration, whole=True), 1, narration, as_json=args.json)


def dispatch_lines(found: Prospect) -> list[str]:
    """What the machine adds to a plan: how much travels, what is there already, what it costs."""
    plan, settings, have = found.plan, found.settings, size_text(found.machine.memory_bytes)
    address = settings.flavor if settings.is_rented else settings.ssh
    of_cards = say("메모리, GPU마다", "memory of a GPU")
    rank = say("메모리, 프로세스마다", "memory of a rank") if found.machine.is_cpu else of_cards
    rows = [
        [say("장비", "machine"), settings.name, ", ".join(filter(None, (address, found.machine.name)))],
        [say("올릴 것", "upload"), size_text(found.upload), _upload_text(found)],
        [say("베이스", "base"), base_text(found), plan.asked.model.base],
        [say("환경", "environment"), environment_text(found), ""],
        [rank, size_text(plan.fit.memory.total), say(f"{have} 중", f"of {have}")],
        [say("걸리는 시간", "time"), hours_text(found), ""],
        [say("가격", "price"), price_text(found), ""],
    ]
    if settings.is_rented:
        rows.append([say("빌리기", "rented"), *_rental_texts(found)])
    lines = aligned(rows)
    if found.facts is None and not settings.is_rented:
        first = found.unreached.splitlines()[0]
        lines.append(
            say(
                f"연결하지 못해서 그곳에 무엇이 있는지는 몰라요: {first}",
                f"not reached, so what is there already is not known: {first}",
            )
        )
    return lines


def _upload_text(found: Prospect) -> str:
    total = size_text(found.payload.bytes)
    if found.facts is None:
        return say(f"많아도 {total}", f"{total} at most")
    return say(f"모두 {total}, 나머지는 이미 있어요", f"of {total}; the rest is there")


def _rental_texts(found: Prospect) -> list[str]:
    """What it costs an hour, until when; and what goes with it then."""
    lease = lease_of(found.settings.name)
    price = found.settings.price_per_hour
    if lease and lease.latest - time.time() < found.plan.duration.seconds.value:
        late = say("학습이 끝나기 전이에요", "before the training would end")
        return [lease_text(lease), f"{late}. {how_to_give_back(lease.machine)}"]
    text = lease_text(lease) if lease else f"{hourly_text(price)}, {limit_text(found.hours_at_most, price)}"
    return [text, say("그때까지 받지 않은 것은 없어져요", "what is not fetched by then is lost")]
