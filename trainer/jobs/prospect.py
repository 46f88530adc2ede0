"""What a training on a machine would take, told before anything is sent: upload, memory, hours, price; and whether it may start at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError, ModelNotFound, TooLarge
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from trainer.estimate.estimate import Plan, plan_run
from trainer.estimate.machines import Machine
from trainer.estimate.tokens import Lengths
from trainer.jobs.client import Client
from trainer.jobs.environment import missing_packages
from trainer.jobs.machines import planned_on
from trainer.jobs.payload import Payload, data_of_hub, payload_of, repositories_of
from trainer.jobs.preflight import Facts, findings, looked_at
from trainer.jobs.rented.renting import hours_for
from trainer.jobs.text import occupied_lines
from trainer.jobs.transports.ssh_faults import MachineUnreachable
from trainer.jobs.upload import missing_bytes
from trainer.recipe import Recipe

_FREE_MIB = 1024

BaseIs = Literal["shipped", "there", "uploaded", "download", "missing", "unknown"]


@dataclass(frozen=True)
class Prospect:
    settings: MachineSettings
    machine: Machine
    plan: Plan
    payload: Payload
    facts: Facts | None  # None: it was not reached
    unreached: str  # why
    upload: int  # bytes that are not there yet; all of them where nobody knows
    base: BaseIs

    @property
    def price(self) -> float | None:
        """Dollars."""
        return price_of(self.settings, self.plan)

    @property
    def hours_at_most(self) -> float:
        """Of a rented machine: after so many it is given back, whatever runs."""
        return hours_for(self.settings, self.plan.duration.seconds.value)

    @property
    def environment(self) -> Literal["there", "made", "unknown"]:
        if self.facts is None:
            return "unknown"
        return "made" if not self.facts.packages or missing_packages(self.facts.packages) else "there"

    def told(self) -> dict[str, Any]:
        """For programs."""
        return {
            "machine": self.settings.name,
            "reached": self.facts is not None,
            "upload_bytes": self.upload,
            "payload_bytes": self.payload.bytes,
            "base": self.base,
            "environment": self.environment,
            "price_dollars": self.price,
            **(
                {"price_per_hour": self.settings.price_per_hour, "hours_at_most": self.hours_at_most}
                if self.settings.is_rented
                else {}
            ),
        }


def price_of(settings: MachineSettings, plan: Plan) -> float | None:
    """Dollars; None where nobody said what an hour costs."""
    hour = price_of_an_hour(settings)
    return None if hour is None else hour * plan.duration.seconds.value / 3600


def price_of_an_hour(settings: MachineSettings) -> float | None:
    """Of all the nodes that a job takes."""
    return None if settings.price_per_hour is None else settings.price_per_hour * settings.nodes


def prospect(
    recipe: Recipe,
    settings: MachineSettings,
    client: Client,
    *,
    gpus: int | None,
    lengths: Lengths | None,
    facts: Facts | None = None,
) -> Prospect:
    """Also where the machine is not reached, with what is then not known. `facts`: of a look with this recipe's repositories a moment ago."""
    unreached = ""
    if facts is None:
        try:
            facts = looked_at(client, settings, repositories=repositories_of(recipe))
        except MachineUnreachable as error:
            unreached = str(error)
    machine = planned_on(settings, facts.told if facts else None, gpus)
    payload = payload_of(recipe, base_by_hand=_base_goes_by_hand(recipe, facts))
    plan = plan_run(recipe, machine, lengths=lengths)
    if not machine.is_cpu:  # on cards what a recipe leaves open is arithmetic; a processor settles it over there
        payload = payload.settled_as(plan.recipe)
    return Prospect(
        settings=settings,
        machine=machine,
        plan=plan,
        payload=payload,
        facts=facts,
        unreached=unreached,
        upload=missing_bytes(client, payload.trees) if facts else payload.bytes,
        base=_base(recipe, payload, facts),
    )


def _base_goes_by_hand(recipe: Recipe, facts: Facts | None) -> bool:
    wanted = repositories_of(recipe)
    return bool(wanted and facts and facts.told.get("hub") is False and not facts.told["cached"])


def _base(recipe: Recipe, payload: Payload, facts: Facts | None) -> BaseIs:
    if payload.tree("base") or payload.tree("hub"):
        return "uploaded"
    if not repositories_of(recipe):
        return "shipped"
    if facts is None:
        return "unknown"
    if facts.told["cached"]:
        return "there"
    return "missing" if _base_goes_by_hand(recipe, facts) else "download"


