"""The adapter that was named, and the base that it stands on."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import Adapter, adapter_folder, adapter_named, prompted_as, read_adapter_folder
from kullm_tui.core.models.profiles import Profile, all_profiles
from kullm_tui.core.models.resolve import local_folder, resolve


@dataclass(frozen=True)
class Pair:
    adapter: Adapter
    base: Profile
    folder: Path  # of the base
    profile: Profile  # how both together are prompted …
    prompted: str  # … and by which name it is found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=say("어댑터의 이름이나 폴더", "an adapter's name or folder"))
    parser.add_argument(
        "--base", metavar="MODEL", help=say("베이스 (적혀 있지 않을 때)", "the base, where the adapter does not say")
    )


def pair_of(args: argparse.Namespace) -> Pair:
    folder = adapter_folder(args.name)
    adapter = read_adapter_folder(folder) if folder else adapter_named(args.name)
    base = args.base or adapter.base
    if not base:
        raise UsageError(
            say(
                f"{adapter.name}의 베이스가 적혀 있지 않아요. --base 모델로 알려 주세요.",
                f"{adapter.name} does not say its base. Give it with --base MODEL.",
            )
        )
    reference = resolve(base)
    own = all_profiles().get(args.name)
    if own is not None and own.kind == "adapter" and not args.base:
        return Pair(adapter, reference.profile, local_folder(reference), resolve(args.name).profile, args.name)
    profile = prompted_as(reference.profile, adapter.folder)
    return Pair(adapter, reference.profile, local_folder(reference), profile, base)
