"""A job brought to a machine and started there, once, however often its way is cut.

    its number and its copy of the directory are here         before anything of it is there
    STAGING    program, data and base uploaded, by content    what has come is not sent again
               the environment ready, what the recipe leaves to the machine settled there
    STAGED     the directory there, spec.json last
    started    the supervisor there has it; asked twice it answers that it has it already

Each step may be done again, so that a dispatch that was cut off goes on from `staging.json` beside the copy of the directory.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.hub.token import hub_token
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from trainer.jobs import environment
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, publish
from trainer.jobs.card import predicted
from trainer.jobs.client import Client
from trainer.jobs.payload import Tree, needs_hub, wheels_tree
from trainer.jobs.preflight import Facts, looked_at
from trainer.jobs.prospect import Prospect, price_of_an_hour
from trainer.jobs.registry import KnownJob, directory_of, known_job, new_id, put_down
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.past import past_of
from trainer.jobs.rented.tenants import tenancy
from trainer.jobs.spec import spec_of
from trainer.jobs.telling import Telling
from trainer.jobs.trackers.begin import go_along
from trainer.jobs.upload import bring, persistently
from trainer.recipe import recipe_dict, recipe_from


def draft(
    found: Prospect,
    *,
    name: str,
    argv: Sequence[str],
    wheels: str = "",
    retries: int | None = None,
    known_as: str = "",
) -> JobDirectory:
    """The job as it stands here before anything of it is there: from now on it is known and can go on. `known_as`: its number, where
    something of its folder is here already."""
    assert found.facts is not None
    plan = _plan_of(found, wheels or found.settings.wheels, retries)
    job = directory_of(known_as or new_id())
    paths.private_dir(job.path)
    settings, machine = found.settings, found.machine
    recipe = found.payload.recipe_there(str(found.facts.told["root"]))
    put_down(job, machine=settings.name, hub=needs_hub(found.plan.asked))
    publish(_staging(job), plan)
    where = {
        "name": settings.name,
        "ranks": machine.count,
        "hardware": machine.name,
        "price_per_hour": price_of_an_hour(settings),
    }
    spec = spec_of(recipe, argv, name=name, on=settings.name, predicted=predicted(found.plan))
    # As this computer calls its base and its files.
    asked = {"base": found.plan.asked.model.base, "asked": recipe_dict(found.plan.asked)}
    publish(job.spec, {**spec, "machine": where, **asked})
    publish(job.state, {"state": states.STAGING})
    return job


def _plan_of(found: Prospect, wheels: str, retries: int | None) -> dict[str, Any]:
    asked, machine = found.plan.asked, found.machine
    assert found.facts is not None
    return {
        "root": str(found.facts.told["root"]),
        "trees": [tree.stored() for tree in found.payload.trees],
        "wheels": wheels_tree(wheels).stored() if wheels else None,
        "ranks": machine.count,
        "gpus": 0 if machine.is_cpu else machine.count,
        "settle": machine.is_cpu and (asked.model.precision == "auto" or bool(asked.train.minutes)),
        "retries": retries,
    }


def is_waiting(job: KnownJob) -> bool:
    """Whether its dispatch was cut off."""
    return _staging(job.directory).is_file()


def went_with_its_machine(job: KnownJob) -> bool:
    """A rented one. It can be brought to the next."""
    lost = job.state.get("state") == states.LOST and job.state.get("reason") == "rented"
    return lost and _sent(job.directory).is_file()


def send_again(job: KnownJob) -> None:
    """It waits to be brought to a machine once more, to go on from what is here of it."""
    past = past_of(job.directory)
    again = {"start": int(job.state.get("start") or 0) + 1, "past": past.stored() if past.files else None}
    publish(_staging(job.directory), {**document(_sent(job.directory)), **again})
    publish(job.directory.state, {"state": states.STAGING})


def carry_out(
    job: JobDirectory, settings: MachineSettings, client: Client, telling: Telling, facts: Facts | None = None
) -> dict[str, Any]:
    """From wherever it stands to a job that the machine has; the machine's answer to its start."""
    plan = document(_staging(job))
    put_down(job, **tenancy(lease_of(settings.name) if settings.is_rented else None))
    facts = facts or looked_at(client, settings)
    _require_root(plan, facts, settings.name)
    places = _uploaded(client, [Tree.of(stored) for stored in plan["trees"]], telling)
    python = _python(client, settings, facts, plan, telling)
    variables = _variables(str(facts.told["root"]), places)
    spec = _settled_spec(client, job, plan, python, places["package"], variables, telling)
    past = _past(client, plan, telling)
    put_down(job, path=persistently(lambda: client.stage(job.id, spec, past)))
    publish(job.state, {"state": states.STAGED})
    launch = _launch(settings, plan, python, places["package"], variables)
    publish(job.launch, launch)
    secrets = secrets_of(known_job(job.id), settings)
    answer = persistently(lambda: client.start(job.id, launch, secrets))
    publish(job.state, answer["state"])
    put_down(job, heard=round(time.time(), 3), unreachable=False)
    _staging(job).replace(_sent(job))
    go_along(job)
    return answer