def require_sense(found: Prospect, *, waits: bool, agreed: bool) -> None:
    """Refuses what would not run, with what would change that. `waits` for cards; `agreed` that it may not fit."""
    if found.facts is None:
        raise MachineUnreachable(found.unreached)
    for finding in findings(found.facts, found.settings):
        if finding.level == "bad":
            raise KullmError(f"{found.settings.name}: {finding.text}. {finding.advice}")
    _require_launcher(found.settings)
    if not agreed:
        _require_room(found)
    _require_base_and_data(found)
    if not waits and found.settings.launcher != "slurm":
        _require_free_cards(found.settings.name, found.facts.told["cards"], found.machine)


def require_sense_to_rent(found: Prospect, *, agreed: bool) -> None:
    """What would be refused on any machine of this kind, before one costs."""
    _require_launcher(found.settings)
    if not agreed:
        _require_room(found)


def _require_launcher(settings: MachineSettings) -> None:
    name = settings.name
    if settings.nodes > 1 and settings.launcher != "slurm":
        raise KullmError(
            say(
                f"노드 여럿은 Slurm으로만 써요: kullm config set machines.{name}.launcher slurm",
                f"several nodes need Slurm: kullm config set machines.{name}.launcher slurm",
            )
        )


def _require_base_and_data(found: Prospect) -> None:
    """Where the hub is out of reach, they must be there or here."""
    base = found.plan.asked.model.base
    if found.base == "missing":
        raise ModelNotFound(
            say(
                f"{found.settings.name}에서 Hugging Face Hub에 닿지 않고 {base} 모델은 이 컴퓨터에도 없어요. `kullm models pull {base}`로 받으면 올려서 써요.",
                f"{found.settings.name} has no way to the Hugging Face Hub, and {base} is not here either. "
                f"Fetch it with `kullm models pull {base}`, and it is uploaded.",
            )
        )
    if found.facts and found.facts.told.get("hub") is False and data_of_hub(found.plan.asked):
        raise KullmError(
            say(
                f"{found.settings.name}에서 Hugging Face Hub에 닿지 않아 데이터를 받을 수 없어요. 파일로 받아 --set data.source=파일로 정하면 올려서 써요.",
                f"{found.settings.name} has no way to the Hugging Face Hub, where the data is. Name a file with --set data.source=FILE, and it is uploaded.",
            )
        )


def _require_room(found: Prospect) -> None:
    fit = found.plan.fit
    if fit.fits:
        return
    need, have = size_text(fit.memory.total), size_text(found.machine.memory_bytes)
    advice = ""
    if fit.advice.changes:
        settings = " ".join(f"--set {setting}" for setting in fit.advice.changes[0].settings)
        advice = say(f"이렇게 하면 들어가요: {settings}", f"It fits with: {settings}")
    elif fit.advice.card:
        advice = say(f"이 레시피에는 {fit.advice.card}가 필요해요.", f"This recipe needs {fit.advice.card}.")
    raise TooLarge(
        say(
            f"{found.settings.name}의 메모리에 들어가지 않아요: GPU마다 {have} 있고 {need} 정도 필요해요. {advice}",
            f"this does not fit {found.settings.name}: each of its ranks has {have}, and it takes about {need}. {advice}",
        )
    )


def _require_free_cards(name: str, cards: Sequence[Mapping[str, Any]], machine: Machine) -> None:
    if machine.is_cpu:
        return
    taken = [card for card in cards if card["occupants"] or card["used_mib"] >= _FREE_MIB]
    free = len(cards) - len(taken)
    if free >= machine.count:
        return
    on = [
        {
            "card": card["index"],
            "mib": card["used_mib"],
            "who": [(one["owner"], one["pid"], one["mib"]) for one in card["occupants"]],
        }
        for card in taken
    ]
    who = "; ".join(occupied_lines(on))
    raise KullmError(
        say(
            f"{name}의 빈 GPU가 {free}개라 {machine.count}개를 쓸 수 없어요({who}). 빌 때까지 기다리려면 --wait-gpus를, 적게 쓰려면 --gpus N을 붙이세요.",
            f"{name} has {free} free GPUs of {machine.count} ({who}). --wait-gpus waits for them, --gpus N takes fewer.",
        )
    )
