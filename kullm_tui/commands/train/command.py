"""`kullm train`: a recipe becomes a run, is followed while it lasts, and its adapter is kept under a name.

The trainer is a process of its own with its own session and a log file, so it goes on when this terminal goes away.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.train import feedback
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import TooLarge, UsageError
from kullm_tui.core.extras import require_local
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from kullm_tui.feedback import course
from kullm_tui.feedback.teaching import NAME
from trainer.estimate.machines import Machine, machine_named, this_machine
from trainer.jobs.machines import machine_settings
from trainer.jobs.telling import Telling
from trainer.jobs.trackers.wish import names_in, wish
from trainer.recipe import Recipe, load_recipe, shipped_recipes

if TYPE_CHECKING:
    from trainer.jobs.prepare_here import Prepared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help=say("레시피의 이름이나 .toml 파일 (없으면 목록)", "a recipe's name or .toml file; none: lists them"),
    )
    add(
        "--plan",
        action="store_true",
        help=say("학습하지 않고 메모리, 시간, 디스크를 예상해요", "estimate memory, time and disk; train nothing"),
    )
    add(
        "--on",
        metavar="M",
        help=say(
            "`kullm machines`의 장비나 4xA100-80GB, cpu, 2xcpu …",
            "one of `kullm machines`, or 4xA100-80GB, cpu, 2xcpu …",
        ),
    )
    add_of_machines(parser)
    feedback.add_of_feedback(parser)
    _add_values(parser)
    add(
        "--show",
        type=whole(1, 1000),
        metavar="N",
        help=say("학습할 부분을 표시한 행 N개를 봐요", "show N rows with what is trained of them marked"),
    )
    add("--name", metavar="NAME", help=say("결과 어댑터의 이름", "the name of the adapter"))
    add("--resume", metavar="RUN", help=say("멈춘 학습을 이어서 해요", "go on with a run that was stopped"))
    add(
        "--detach",
        action="store_true",
        help=say("시작만 하고 돌아와요. kullm jobs로 지켜봐요", "start it and leave; kullm jobs shows it"),
    )
    add_mirror(parser)
    add("--json", action="store_true", help=say("결과를 JSON 하나로", "the result as one JSON object"))
    add(
        "--yes",
        action="store_true",
        help=say("들어가지 않을 것 같아도 시작해요", "start even if it seems not to fit"),
    )


def _add_values(parser: argparse.ArgumentParser) -> None:
    """What is put in place of the recipe's own."""
    add = parser.add_argument
    add(
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help=say(
            "학습할 파일, mixture:만든 혼합, Hub의 데이터. 여러 번 쓸 수 있어요",
            "what to train on: a file, mixture:NAME that was built, a data set of the Hub; may be given several times",
        ),
    )
    add(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="K=V",
        help=say("레시피의 값을 바꿔요: train.epochs=1", "changes a value of the recipe: train.epochs=1"),
    )


def add_of_machines(parser: argparse.ArgumentParser) -> None:
    """For another computer."""
    add = parser.add_argument
    add(
        "--gpus", type=whole(1, 1000), metavar="N", help=say("장비의 GPU 가운데 N개만", "so many of the machine's GPUs")
    )
    add(
        "--wait-gpus",
        action="store_true",
        help=say("GPU가 빌 때까지 그곳에서 기다려요", "wait there until that many GPUs are free"),
    )
    add(
        "--wheels",
        metavar="FOLDER",
        help=say("인터넷이 없는 장비에 올릴 wheel 폴더", "a folder of wheels, for a machine without internet"),
    )


def add_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mirror",
        metavar="T",
        help=say(
            "수치를 tensorboard, trackio, wandb에도 남겨요(쉼표로 여럿, none: 설정과 달리 아무 데도)",
            "metrics go to tensorboard, trackio, wandb too (with commas; none: nowhere, whatever is configured)",
        ),
    )


