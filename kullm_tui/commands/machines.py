"""`kullm machines list|add|check|remove`: the computers that train for this one."""

import argparse
import getpass
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.core.config.edit import remove_row
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from trainer.jobs.adding import dollars, keep, may_be_slurm, stored_address, with_found, with_given
from trainer.jobs.machines import client_of, known_machines, machine_settings, require_machine
from trainer.jobs.preflight import Facts, Finding, check, finding_text, findings, looked_at
from trainer.jobs.transports.ssh_faults import MachineUnreachable

_TEXTS = ("folder", "python", "gpus", "partition", "account", "time", "qos", "lock", "wheels")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    listing = actions.add_parser("list", help=say("추가한 장비", "those that were added"))
    listing.add_argument("--json", action="store_true", help=say("한 줄에 JSON 하나", "one JSON object a line"))
    _add_adding(actions.add_parser("add", help=say("장비를 추가해요", "add one")))
    check = actions.add_parser("check", help=say("학습할 수 있는지 살펴봐요", "see whether it can train"))
    check.add_argument("name", metavar="NAME", help=say("장비의 이름", "the machine's name"))
    check.add_argument("--json", action="store_true", help=say("한 줄에 JSON 하나", "one JSON object a line"))
    gone = actions.add_parser("remove", help=say("목록에서 빼요", "take one off the list"))
    gone.add_argument("name", metavar="NAME", help=say("장비의 이름", "the machine's name"))


