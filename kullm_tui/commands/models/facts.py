"""What is known of the models: `kullm models list`, and `show` without a prompt."""

import argparse
from dataclasses import asdict
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.models.catalogue import licence_class_of
from kullm_tui.core.models.disk import disk_use
from kullm_tui.core.models.resolve import ModelRef, Profile, all_profiles, is_downloaded
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json


def show_list(args: argparse.Namespace) -> int:
    chosen = [(profile, is_downloaded(profile)) for profile in all_profiles().values() if _is_wanted(profile, args)]
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
    state = say("받음", "here") if here else ""
    if profile.kind == "endpoint":
        state = say("원격", "remote")
    elif not profile.runs_here:
        state = say("실행 불가", "cannot run")
    about = profile.about or profile.called
    return [
        profile.name,
        state,
        f"{profile.size_4bit_gb:.1f}" if profile.size_4bit_gb else "",
        str(profile.context or ""),
        "" if profile.kind == "endpoint" else profile.template,
        _use(profile),
        about if profile.verified else f"{about} ({say('미확인', 'unverified')})",
    ]


def _use(profile: Profile) -> str:
    words = {"commercial": say("상업", "commercial"), "research": say("연구", "research")}
    return words.get(licence_class_of(profile) or "", "")


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
    use = disk_use(profile)
    licence = say("상업 이용 가능", "commercial use") if profile.licence_class == "commercial" else ""
    return [
        (say("이름", "name"), f"{profile.name} ({profile.called})"),
        (say("설명", "about"), profile.about),
        (say("저장소", "repository"), " @ ".join(filter(None, (profile.repository, profile.revision)))),
        (say("폴더", "folder"), str(ref.folder or profile.folder or "")),
        (say("엔드포인트", "endpoint"), " ".join(filter(None, (profile.endpoint, profile.model)))),
        (say("베이스 모델", "base"), profile.base or ""),
        (say("템플릿", "template"), "" if profile.kind == "endpoint" else profile.template),
        (say("문맥", "context"), str(profile.context or "")),
        (say("4비트 크기", "4-bit size"), f"{profile.size_4bit_gb} GB" if profile.size_4bit_gb else ""),
        (say("디스크", "disk"), size_text(use.downloaded) if use.downloaded else ""),
        (say("양자화", "quantised"), size_text(use.quantised) if use.quantised else ""),
        (
            say("라이선스", "licence"),
            f"{profile.licence} ({licence or say('연구용', 'research only')})" if profile.licence else "",
        ),
        (say("출처", "source"), profile.source),
        (say("확인", "verified"), say("예", "yes") if profile.verified else say("미확인", "unverified")),
        (say("주의", "note"), profile.note),
    ]