def run(args: argparse.Namespace) -> int:
    if args.data:
        args.settings = [*args.settings, f"data.source={json.dumps(args.data, ensure_ascii=False)}"]
    if args.resume:
        return _resume(args)
    if args.feedback:
        feedback.refuse_data(args)
        return _feedback(args)
    feedback.refuse_alone(args)
    if args.recipe is None:
        return _list(as_json=args.json)
    return _looked_at_or_begun(load_recipe(args.recipe, args.settings), args)


def _looked_at_or_begun(recipe: Recipe, args: argparse.Namespace, *, name: str = "", known_as: str = "") -> int:
    if args.show:
        return _show(recipe, args.show)
    if args.plan and not (args.on and machine_settings(args.on)):
        _refuse_of_machines(args)
        return _plan(recipe, args.on, as_json=args.json)
    return begin(recipe, args, name=name, known_as=known_as)


def _feedback(args: argparse.Namespace) -> int:
    """A job whose data is drawn from the store; its folder is there before it."""
    narration = Narration()
    drawn = feedback.draw_up(args)
    feedback.tell(drawn, args, narration)
    name = args.name or free_name(NAME)
    with course.written(drawn.course) as job:
        recipe = feedback.recipe_of(args, drawn.student, drawn.course, job)
        if not args.show and not (args.on and machine_settings(args.on)):
            _tell_plan(recipe, args, narration)
        code = _looked_at_or_begun(recipe, args, name=name, known_as=job.id)
    if not code and not (args.plan or args.show or args.detach):
        feedback.how_to_look(drawn.student, name, narration)
    return code


def _tell_plan(recipe: Recipe, args: argparse.Namespace, narration: Narration) -> None:
    """Before it begins, of these very rows: they are few, and made into tokens at once. What is said of them is said where it begins."""
    from kullm_tui.commands.train.plan import plan_lines
    from trainer.estimate.estimate import plan_run
    from trainer.jobs.prepare_here import base_folder
    from trainer.jobs.tokenising import tokenise

    require_local()
    note = narration.note if args.plan else lambda _: None
    lengths = tokenise(recipe, base_folder(recipe), Telling(note, narration.progress))
    narration.clear()
    if not args.plan:
        plan = plan_run(recipe, _machine(args.on), lengths=lengths, measure=lambda _facts: None)
        for line in plan_lines(plan):
            narration.note(line)


def _elsewhere(recipe: Recipe, settings: MachineSettings, args: argparse.Namespace, *, name: str, known_as: str) -> int:
    from kullm_tui.commands.train.elsewhere import plan_elsewhere, train_elsewhere
    from trainer.jobs.prepare_here import require_base

    require_base(recipe)
    if args.plan:
        return plan_elsewhere(recipe, settings, args)
    return train_elsewhere(recipe, settings, args, name=name, known_as=known_as)


def _refuse_of_machines(args: argparse.Namespace) -> None:
    given = {"--gpus": args.gpus, "--wait-gpus": args.wait_gpus, "--wheels": args.wheels}
    for option, value in given.items():
        if value:
            raise UsageError(
                say(
                    f"{option}: --on으로 `kullm machines list`에 있는 장비를 정할 때만 써요.",
                    f"{option} goes with --on and one of `kullm machines list`.",
                )
            )


def _list(*, as_json: bool) -> int:
    recipes = [load_recipe(name) for name in shipped_recipes()]
    if as_json:
        for recipe in recipes:
            print(terminal_safe_json({"name": recipe.name, "base": recipe.model.base, "summary": recipe.told}))
        return 0
    for line in aligned([[recipe.name, recipe.told] for recipe in recipes]):
        print(terminal_safe(line))
    Narration().note(
        say("학습: kullm train 이름   예상: kullm train 이름 --plan", "train: kullm train NAME   estimate: --plan")
    )
    return 0


def _plan(recipe: Recipe, on: str | None, *, as_json: bool) -> int:
    from kullm_tui.commands.train.plan import show_plan
    from trainer.dataset.sources import look_into
    from trainer.estimate.estimate import plan_facts, plan_run
    from trainer.jobs.tokenising import known_lengths

    look_into(recipe.data)
    narration, machine = Narration(), _machine(on)
    if machine.is_cpu:
        narration.progress(say("이 컴퓨터의 속도를 재는 중 …", "measuring this machine …"))
    plan = plan_run(recipe, machine, lengths=known_lengths(recipe, resolve(recipe.model.base).folder))
    narration.clear()
    if as_json:
        print(terminal_safe_json(plan_facts(plan)))
    else:
        show_plan(plan)
    return 0


