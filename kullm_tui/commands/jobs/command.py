"""`kullm jobs`: all machines' jobs, seen and acted upon. Thin: what is done stands in `trainer/jobs/`."""

import argparse
import importlib
from collections.abc import Callable

from kullm_tui.core.language import say

_Parser = argparse.ArgumentParser


def add_arguments(parser: _Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    for name, (help_text, add, _) in _actions().items():
        add(actions.add_parser(name, help=help_text))


def run(args: argparse.Namespace) -> int:
    """Only what the action needs is imported."""
    module, _, function = _actions()[args.action][2].partition(".")
    return int(getattr(importlib.import_module(f"kullm_tui.commands.jobs.{module}"), function)(args))


def _actions() -> dict[str, tuple[str, Callable[[_Parser], None], str]]:
    """What it is for, its arguments, and the function that does it."""
    return {
        "list": (say("모든 장비의 학습", "the jobs of all machines"), _list, "see.list_jobs"),
        "show": (say("한 학습의 상태와 설정", "one job's state and settings"), _job_and_json, "see.show"),
        "logs": (say("기록을 표시해요", "print its log"), _logs, "see.logs"),
        "follow": (say("끝날 때까지 지켜봐요", "follow it until it ends"), _job_and_json, "act.follow"),
        "plot": (say("손실 곡선. 여럿을 겹쳐서도", "the loss curve, of several too"), _plot, "plot.plot"),
        "diff": (say("두 학습에서 다른 설정만", "only what differs in two jobs"), _diff, "see.diff"),
        "cancel": (say("멈추고, 다 멈췄는지 확인해요", "stop it, with proof"), _cancel, "act.cancel"),
        "hold": (say("줄에서 기다리게 해 두어요", "keep it waiting in the queue"), _job_and_json, "act.hold"),
        "release": (say("보류를 풀어요", "let it go on in the queue"), _job_and_json, "act.release"),
        "move": (say("줄에서의 자리를 바꿔요", "change its place in the queue"), _move, "act.move"),
        "resume": (say("멈춘 학습을 이어서 해요", "go on with one that was stopped"), _start, "act.resume"),
        "retry": (say("실패하거나 끊긴 학습을 다시 해요", "try a failed or lost one again"), _start, "act.retry"),
        "clone": (say("값 하나를 바꾼 새 학습", "a new job with a change"), _clone, "act.clone"),
        "fetch": (say("결과를 받아 어댑터로 등록해요", "bring what it made, and keep it"), _job_and_json, "act.fetch"),
        "mirror": (
            say("수치를 TensorBoard, trackio, W&B에도 남겨요", "give its metrics to TensorBoard, trackio or W&B"),
            _mirror,
            "mirror.mirror",
        ),
        "adopt": (say("장비에 있는 다른 학습들을 가져와요", "know a machine's other jobs"), _adopt, "act.adopt"),
        "remove": (say("학습을 지워요", "remove a job"), _remove, "act.remove"),
    }


def _job(parser: _Parser, *, many: str = "") -> None:
    parser.add_argument(
        "jobs" if many else "job",
        metavar="JOB",
        **({"nargs": many} if many else {}),  # type: ignore[arg-type]
        help=say("번호나 그 앞부분, 이름, last", "an id, the beginning of one, a name, or last"),
    )


def _json(parser: _Parser, help_text: str = "") -> None:
    parser.add_argument(
        "--json", action="store_true", help=help_text or say("결과를 JSON 하나로", "the result as one JSON object")
    )


def _job_and_json(parser: _Parser) -> None:
    _job(parser)
    _json(parser)


def _list(parser: _Parser) -> None:
    _json(parser, say("JSON으로, 한 줄에 하나", "as JSON, one a line"))
    parser.add_argument(
        "--offline", action="store_true", help=say("장비에 묻지 않고 아는 대로", "as known, asking no machine")
    )


def _logs(parser: _Parser) -> None:
    _job(parser)
    parser.add_argument("-f", "--follow", action="store_true", help=say("이어지는 대로 계속", "go on as it grows"))
    parser.add_argument(
        "--attempt", type=int, metavar="N", help=say("몇 번째 시도의 기록인지", "the log of this attempt")
    )


def _plot(parser: _Parser) -> None:
    _job(parser, many="+")
    add = parser.add_argument
    add("--field", default="loss", metavar="F", help=say("loss, eval_loss, lr … 무엇을", "what: loss, eval_loss, lr …"))
    add("--log", action="store_true", help=say("세로축을 로그로", "a logarithmic axis"))
    add("--png", metavar="FILE", help=say("PNG 그림으로 저장해요", "write a PNG"))
    add("--svg", metavar="FILE", help=say("SVG 그림으로 저장해요", "write an SVG"))
    add("--force", action="store_true", help=say("있는 파일을 덮어써요", "replace a file that is there"))
    _json(parser, say("점들을 JSON으로, 한 줄에 학습 하나", "the points as JSON, one job a line"))


def _diff(parser: _Parser) -> None:
    for name in ("one", "other"):
        parser.add_argument(name, metavar="JOB", help=say("번호나 이름", "an id or a name"))
    _json(parser)


def _cancel(parser: _Parser) -> None:
    _job_and_json(parser)
    parser.add_argument(
        "--now", action="store_true", help=say("저장하지 않고 바로 끝내요", "end it at once, saving nothing")
    )


def _move(parser: _Parser) -> None:
    _job_and_json(parser)
    parser.add_argument("place", type=int, metavar="N", help=say("1이면 바로 다음", "1 is the next one"))


def _start(parser: _Parser) -> None:
    _job_and_json(parser)
    parser.add_argument("--detach", action="store_true", help=say("시작만 하고 돌아와요", "start it and leave"))


def _clone(parser: _Parser) -> None:
    from kullm_tui.commands.train.command import add_mirror, add_of_machines

    _start(parser)
    add = parser.add_argument
    add("--set", dest="settings", action="append", default=[], metavar="K=V", help=say("바꿀 값", "what to change"))
    add("--name", metavar="NAME", help=say("결과 어댑터의 이름", "the name of the adapter"))
    add("--on", metavar="M", help=say("다른 장비에서", "on another machine"))
    add_of_machines(parser)
    parser.set_defaults(plan=False)
    add_mirror(parser)
    add("--yes", action="store_true", help=say("묻지 않고 시작해요", "start without asking"))


def _mirror(parser: _Parser) -> None:
    _job_and_json(parser)
    parser.add_argument(
        "--to",
        required=True,
        metavar="T",
        help=say("tensorboard, trackio, wandb 가운데 쉼표로", "some of tensorboard, trackio, wandb, with commas"),
    )


def _adopt(parser: _Parser) -> None:
    parser.add_argument("machine", metavar="MACHINE", help=say("장비의 이름", "a machine's name"))
    _json(parser, say("JSON으로, 한 줄에 하나", "as JSON, one a line"))


def _remove(parser: _Parser) -> None:
    _job_and_json(parser)
    add = parser.add_argument
    add("--yes", action="store_true", help=say("묻지 않고 지워요", "remove without asking"))
    add(
        "--forget", action="store_true", help=say("여기서만 지워요. 장비에는 남아요", "only here; the machine keeps it")
    )
