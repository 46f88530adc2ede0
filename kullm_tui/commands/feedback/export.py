"""`kullm feedback export`: the pairs and rows that can be learnt of, for `kullm train`, TRL or LLaMA-Factory.

What may be personal is told before anything is written, and leaves only where somebody said so. `kullm compare --export` writes by it too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.confirm import can_ask, confirmed, require_room
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.store.recovery import open_to_read

if TYPE_CHECKING:
    from kullm_tui.feedback.forms import Form
    from kullm_tui.feedback.lessons import Lesson, Lessons

_FORMS = ("kullm", "trl", "llama-factory", "alpaca")
_NAMED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", metavar="FILE", help=say('이 파일에. "-"이면 표준 출력', 'into this file; "-" is stdout'))
    add_writing_arguments(parser, form="kullm")
    add(
        "--what",
        choices=["pairs", "rows", "all"],
        help=say(
            "쌍만, 행만, 둘 다. kullm 형식은 all이 기본, 나머지는 pairs",
            "pairs, rows, or both (all: our form alone, its default)",
        ),
    )
    add(
        "--part",
        choices=["train", "held-out", "all"],
        default="all",
        help=say("학습할 쪽만, 떼어 둔 쪽만, 전부", "the part to train, the part held out, or all"),
    )
    add(
        "--verdicts", action="store_true", help=say("채점 결과로도 쌍을 만들어요", "make pairs of judges' verdicts too")
    )


def add_writing_arguments(parser: argparse.ArgumentParser, *, form: Form) -> None:
    """How lessons are written, whichever verb writes them."""
    add = parser.add_argument
    add(
        "--form",
        choices=_FORMS,
        default=form,
        help=say(f"쓸 형식 (기본값 {form})", f"the form that is written; {form} unless said"),
    )
    personal = parser.add_mutually_exclusive_group()
    personal.add_argument(
        "--keep-personal",
        action="store_true",
        help=say("개인 정보로 보이는 것도 내보내요", "write what may be personal too"),
    )
    personal.add_argument(
        "--drop-personal", action="store_true", help=say("개인 정보로 보이는 것이 든 행은 빼요", "leave those rows out")
    )
    add("--force", action="store_true", help=say("있는 파일을 덮어써요", "replace a file that is there"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.feedback.lessons import lessons_in

    what = args.what or ("all" if args.form == "kullm" else "pairs")
    if what == "all" and args.form != "kullm":
        raise UsageError(
            say(
                f"{args.form} 형식의 파일에는 쌍이나 행 가운데 한 가지만 들어가요. --what pairs나 --what rows로 하세요.",
                f"A file in the form {args.form} holds either pairs or rows. Say --what pairs or --what rows.",
            )
        )
    with open_to_read(paths.database_file()) as store:
        learnt = _part(lessons_in(store, verdicts=args.verdicts), args.part)
    chosen = {"pairs": learnt.pairs, "rows": learnt.rows, "all": learnt.every}[what]
    if not chosen:
        Narration().note(say("내보낼 피드백이 없어요.", "there is no feedback to write."))
        return 1
    write_out(chosen, args.file, args)
    return 0


def write_out(chosen: tuple[Lesson, ...], file: str, args: argparse.Namespace) -> None:
    """With the arguments of `add_writing_arguments`."""
    from kullm_tui.feedback.forms import dataset_info, file_text, write_file

    narration = Narration()
    pairs = any(one.rejected is not None for one in chosen)
    chosen = _agreed(chosen, args, narration)
    if file == "-":
        sys.stdout.write(file_text(chosen, args.form))
    else:
        require_room(Path(file), force=args.force)
        write_file(Path(file), chosen, args.form)
    narration.note(say(f"{len(chosen):,}개를 내보냈어요.", f"{len(chosen):,} written."))
    if info := dataset_info(Path(file).name, args.form, pairs=pairs):
        narration.note(f"dataset_info.json: {info}")


def _part(learnt: Lessons, part: str) -> Lessons:
    return {"train": learnt.train, "held-out": learnt.held_out, "all": learnt}[part]


def _agreed(chosen: tuple[Lesson, ...], args: argparse.Namespace, narration: Narration) -> tuple[Lesson, ...]:
    """Without what nobody wants to leave."""
    flagged = [one for one in chosen if one.personal]
    if not flagged or args.keep_personal:
        return chosen
    if args.drop_personal:
        return tuple(one for one in chosen if not one.personal)
    _tell(flagged, narration)
    if can_ask() and confirmed(say("그래도 모두 내보낼까요?", "Write all of them all the same?")):
        return chosen
    raise UsageError(
        say(
            "내보내지 않았어요. 그대로 내보내려면 --keep-personal, 그 행들을 빼려면 --drop-personal을 붙이세요.",
            "Nothing was written. --keep-personal writes them all the same, --drop-personal leaves those rows out.",
        )
    )


def _tell(flagged: list[Lesson], narration: Narration) -> None:
    from kullm_tui.feedback.text import masked, personal_note, personal_text

    narration.note(personal_note(flagged))
    for one in flagged[:_NAMED]:
        found = ", ".join(f"{personal_text(each.kind)} {masked(each)}" for each in one.personal)
        narration.note(f"  {one.of.where.message}: {found}")
    if len(flagged) > _NAMED:
        narration.note(f"  … +{len(flagged) - _NAMED:,}")