def secrets_of(job: KnownJob, settings: MachineSettings) -> dict[str, str]:
    """No more than this job needs: each start is given them anew, since none is kept over there."""
    token = hub_token() if job.place.get("hub") else None
    found = {"HF_TOKEN": token, "notify_url": get_key(settings.notify) if settings.notify else None}
    return {name: value for name, value in found.items() if value}


def _staging(job: JobDirectory) -> Path:
    return job.path / "staging.json"


def _sent(job: JobDirectory) -> Path:
    """What it was about, once it has been carried out."""
    return job.path / "sent.json"


def _require_root(plan: Mapping[str, Any], facts: Facts, machine: str) -> None:
    """The job's spec names files by their places there."""
    root = str(facts.told["root"])
    if plan.get("root", root) != root:
        raise KullmError(
            say(
                f"{machine}의 폴더가 전과 달라요({plan['root']} → {root}). `kullm jobs clone`으로 새 학습을 만드세요.",
                f"the folder of {machine} is another than before ({plan['root']}, now {root}). Make a new job with `kullm jobs clone`.",
            )
        )


def _past(client: Client, plan: Mapping[str, Any], telling: Telling) -> str:
    if not plan.get("past"):
        return ""
    tree = Tree.of(plan["past"])
    _uploaded(client, [tree], telling)
    return tree.digest


def _uploaded(client: Client, trees: Sequence[Tree], telling: Telling) -> dict[str, str]:
    """By purpose, where each is there."""
    places = {}
    for tree in trees:
        what, total = _tree_text(tree), size_text(tree.bytes)

        def told(count: int, what: str = what, total: str = total) -> None:
            telling.progress(
                say(
                    f"{what} 올리는 중 … {size_text(count)} / {total}",
                    f"uploading {what} … {size_text(count)} of {total}",
                )
            )

        places[str(tree.purpose)] = bring(client, tree, told)
    return places


def _tree_text(tree: Tree) -> str:
    return {
        "package": say("프로그램", "the program"),
        "data": say("데이터", "the data"),
        "base": say("베이스 모델", "the base"),
        "hub": say("베이스 모델", "the base"),
        "adapter": say("시작할 어댑터", "the adapter to start from"),
        "wheels": say("wheel 파일", "wheels"),
        "past": say("받아 둔 체크포인트와 기록", "the checkpoint and history that are here"),
    }[tree.purpose]


def _python(client: Client, settings: MachineSettings, facts: Facts, plan: Mapping[str, Any], telling: Telling) -> str:
    """The one that is there, where it has all that the trainer needs; else one that is made once."""
    if facts.packages and not environment.missing_packages(facts.packages):
        return str(facts.told["executable"])
    wheels = Tree.of(plan["wheels"]) if plan["wheels"] else None
    lock = environment.lock_of(settings, environment.base_python(settings, facts.told), wheels.digest if wheels else "")
    made = client.installed([], [lock.digest])["environments"].get(lock.digest)
    if made:
        return str(made)
    telling.note(
        say(
            "학습 환경을 만들어요. 다음 학습부터는 이 환경을 그대로 써요.",
            "making the environment; the next job finds it made.",
        )
    )
    place = _uploaded(client, [wheels], telling)["wheels"] if wheels else ""
    return environment.make(client, settings, lock, place, telling.progress)


def _variables(root: str, places: Mapping[str, str]) -> dict[str, str]:
    """What of ours the trainer keeps there lies in the machine's folder, beside its jobs."""
    return {"KULLM_HOME": root, **({"HF_HUB_CACHE": places["hub"]} if "hub" in places else {})}


def _settled_spec(
    client: Client,
    job: JobDirectory,
    plan: Mapping[str, Any],
    python: str,
    package: str,
    variables: Mapping[str, str],
    telling: Telling,
) -> dict[str, Any]:
    """The spec as it is staged; what was settled once stays so."""
    spec = document(job.spec)
    if not plan["settle"] or spec.get("settled"):
        return spec
    telling.progress(say("그 장비의 속도를 재는 중 …", "measuring that machine …"))
    recipe = persistently(lambda: client.settle(python, package, spec["recipe"], int(plan["ranks"]), variables))
    spec = {**spec, "recipe": recipe, "digest": recipe_from(recipe).digest, "settled": True}
    publish(job.spec, spec)
    return spec


def _launch(
    settings: MachineSettings, plan: Mapping[str, Any], python: str, package: str, variables: Mapping[str, str]
) -> dict[str, Any]:
    """Slurm has a queue of its own."""
    launch: dict[str, Any] = {
        "start": plan.get("start", 1),
        "python": python,
        "path": [package],
        "ranks": plan["ranks"],
        "gpus": plan["gpus"],
        "nodes": settings.nodes,
        "queue": settings.launcher != "slurm",
        "environment": dict(variables),
    }
    if plan["retries"] is not None:
        launch["retries"] = plan["retries"]
    if settings.launcher == "slurm":
        names = ("partition", "account", "time", "qos")
        launch["slurm"] = {name: getattr(settings, name) for name in names} | {"options": list(settings.options)}
    return launch
