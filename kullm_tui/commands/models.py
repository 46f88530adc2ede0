"""`kullm models`: see which models there are and how each is prompted, fetch them, add one's own, give room back."""

import argparse
import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kullm_tui.commands import model_disk
from kullm_tui.commands.columns import aligned
from kullm_tui.commands.narration import Narration, loading_line
from kullm_tui.core.config import load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.folder_profile import profile_of_folder
from kullm_tui.core.keys import get_key
from kullm_tui.core.language import interface_language, say
from kullm_tui.core.models import ModelRef, Profile, all_profiles, is_downloaded, resolve
from kullm_tui.core.profiles import save_profile, shipped_profiles
from kullm_tui.core.records import Message
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_REDRAW_SECONDS = 0.1


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    parser = subparsers.add_parser("models", help=say("모델을 찾아보고 내려받습니다", "list, show and download models"))
    actions = parser.add_subparsers(dest="action", required=True, metavar=say("동작", "ACTION"))
    for name, korean, english, arguments in (
        ("list", "모델 목록", "the models", _list_arguments),
        ("show", "한 모델의 정보와 실제 프롬프트", "what is known of a model, and its real prompt", _show_arguments),
        ("pull", "허브에서 내려받기", "fetch from the hub", _pull_arguments),
        ("quantize", "4비트로 바꿔 두기", "quantise now rather than at the first question", _name_argument),
        ("add", "모델이나 엔드포인트 등록", "add a model or an endpoint of your own", _add_arguments),
        ("remove", "등록과 내려받은 파일 지우기", "remove an entry and its downloads", _name_argument),
        (
            "prune",
            "다시 만들 수 있는 것과 안 쓰는 것 비우기",
            "free what can be made again or is unused",
            _prune_arguments,
        ),
    ):
        arguments(actions.add_parser(name, help=say(korean, english)))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    return _ACTIONS[args.action](args)


def _name_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=say("모델 이름", "the model's name"))


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--all", action="store_true", help=say("이 엔진이 못 돌리는 것까지", "also what this engine cannot run")
    )
    which.add_argument("--downloaded", action="store_true", help=say("내려받은 것만", "only what is downloaded"))
    parser.add_argument(
        "--licence", choices=["commercial", "research"], help=say("이 조건의 것만", "only with this kind of licence")
    )


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    parser.add_argument(
        "--prompt", metavar="TEXT", help=say("이 질문의 프롬프트를 봅니다", "show this question's prompt")
    )
    parser.add_argument("--input", default="", metavar="TEXT", help=say("입력 글", "an input beside the instruction"))
    parser.add_argument("--system", default="", metavar="TEXT", help=say("시스템 글", "the system text"))
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def _pull_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    parser.add_argument("--revision", help=say("저장소의 판(가지, 태그, 커밋)", "a branch, tag or commit"))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--repository", metavar="OWNER/NAME", help=say("허브 저장소", "a repository of the hub"))
    where.add_argument("--folder", help=say("모델이 있는 폴더", "the folder of a model"))
    where.add_argument("--endpoint", metavar="URL", help=say("https://주소/v1", "https://host/v1"))
    parser.add_argument("--revision", help=say("저장소의 판", "a revision of the repository"))
    parser.add_argument("--base", help=say("어댑터의 바탕 모델", "what an adapter stands on"))
    parser.add_argument("--template", help=say("프롬프트 템플릿의 이름", "the name of a prompt template"))
    parser.add_argument("--model", help=say("엔드포인트에서 부르는 모델 이름", "the model's name at the endpoint"))
    parser.add_argument("--key", help=say("넣어 둔 키의 이름", "the name of a stored key"))


def _prune_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help=say("묻지 않고 지웁니다", "remove without asking"))


def _list(args: argparse.Namespace) -> int:
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
        _tell(say("못 돌리는 모델까지 보려면 --all을 붙이세요.", "--all also shows what this engine cannot run."))
    return 0


