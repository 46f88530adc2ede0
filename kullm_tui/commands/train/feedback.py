"""`kullm train --feedback`: what was corrected, kept and voted for becomes a job like any other, over the model that the chat answers with."""

import argparse

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import ConsentNeeded, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.store.recovery import open_to_read
from kullm_tui.feedback.course import Course, Student
from kullm_tui.feedback.recipe_choice import recipe_for, taught_by
from kullm_tui.feedback.replay import USUAL_SHARE
from kullm_tui.feedback.teaching import Teaching, drawn_up
from trainer.estimate.machines import Machine, machine_named, this_machine
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.machines import machine_settings
from trainer.recipe import Recipe, load_recipe, recipe_with

_MOST_AGAIN = 0.95  # of all rows: more would leave nothing to learn


def add_of_feedback(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--feedback", action="store_true", help=say("고친 답, 좋은 답, 투표를 학습해요", "train on corrections, kept replies and votes"))  # fmt: skip
    add("--few", action="store_true", help=say("쌍이 30개보다 적어도 학습해요", "train on fewer than 30 pairs, too"))
    add(
        "--replay",
        type=_share,
        default=USUAL_SHARE,
        metavar="SHARE",
        help=say(
            f"잊지 않도록 다시 배울, 처음 데이터의 비율 (기본 {USUAL_SHARE:g})",
            f"the share of rows that it was trained on first, against forgetting ({USUAL_SHARE:g} unless told)",
        ),
    )
    add("--replay-from", default="", metavar="DATA", help=say("그 데이터: 파일, Hub의 이름, demo:이름", "where those come from: a file, a data set of the Hub, demo:NAME"))  # fmt: skip
    add("--from", dest="learner", default="", metavar="MODEL", help=say("가르칠 모델 (없으면 대화의 모델)", "the model to teach (the chat's unless told)"))  # fmt: skip


def draw_up(args: argparse.Namespace) -> Teaching:
    """What would be taught to whom. UsageError where that is too little."""
    config, source = load_config(), args.replay_from
    with open_to_read(paths.database_file()) as store:
        return drawn_up(store, config, learner=args.learner, few=args.few, share=args.replay, source=source)


def recipe_of(args: argparse.Namespace, learner: Student, taught: Course, job: JobDirectory) -> Recipe:
    chosen = load_recipe(args.recipe) if args.recipe else recipe_for(learner, machine_of(args.on))
    recipe = taught_by(chosen, learner, job.lessons, pairs=taught.has_pairs)
    return recipe_with(recipe, args.settings) if args.settings else recipe


def machine_of(on: str | None) -> Machine:
    """The one of the configuration by what it says it has."""
    settings = machine_settings(on) if on else None
    if settings:
        return machine_named(settings.gpus) if settings.gpus else this_machine()
    return machine_named(on) if on else this_machine()


def tell(drawn: Teaching, args: argparse.Namespace, narration: Narration) -> None:
    """What is to be known beforehand; ConsentNeeded where personal data would leave this machine and nobody agrees."""
    for note in drawn.notes:
        narration.note(note)
    if args.plan or not drawn.is_personal or not (args.on and machine_settings(args.on)) or args.yes:
        return
    asked = say(f"그래도 {args.on} 장비로 보낼까요?", f"Send it to {args.on} all the same?")
    if not can_ask() or not confirmed(asked):
        raise ConsentNeeded(
            say(
                "개인 정보로 보이는 것이 있어서 보내지 않았어요. 괜찮으면 --yes를 붙이세요.",
                "Nothing was sent: it seems to hold personal data. If that is fine, add --yes.",
            )
        )


def how_to_look(learner: Student, adapter: str, narration: Narration) -> None:
    before = f"{learner.base}+{learner.adapter}" if learner.adapter and learner.target.adapter else learner.target.name
    narration.note(
        say(
            f"무엇이 달라졌는지: kullm eval before-after {before} {adapter}\n마음에 들면: kullm adapters keep {adapter}",
            f"What it changed: kullm eval before-after {before} {adapter}\nIf you like it: kullm adapters keep {adapter}",
        )
    )


def refuse_alone(args: argparse.Namespace) -> None:
    """Options of feedback without it."""
    given = {
        "--few": args.few,
        "--replay": args.replay != USUAL_SHARE,
        "--replay-from": args.replay_from,
        "--from": args.learner,
    }
    for option, value in given.items():
        if value:
            raise UsageError(say(f"{option}: --feedback과 함께 써요.", f"{option} goes with --feedback."))


def refuse_data(args: argparse.Namespace) -> None:
    """It would stand in the place of the lessons."""
    if args.data:
        raise UsageError(
            say(
                "--data: --feedback은 고친 답을 배우므로 함께 쓰지 않아요. 함께 배울 데이터는 --replay-from으로 정해요.",
                "--data does not go with --feedback, which learns from your corrections; --replay-from names what is learnt beside them.",
            )
        )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= _MOST_AGAIN:
        raise argparse.ArgumentTypeError(
            say(f"0에서 {_MOST_AGAIN} 사이의 수여야 해요", f"must be from 0 to {_MOST_AGAIN}")
        )
    return share
