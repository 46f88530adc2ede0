"""`kullm machines list|add|check|up|down|remove`: the computers that train for this one, also such as are rented while they are needed."""

import argparse

from kullm_tui.commands.machines import add, rent, see
from kullm_tui.core.config.edit import remove_row
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.machines import require_machine
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.text import how_to_give_back


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    listing = actions.add_parser(
        "list", help=say("추가한 장비, 빌린 것과 드는 돈", "those that were added; what is rented and costs")
    )
    _json(listing)
    add.add_arguments(actions.add_parser("add", help=say("장비를 추가해요", "add one")))
    check = actions.add_parser("check", help=say("학습할 수 있는지 살펴봐요", "see whether it can train"))
    _name(check)
    _json(check)
    up = actions.add_parser("up", help=say("장비를 빌려 켜요", "rent one and bring it up"))
    _name(up)
    up.add_argument(
        "--hours",
        type=float,
        metavar="N",
        help=say("늦어도 이만큼 뒤에는 돌려줘요", "it is given back after so many at the latest"),
    )
    up.add_argument("--yes", action="store_true", help=say("값을 묻지 않고 빌려요", "agree to the price"))
    down = actions.add_parser("down", help=say("빌린 장비를 돌려줘요", "give a rented one back"))
    _name(down)
    down.add_argument(
        "--yes", action="store_true", help=say("학습이 남아 있어도 돌려줘요", "even if trainings on it are lost")
    )
    _name(actions.add_parser("remove", help=say("목록에서 빼요", "take one off the list")))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=say("장비의 이름", "the machine's name"))


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("한 줄에 JSON 하나", "one JSON object a line"))


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return see.list_machines(as_json=args.json)
    if args.action == "add":
        return add.add(args)
    if args.action == "check":
        return see.check(require_machine(args.name), as_json=args.json)
    if args.action == "up":
        return rent.up(args)
    if args.action == "down":
        return rent.down(args)
    return _remove(args.name)


def _remove(name: str) -> int:
    """What costs stays in the list."""
    require_machine(name)
    if lease_of(name):
        raise UsageError(say(f"{name}: 빌린 채로는 뺄 수 없어요. ", f"{name} is rented. ") + how_to_give_back(name))
    remove_row("machines", name)
    return 0