def _add_adding(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", help=say("부를 이름", "what to call it"))
    add(
        "--ssh",
        required=True,
        metavar="ALIAS",
        help=say("~/.ssh/config의 별칭이나 사용자@주소", "alias of ~/.ssh/config, or user@address"),
    )
    add(
        "--folder", metavar="F", help=say("그곳에서 쓸 폴더 (기본 ~/.kullm)", "our folder there (~/.kullm unless told)")
    )
    add("--python", metavar="P", help=say("그곳의 Python (기본 python3)", "its Python (python3 unless told)"))
    add(
        "--gpus", metavar="G", help=say("GPU: 4xA100-80GB (없으면 물어봐요)", "its GPUs: 4xA100-80GB; else it is asked")
    )
    add(
        "--launcher",
        choices=("detached", "slurm", "skypilot"),
        help=say("학습을 시작하는 방법", "how a training is started"),
    )
    add("--nodes", type=int, metavar="N", help=say("Slurm 작업이 쓸 노드", "nodes of a Slurm job"))
    add("--partition", metavar="P", help=say("Slurm의 파티션", "Slurm's partition"))
    add("--account", metavar="A", help=say("Slurm의 계정", "Slurm's account"))
    add("--time", metavar="T", help=say("Slurm의 시간 제한", "Slurm's time limit"))
    add("--qos", metavar="Q", help=say("Slurm의 QOS", "Slurm's QOS"))
    add(
        "--option",
        dest="options",
        action="append",
        metavar="O",
        help=say("#SBATCH에 더 쓸 옵션", "a further option for #SBATCH"),
    )
    add("--price", dest="price_per_hour", type=float, metavar="$", help=say("한 시간의 가격(달러)", "dollars an hour"))
    add(
        "--lock", metavar="FILE", help=say("환경을 만들 requirements 파일", "requirements to make its environment from")
    )
    add(
        "--wheels",
        metavar="FOLDER",
        help=say("인터넷이 없는 장비에 올릴 wheel 폴더", "a folder of wheels, for one without internet"),
    )
    add("--notify", action="store_true", help=say("끝나면 알릴 웹훅 주소를 물어요", "asks for the webhook to be told"))
    add("--unchecked", action="store_true", help=say("연결해 보지 않고 추가해요", "add it without connecting"))


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return _list(as_json=args.json)
    if args.action == "add":
        return _add(args)
    if args.action == "check":
        return _check(require_machine(args.name), as_json=args.json)
    require_machine(args.name)
    remove_row("machines", args.name)
    return 0


def _list(*, as_json: bool) -> int:
    machines = known_machines()
    if as_json:
        for machine in machines:
            print(terminal_safe_json(asdict(machine)))
        return 0
    for line in aligned([_row(machine) for machine in machines]):
        print(terminal_safe(line))
    if not machines:
        Narration().note(
            say(
                "추가한 장비가 없어요. 예: kullm machines add lab --ssh 별칭",
                "no machines. Try: kullm machines add lab --ssh ALIAS",
            )
        )
    return 0


def _row(machine: MachineSettings) -> list[str]:
    price = f"${machine.price_per_hour:g}/h" if machine.price_per_hour else ""
    return [machine.name, machine.ssh, machine.gpus or "-", machine.launcher, machine.folder, price]


def _check(machine: MachineSettings, *, as_json: bool) -> int:
    """1 where a training would not run."""
    runs = True
    for one in check(client_of(machine, terminal_asking()), machine):
        runs = runs and one.level != "bad"
        if as_json:
            print(terminal_safe_json(asdict(one)), flush=True)
        else:
            _show([one])
    return 0 if runs else 1


def _show(found: Iterable[Finding]) -> None:
    for one in found:
        print(terminal_safe(finding_text(one)), flush=True)


def _add(args: argparse.Namespace) -> int:
    machine = _given(args)
    if not args.unchecked:
        facts = _reached(machine)
        machine = _completed(with_found(machine, facts), facts, args)
        _show(findings(facts, machine))
    if args.notify:
        machine = replace(machine, notify=_stored_address(machine.name))
    keep(machine)
    Narration().note(
        say(
            f"{machine.name}: 추가했어요. 이렇게 학습하세요: kullm train 레시피 --on {machine.name}",
            f"{machine.name} is added. Train on it with: kullm train RECIPE --on {machine.name}",
        )
    )
    return 0


def _given(args: argparse.Namespace) -> MachineSettings:
    """What the command line says, over what is known of a machine of that name."""
    names = ("name", "ssh", *_TEXTS, "launcher", "nodes", "options", "price_per_hour")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    faults: dict[str, str] = {}
    machine = with_given(machine_settings(args.name), given, faults)
    if faults:
        raise UsageError("\n".join(f"--{name}: {fault}" if name != "name" else fault for name, fault in faults.items()))
    return machine


def _reached(machine: MachineSettings) -> Facts:
    Narration().progress(say(f"{machine.ssh}에 연결하는 중 …", f"connecting to {machine.ssh} …"))
    try:
        return looked_at(client_of(machine, terminal_asking()), machine)
    except MachineUnreachable as error:
        unchecked = say(
            "연결해 보지 않고 추가하려면 --unchecked를 붙이세요.", "To add it all the same, add --unchecked."
        )
        raise type(error)(f"{error}\n{unchecked}") from error
    finally:
        Narration().clear()


def _completed(machine: MachineSettings, facts: Facts, args: argparse.Namespace) -> MachineSettings:
    """What was neither given nor found out is asked."""
    if not can_ask():
        return machine
    if args.launcher is None and may_be_slurm(machine, facts):
        answer = _asked(say("Slurm으로 시작할까요? [Y/n]", "Start trainings through Slurm? [Y/n]"))
        if answer.lower() not in ("n", "no", "아니요", "ㅜ"):
            machine = replace(machine, launcher="slurm")
            if not machine.partition:
                machine = replace(machine, partition=_asked(say("파티션 (없으면 그냥 ⏎):", "partition (⏎ for none):")))
    if args.price_per_hour is None and facts.told["cards"]:
        price = dollars(_asked(say("한 시간에 몇 달러예요? (없으면 그냥 ⏎):", "dollars an hour (⏎ for none):")))
        machine = replace(machine, price_per_hour=price if price is not None else machine.price_per_hour)
    return machine


def _asked(question: str) -> str:
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _stored_address(machine: str) -> str:
    if sys.stdin.isatty():
        value = getpass.getpass(say("알릴 웹훅 주소: ", "webhook to be told: "))
    else:
        value = sys.stdin.buffer.read(65536).decode("utf-8", errors="replace")
    return stored_address(machine, value)