def _is_wanted(profile: Profile, args: argparse.Namespace) -> bool:
    runs = profile.runs_here or args.all or args.downloaded
    return runs and args.licence in (None, profile.licence_class)


def _row(profile: Profile, here: bool) -> list[str]:
    state = say("받음", "here") if here else ""
    if profile.kind == "endpoint":
        state = say("원격", "remote")
    elif not profile.runs_here:
        state = say("못 돌림", "cannot run")
    about = profile.description if interface_language() == "ko" and profile.description else profile.title
    return [
        profile.name,
        state,
        f"{profile.size_4bit_gb:.1f}" if profile.size_4bit_gb else "",
        str(profile.context or ""),
        "" if profile.kind == "endpoint" else profile.template,
        say("상업", "commercial") if profile.licence_class == "commercial" else say("연구", "research"),
        about if profile.verified else f"{about} ({say('미확인', 'unverified')})",
    ]


def _facts(profile: Profile) -> dict[str, Any]:
    """Everything that is known, under the names of the TOML; null where nobody knows."""
    facts = asdict(profile) | {"note": profile.note}
    for name in ("note_korean", "note_english"):
        del facts[name]
    return {name: None if value in ("", 0, ()) and value is not False else value for name, value in facts.items()}


def _show(args: argparse.Namespace) -> int:
    ref = resolve(args.name, endpoints=load_config().endpoints)
    if args.prompt is not None:
        from kullm_tui.commands.model_prompt import show_prompt

        system = [Message("system", args.system)] if args.system else []
        return show_prompt(ref, [*system, Message("user", args.prompt, args.input)], as_json=args.json)
    if args.input or args.system:
        raise UsageError(say("--input과 --system은 --prompt와 함께 씁니다.", "--input and --system go with --prompt."))
    if args.json:
        print(terminal_safe_json(_facts(ref.profile) | {"downloaded": ref.folder is not None}))
        return 0
    for line in aligned([[label, value] for label, value in _lines(ref) if value]):
        print(terminal_safe(line))
    return 0


def _lines(ref: ModelRef) -> list[tuple[str, str]]:
    profile = ref.profile
    use = model_disk.disk_use(profile)
    licence = say("상업 이용 가능", "commercial use") if profile.licence_class == "commercial" else ""
    return [
        (say("이름", "name"), f"{profile.name} ({profile.title})"),
        (say("설명", "about"), profile.description),
        (say("저장소", "repository"), " @ ".join(filter(None, (profile.repository, profile.revision)))),
        (say("폴더", "folder"), str(ref.folder or profile.folder or "")),
        (say("엔드포인트", "endpoint"), " ".join(filter(None, (profile.endpoint, profile.model)))),
        (say("바탕", "base"), profile.base or ""),
        (say("템플릿", "template"), "" if profile.kind == "endpoint" else profile.template),
        (say("문맥", "context"), str(profile.context or "")),
        (say("4비트 크기", "4-bit size"), f"{profile.size_4bit_gb} GB" if profile.size_4bit_gb else ""),
        (say("디스크", "disk"), f"{use.downloaded / 1e9:.1f} GB" if use.downloaded else ""),
        (say("양자화", "quantised"), f"{use.quantised / 1e9:.1f} GB" if use.quantised else ""),
        (
            say("라이선스", "licence"),
            f"{profile.licence} ({licence or say('연구용', 'research only')})" if profile.licence else "",
        ),
        (say("출처", "source"), profile.source),
        (say("확인", "verified"), say("예", "yes") if profile.verified else say("미확인", "unverified")),
        (say("주의", "note"), profile.note),
    ]


def _pull(args: argparse.Namespace) -> int:
    ref = resolve(args.name, endpoints=load_config().endpoints)
    if ref.kind in ("folder", "endpoint") or not ref.profile.repository:
        raise UsageError(
            say(f"{args.name}은(는) 허브에서 받는 모델이 아닙니다.", f"{args.name} does not come from the hub.")
        )
    if not ref.profile.runs_here:
        raise UsageError(f"{args.name}: {ref.profile.note}")
    narration = Narration()
    folder = _fetched(ref.profile, args.revision or ref.profile.revision, narration)
    if ref.profile.kind == "adapter" and ref.profile.base:
        base = resolve(ref.profile.base)
        if base.folder is None and base.profile.repository:
            _fetched(base.profile, base.profile.revision, narration)
    print(terminal_safe(str(folder)))
    return 0


