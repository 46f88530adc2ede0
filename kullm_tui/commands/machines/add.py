"""`kullm machines add`: only what was not given and could not be found out is asked."""

import argparse
import getpass
import re
import sys
from dataclasses import asdict, replace

from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.commands.machines.see import rented_findings, show
from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.keys import set_key
from kullm_tui.core.config.settings import MACHINE_RULES, RENTED, MachineSettings
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.paths import typed
from kullm_tui.core.rules import Fault
from trainer.jobs.machines import client_of, machine_settings
from trainer.jobs.preflight import Facts, findings, looked_at
from trainer.jobs.transports.ssh_faults import MachineUnreachable

_TEXTS = (
    "flavor",
    "image",
    "namespace",
    "folder",
    "python",
    "gpus",
    "partition",
    "account",
    "time",
    "qos",
    "lock",
    "wheels",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", help=say("부를 이름", "what to call it"))
    add(
        "--ssh",
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
        choices=("detached", "slurm", *RENTED),
        help=say("학습을 시작하거나 장비를 빌리는 방법", "how a training is started, or a machine rented"),
    )
    add("--price", dest="price_per_hour", type=float, metavar="$", help=say("한 시간의 가격(달러)", "dollars an hour"))
    _of_the_environment(parser)
    _of_slurm(parser)
    _of_renting(parser)
    add("--notify", action="store_true", help=say("끝나면 알릴 웹훅 주소를 물어요", "asks for the webhook to be told"))
    add("--unchecked", action="store_true", help=say("연결해 보지 않고 추가해요", "add it without connecting"))


def _of_slurm(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
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
        help=say("#SBATCH나 sky launch에 더 쓸 옵션", "a further option for #SBATCH, or for sky launch"),
    )


def _of_the_environment(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--lock", metavar="FILE", help=say("환경을 만들 requirements 파일", "requirements to make its environment from")
    )
    add(
        "--wheels",
        metavar="FOLDER",
        help=say("인터넷이 없는 장비에 올릴 wheel 폴더", "a folder of wheels, for one without internet"),
    )


def _of_renting(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--flavor", metavar="F", help=say("hf-jobs에서 빌릴 것: a100-large", "what to rent of hf-jobs: a100-large"))
    add("--image", metavar="I", help=say("hf-jobs의 컨테이너 이미지", "the container's image of hf-jobs"))
    add("--namespace", metavar="N", help=say("hf-jobs의 값을 낼 조직", "the organisation that pays for hf-jobs"))
    add(
        "--hours",
        type=float,
        metavar="N",
        help=say("늦어도 이만큼 뒤에 반납", "given back after so many at the latest"),
    )


def add(args: argparse.Namespace) -> int:
    machine = _given(args)
    if machine.is_rented:
        if not args.unchecked:
            show(rented_findings(machine))
    elif not args.unchecked:
        facts = _reached(machine)
        machine = _completed(machine, facts, args)
        show(findings(facts, machine))
    if args.notify:
        machine = replace(machine, notify=_stored_address(machine.name))
    defaults = MachineSettings(machine.name)
    put_row(
        "machines",
        {name: value for name, value in asdict(machine).items() if name == "name" or value != getattr(defaults, name)},
    )
    Narration().note(
        say(
            f"{machine.name}: 추가했어요. 이렇게 학습하세요: kullm train 레시피 --on {machine.name}",
            f"{machine.name} is added. Train on it with: kullm train RECIPE --on {machine.name}",
        )
    )
    return 0


def _given(args: argparse.Namespace) -> MachineSettings:
    """What the command line says, over what is known of a machine of that name."""
    names = ("name", "ssh", *_TEXTS, "launcher", "nodes", "options", "price_per_hour", "hours")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    for name in ("lock", "wheels"):  # they are looked for from any folder
        if name in given:
            given[name] = str(typed(given[name]).resolve())
    faults = []
    for name, value in given.items():
        try:
            given[name] = MACHINE_RULES[name](value)
        except Fault as fault:
            faults.append(f"--{name}: {fault}" if name != "name" else f"{fault}")
    if faults:
        raise UsageError("\n".join(faults))
    known = machine_settings(args.name)
    machine = replace(known, **given) if known else MachineSettings(**given)
    if not machine.ssh and not machine.is_rented:
        raise UsageError(
            say(
                "--ssh로 ~/.ssh/config의 별칭이나 사용자@주소를 적어 주세요.",
                "--ssh is missing: an alias of ~/.ssh/config, or user@address.",
            )
        )
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
    """What was not given: found out where it can be, else asked."""
    cards = facts.told["cards"]
    if not machine.gpus and cards:
        machine = replace(machine, gpus=f"{len(cards)}x{_short(str(cards[0]['name']))}")
    if not can_ask():
        return machine
    if args.launcher is None and facts.told.get("sbatch") and machine.launcher == "detached":
        answer = _asked(say("Slurm으로 시작할까요? [Y/n]", "Start trainings through Slurm? [Y/n]"))
        if answer.lower() not in ("n", "no", "아니요", "ㅜ"):
            machine = replace(machine, launcher="slurm")
            if not machine.partition:
                machine = replace(machine, partition=_asked(say("파티션 (없으면 그냥 ⏎):", "partition (⏎ for none):")))
    if args.price_per_hour is None and cards:
        price = _asked(say("한 시간에 몇 달러예요? (없으면 그냥 ⏎):", "dollars an hour (⏎ for none):"))
        if re.fullmatch(r"\d+(\.\d+)?", price):
            machine = replace(machine, price_per_hour=float(price))
    return machine


def _short(name: str) -> str:
    from trainer.estimate.machines import gpu_named

    known = gpu_named(name)
    return known.name if known else re.sub(r"[^\w .-]", "", name)


def _asked(question: str) -> str:
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _stored_address(machine: str) -> str:
    """Who knows a webhook's address may write there: it is kept where the keys are."""
    name = "NOTIFY_" + re.sub(r"[^A-Za-z0-9]", "_", machine).upper()
    if sys.stdin.isatty():
        value = getpass.getpass(say("알릴 웹훅 주소: ", "webhook to be told: "))
    else:
        value = sys.stdin.buffer.read(65536).decode("utf-8", errors="replace")
    if not re.match(r"https?://", value.strip()):
        raise UsageError(
            say("https://로 시작하는 주소를 넣어 주세요.", "the webhook is an address that begins with https://.")
        )
    set_key(name, value)
    return name