def _machine(on: str | None) -> Machine:
    return machine_named(on) if on else this_machine()


def _show(recipe: Recipe, count: int) -> int:
    from trainer.dataset.show import rendered, shown
    from trainer.jobs.prepare_here import base_folder

    for row in shown(recipe, base_folder(recipe), count):
        print(rendered(row, marked_by_terminal=sys.stdout.isatty()))
    return 0


def begin(recipe: Recipe, args: argparse.Namespace, *, name: str = "", known_as: str = "") -> int:
    """A new job, here or elsewhere. `name`: of its adapter, where none was asked for; `known_as`: its number, where its folder was begun."""
    mirrors = None if args.mirror is None else names_in(args.mirror)
    elsewhere = machine_settings(args.on) if args.on else None
    if elsewhere:
        return _elsewhere(recipe, elsewhere, args, name=name, known_as=known_as)
    _refuse_of_machines(args)
    from kullm_tui.commands.train.run import started_and_followed
    from trainer.jobs.prepare_here import base_folder, prepared, require_name
    from trainer.jobs.reach import HERE
    from trainer.jobs.registry import known_in
    from trainer.jobs.start_here import machine_here, new_job

    if args.name:
        require_name(recipe, args.name)
    require_local()
    machine = machine_here(args.on)
    base_folder(recipe)
    narration = Narration()
    try:
        ready = prepared(recipe, machine, Telling(narration.note, narration.progress))
    finally:
        narration.clear()
    _require_room(ready, agreed=args.yes)
    called = args.name or name or free_name(recipe.name)
    job = new_job(ready.recipe, sys.argv[1:], name=called, on=args.on or "", predicted=ready.predicted(), job=known_as)
    wish(job, mirrors)
    return started_and_followed(known_in(job), HERE, narration, as_json=args.json, detach=args.detach)


def _require_room(ready: "Prepared", *, agreed: bool) -> None:
    """A run that will not fit is asked about before it starts, not told of after an hour."""
    from kullm_tui.commands.train.plan import advice_lines

    fault = ready.room_fault()
    if not fault or agreed:
        return
    lines = [fault, *advice_lines(ready.fit().advice)]
    if not can_ask():
        lines.append(say("그래도 시작하려면 --yes를 붙이세요.", "To start all the same, add --yes."))
        raise TooLarge("\n".join(lines))
    for line in lines:
        print(terminal_safe(line), file=sys.stderr)
    if not confirmed(say("그래도 시작할까요?", "Start all the same?")):
        raise TooLarge(say("시작하지 않았어요.", "It was not started."))


def _resume(args: argparse.Namespace) -> int:
    from kullm_tui.commands.cli.reach import client_of
    from kullm_tui.commands.train.run import started_and_followed
    from trainer.jobs.actions import client_for
    from trainer.jobs.registry import known_job

    _refuse_beside_resume(args)
    job = known_job(args.resume)
    if not job.machine:
        require_local()
    client = client_for(job, client_of)
    return started_and_followed(job, client, Narration(), as_json=args.json, on=args.on or "", detach=args.detach)


def _refuse_beside_resume(args: argparse.Namespace) -> None:
    strays: Sequence[str] = [
        option
        for option, value in (
            ("RECIPE", args.recipe),
            ("--data", args.data),
            ("--set", args.settings),
            ("--plan", args.plan),
            ("--show", args.show),
            ("--name", args.name),
            ("--feedback", args.feedback),
            ("--mirror", args.mirror is not None),
        )
        if value
    ]
    if strays:
        raise UsageError(
            say(
                f"--resume은 처음의 설정 그대로 이어 가요. {strays[0]} 없이 쓰세요.",
                f"--resume goes on with the settings of the start. Use it without {strays[0]}.",
            )
        )