def _fetched(profile: Profile, revision: str | None, narration: Narration) -> Path:
    from kullm_tui.core.hub import pull

    try:
        return pull(
            profile.repository,
            revision=revision,
            progress=_download_line(profile.name, narration.progress),
            token=get_key("HF_TOKEN"),
            with_code=profile.name in load_config().engine.trust_remote_code,
        )
    finally:
        narration.clear()


def _download_line(name: str, show: Callable[[str], None]) -> Callable[[int, int], None]:
    drawn = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= _REDRAW_SECONDS or done == total:
            drawn = now
            percent = int(100 * done / total) if total else 100
            doing = say(f"{name} 받는 중", f"fetching {name}")
            show(f"{doing} … {percent}% ({done / 1e9:.1f} / {total / 1e9:.1f} GB)")

    return progress


def _quantize(args: argparse.Namespace) -> int:
    from kullm_tui.core.chat_client import load_model
    from kullm_tui.core.models import local_folder
    from kullm_tui.core.target import choose_target, start_engine

    target = choose_target(args.name, load_config().endpoints)
    local_folder(resolve(args.name, endpoints=load_config().endpoints))
    narration = Narration()

    async def load() -> None:
        async with aclosing(load_model(start_engine(narration.progress), target.model)) as steps:
            async for step in steps:
                narration.progress(loading_line(step))

    try:
        asyncio.run(load())
    finally:
        narration.clear()
    narration.note(say(f"{args.name}을(를) 쓸 준비가 되었습니다.", f"{args.name} is ready."))
    return 0


def _add(args: argparse.Namespace) -> int:
    facts = {
        name: getattr(args, name) for name in ("repository", "revision", "base", "template", "endpoint", "model", "key")
    }
    if args.endpoint:
        facts["kind"] = "endpoint"
    elif args.folder:
        folder = Path(args.folder).expanduser().absolute()
        found = profile_of_folder(folder, args.name)
        facts |= {"folder": str(folder), "base": args.base or found.base, "template": args.template or found.template}
        facts["kind"] = "adapter" if found.kind == "adapter" else None
    elif args.base:
        facts["kind"] = "adapter"
    _refuse_strays(args)
    profile = save_profile(args.name, {name: value for name, value in facts.items() if value})
    if args.name in shipped_profiles():
        _tell(
            say(
                f"앱에 들어 있던 {args.name} 대신 이것을 씁니다. 되돌리려면 `kullm models remove {args.name}`.",
                f"This now stands in for the {args.name} that comes with the app. `kullm models remove {args.name}` undoes it.",
            )
        )
    if profile.key and get_key(profile.key) is None:
        _tell(
            say(
                f"키 {profile.key}이(가) 아직 없습니다. `kullm keys set {profile.key}`로 넣으세요.",
                f"There is no key {profile.key} yet. Store it with `kullm keys set {profile.key}`.",
            )
        )
    _tell(say(f"{args.name}을(를) 등록했습니다.", f"{args.name} was added."))
    return 0


def _refuse_strays(args: argparse.Namespace) -> None:
    """An option that would do nothing is a mistake worth telling."""
    strays = ["--revision", "--base", "--template"] if args.endpoint else ["--model", "--key"]
    strays += ["--revision"] if args.folder else []
    for stray in strays:
        if getattr(args, stray.removeprefix("--")):
            raise UsageError(say(f"{stray}은(는) 여기서 쓰이지 않습니다.", f"{stray} has no use here."))


def _tell(text: str) -> None:
    Narration().note(text)


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "pull": _pull,
    "quantize": _quantize,
    "add": _add,
    "remove": model_disk.remove,
    "prune": model_disk.prune,
}
