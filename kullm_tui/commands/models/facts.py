"""What is known of the models: `kullm models list`, and `show` without a prompt."""

import argparse
from dataclasses import asdict
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.language import say
from kullm_tui.core.memory import memory_here
from kullm_tui.core.models.catalogue import State, catalogue, licence_class_of
from kullm_tui.core.models.disk import disk_use
from kullm_tui.core.models.facts import about_line, known_facts, state_word, use_word
from kullm_tui.core.models.resolve import ModelRef, Profile, all_profiles, is_downloaded
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def show_list(args: argparse.Namespace) -> int:
    listed = [entry.profile for entry in catalogue(memory_here(), load_config()) if entry.name in all_profiles()]
    chosen = [(profile, is_downloaded(profile)) for profile in listed if _is_wanted(profile, args)]
    if args.downloaded:
        chosen = [(profile, here) for profile, here in chosen if here]
    if args.json:
        print(terminal_safe_json({"models": [_facts(profile) | {"downloaded": here} for profile, here in chosen]}))
        return 0
    head = [
        say("이름", "name"),
        say("상태", "state"),
        say("4비트 GB", "4-bit GB"),
        say("문맥", "context"),
        say("템플릿", "template"),
        say("이용", "use"),
        say("설명", "about"),
    ]
    for line in aligned([head, *(_row(profile, here) for profile, here in chosen)], right=[2, 3]):
        print(terminal_safe(line))
    if not args.all and not args.downloaded:
        Narration().note(
            say("실행할 수 없는 모델까지 보려면 --all을 붙이세요.", "--all also shows what this engine cannot run.")
        )
    return 0


def _is_wanted(profile: Profile, args: argparse.Namespace) -> bool:
    runs = profile.runs_here or args.all or args.downloaded
    return runs and args.licence in (None, licence_class_of(profile))


def _row(profile: Profile, here: bool) -> list[str]:
    state: State = "here" if here else "missing"
    if profile.kind == "endpoint":
        state = "remote"
    elif not profile.runs_here:
        state = "cannot-run"
    return [
        profile.name,
        state_word(state),
        f"{profile.size_4bit_gb:.1f}" if profile.size_4bit_gb else "",
        str(profile.context or ""),
        "" if profile.kind == "endpoint" else profile.template,
        use_word(profile),
        about_line(profile),
    ]


def _facts(profile: Profile) -> dict[str, Any]:
    """Everything that is known, under the names of the TOML; null where nobody knows."""
    facts = asdict(profile) | {"note": profile.note, "licence_class": licence_class_of(profile)}
    for name in ("note_korean", "note_english"):
        del facts[name]
    unknown = {name for name in ("context", "size_4bit_gb") if not facts[name]}
    return {name: None if value == "" or name in unknown else value for name, value in facts.items()}


def show_facts(ref: ModelRef, *, as_json: bool) -> int:
    if as_json:
        print(terminal_safe_json(_facts(ref.profile) | {"downloaded": ref.folder is not None}))
        return 0
    for line in aligned([[label, value] for label, value in _lines(ref) if value]):
        print(terminal_safe(line))
    return 0


def _lines(ref: ModelRef) -> list[tuple[str, str]]:
    profile = ref.profile
    return [
        (say("이름", "name"), f"{profile.name} ({profile.called})"),
        (say("설명", "about"), profile.about),
        (say("4비트 크기", "4-bit size"), f"{profile.size_4bit_gb} GB" if profile.size_4bit_gb else ""),
        *known_facts(profile, disk_use(profile), str(ref.folder or profile.folder)),
        (say("주의", "note"), profile.note),
    ]
