"""`kullm models`: see which models there are and how each is prompted, fetch them, add one's own, give room back."""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from kullm_tui.commands.cli.progress import Narration, download_line
from kullm_tui.commands.models import disk
from kullm_tui.commands.models.facts import show_facts, show_list
from kullm_tui.core.asking.waiting import waiting_for
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.client import load_model
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.download import fetch, fetch_plan
from kullm_tui.core.models.profiles import shipped_profiles
from kullm_tui.core.models.registration import FIELDS, WrongField, check_fields, register
from kullm_tui.core.models.resolve import Profile, local_folder, resolve
from kullm_tui.core.records import Message
from kullm_tui.core.text import terminal_safe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
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


def run(args: argparse.Namespace) -> int:
    return _ACTIONS[args.action](args)


def _name_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=say("모델 이름", "the model's name"))


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--all", action="store_true", help=say("이 엔진이 실행할 수 없는 모델까지", "also what this engine cannot run")
    )
    which.add_argument("--downloaded", action="store_true", help=say("내려받은 것만", "only what is downloaded"))
    parser.add_argument(
        "--licence", choices=["commercial", "research"], help=say("이 조건의 것만", "only with this kind of licence")
    )


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    parser.add_argument(
        "--prompt", metavar="TEXT", help=say("이 질문의 프롬프트를 봐요", "show this question's prompt")
    )
    parser.add_argument("--input", default="", metavar="TEXT", help=say("입력 글", "an input beside the instruction"))
    parser.add_argument("--system", default="", metavar="TEXT", help=say("시스템 프롬프트", "the system text"))
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def _pull_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    parser.add_argument("--revision", help=say("저장소의 리비전(브랜치, 태그, 커밋)", "a branch, tag or commit"))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    _name_argument(parser)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--repository", metavar="OWNER/NAME", help=say("허브 저장소", "a repository of the hub"))
    where.add_argument("--folder", help=say("모델이 있는 폴더", "the folder of a model"))
    where.add_argument("--endpoint", metavar="URL", help=say("https://주소/v1", "https://host/v1"))
    parser.add_argument("--revision", help=say("저장소의 리비전", "a revision of the repository"))
    parser.add_argument("--base", help=say("어댑터의 베이스 모델", "what an adapter stands on"))
    parser.add_argument("--template", help=say("프롬프트 템플릿의 이름", "the name of a prompt template"))
    parser.add_argument("--model", help=say("엔드포인트에서 쓰는 모델 이름", "the model's name at the endpoint"))
    parser.add_argument("--key", help=say("넣어 둔 키의 이름", "the name of a stored key"))


def _prune_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help=say("묻지 않고 지워요", "remove without asking"))


def _show(args: argparse.Namespace) -> int:
    endpoints = load_config().endpoints
    if args.prompt is not None:
        from kullm_tui.commands.models.prompt import show_prompt

        system = [Message("system", args.system)] if args.system else []
        asked = [*system, Message("user", args.prompt, args.input)]
        return show_prompt(args.name, asked, endpoints, as_json=args.json)
    if args.input or args.system:
        raise UsageError(say("--input과 --system은 --prompt와 함께 써요.", "--input and --system go with --prompt."))
    return show_facts(resolve(args.name, endpoints=endpoints), as_json=args.json)


def _pull(args: argparse.Namespace) -> int:
    first, *more = fetch_plan(resolve(args.name, endpoints=load_config().endpoints))
    narration = Narration()
    folder = _fetched(first, args.revision, narration)
    for profile in more:
        _fetched(profile, None, narration)
    print(terminal_safe(str(folder)))
    return 0


def _fetched(profile: Profile, revision: str | None, narration: Narration) -> Path:
    try:
        return fetch(profile, revision=revision, progress=download_line(profile.name, narration.progress))
    finally:
        narration.clear()


def _quantize(args: argparse.Namespace) -> int:
    from kullm_tui.core.asking.target import resolve as resolve_target
    from kullm_tui.core.asking.target import start_engine

    target = resolve_target(args.name, load_config().endpoints)
    local_folder(resolve(args.name, endpoints=load_config().endpoints))
    narration = Narration()
    try:
        asyncio.run(_loaded(start_engine(narration.progress), target.model, narration))
    finally:
        narration.clear()
    narration.note(say(f"{args.name} 모델을 쓸 준비가 됐어요.", f"{args.name} is ready."))
    return 0


async def _loaded(endpoint: Endpoint, model: str, narration: Narration) -> None:
    """Have the engine load the model, and show how far it is."""
    async with aclosing(load_model(endpoint, model, None, precision="4bit")) as steps:
        async for step in steps:
            narration.progress(waiting_for(step))


def _add(args: argparse.Namespace) -> int:
    profile = _registered(args)
    if args.name in shipped_profiles():
        Narration().note(
            say(
                f"앱에 들어 있던 {args.name} 대신 이것을 써요. 되돌리려면 `kullm models remove {args.name}`.",
                f"This now stands in for the {args.name} that comes with the app. `kullm models remove {args.name}` undoes it.",
            )
        )
    if profile.key and get_key(profile.key) is None:
        Narration().note(
            say(
                f"{profile.key} 키가 아직 없어요. `kullm keys set {profile.key}`로 넣으세요.",
                f"There is no key {profile.key} yet. Store it with `kullm keys set {profile.key}`.",
            )
        )
    Narration().note(say(f"{args.name} 모델을 등록했어요.", f"{args.name} was added."))
    return 0


def _registered(args: argparse.Namespace) -> Profile:
    """Faults are told by the name of the argument, since the user wrote no models.toml."""
    fields = {field: getattr(args, field) or "" for field in (*FIELDS, "folder")}
    try:
        check_fields(args.name, {field: value for field, value in fields.items() if value})
        _refuse_strays(args)
        return register(args.name, fields)
    except WrongField as fault:
        option = "" if fault.field == "name" else f"--{fault.field} "
        value = args.name if fault.field == "name" else getattr(args, fault.field)
        raise UsageError(f"{option}{value!r}: {fault}" if value else f"{option.strip()}: {fault}") from fault


def _refuse_strays(args: argparse.Namespace) -> None:
    """An option that would do nothing is a mistake worth telling."""
    strays = ["--revision", "--base", "--template"] if args.endpoint else ["--model", "--key"]
    strays += ["--revision"] if args.folder else []
    for stray in strays:
        if getattr(args, stray.removeprefix("--")):
            raise UsageError(say(f"{stray} 옵션은 여기서 쓰지 않아요.", f"{stray} has no use here."))


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": show_list,
    "show": _show,
    "pull": _pull,
    "quantize": _quantize,
    "add": _add,
    "remove": disk.remove,
    "prune": disk.prune,
}
