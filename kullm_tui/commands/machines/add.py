"""`kullm machines add`: only what was not given and could not be found out is asked."""

import argparse
import getpass
import sys
from dataclasses import replace

from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.commands.machines.see import show
from kullm_tui.core.config.settings import RENTED, MachineSettings
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.adding import dollars, keep, may_be_slurm, stored_address, with_found, with_given
from trainer.jobs.machines import client_of, machine_settings
from trainer.jobs.preflight import Facts, findings, looked_at
from trainer.jobs.rented.check import offer_findings
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
            show(offer_findings(machine))
    elif not args.unchecked:
        facts = _reached(machine)
        machine = _completed(with_found(machine, facts), facts, args)
        show(findings(facts, machine))
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
    names = ("name", "ssh", *_TEXTS, "launcher", "nodes", "options", "price_per_hour", "hours")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    faults: dict[str, str] = {}
    machine = with_given(machine_settings(args.name), given, faults)
    if faults:
        raise UsageError("\n".join(f"--{name}: {fault}" if name != "name" else fault for name, fault in faults.items()))
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
