"""`kullm adapters`: the user's own adapters, listed, brought in, merged into their base, exported, kept for the chat, removed."""

import argparse
import time
from collections.abc import Callable
from typing import Any

from kullm_tui.commands.adapters import export_gguf, merge
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.errors import AdapterError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import (
    Adapter,
    adapter_named,
    card_of,
    free_name,
    import_adapter,
    list_adapters,
    remove_adapter,
)
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json
from kullm_tui.feedback.card import card_lines
from kullm_tui.feedback.keeping import keep_model, roll_back


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    listing = actions.add_parser("list", help=say("어댑터의 목록", "the adapters there are"))
    listing.add_argument("--json", action="store_true", help=say("JSON으로, 한 줄에 하나", "as JSON, one a line"))
    bring = actions.add_parser(
        "import", help=say("폴더나 압축 파일의 어댑터를 가져와요", "bring in a folder or archive")
    )
    bring.add_argument(
        "source", metavar="FOLDER", help=say("PEFT 어댑터의 폴더나 zip, tar", "a PEFT adapter's folder, zip or tar")
    )
    bring.add_argument("--name", metavar="NAME", help=say("여기서 쓸 이름", "what to call it here"))
    merge.add_arguments(
        actions.add_parser(
            "merge", help=say("베이스에 합쳐 온전한 모델을 만들어요", "make a whole model of base and adapter")
        )
    )
    export_gguf.add_arguments(
        actions.add_parser(
            "export-gguf",
            help=say(
                "베이스에 합쳐 llama.cpp와 Ollama의 파일로", "with its base, as a file of llama.cpp's and Ollama's"
            ),
        )
    )
    card = actions.add_parser(
        "card",
        help=say("무엇으로 어떻게 학습했고 무엇이 달라졌는지", "what it was trained on and how, and what it changed"),
    )
    card.add_argument("name", metavar="NAME", help=say("어댑터의 이름", "the adapter's name"))
    card.add_argument("--json", action="store_true", help=say("JSON 하나로", "as one JSON object"))
    keeping = actions.add_parser(
        "keep", help=say("앞으로 이 어댑터가 대화에 답해요", "have it answer in the chat from now on")
    )
    keeping.add_argument(
        "name", metavar="NAME", help=say("어댑터, 모델+어댑터, 모델", "an adapter, MODEL+ADAPTER, or a model")
    )
    actions.add_parser(
        "rollback",
        help=say("대화에 답하는 모델을 keep 전으로 되돌려요", "have the chat's model as it was before the last keep"),
    )
    removal = actions.add_parser("remove", help=say("어댑터를 지워요", "remove an adapter"))
    removal.add_argument("name", metavar="NAME", help=say("어댑터의 이름", "the adapter's name"))
    removal.add_argument("--yes", action="store_true", help=say("묻지 않고 지워요", "remove without asking"))


def run(args: argparse.Namespace) -> int:
    return _ACTIONS[args.action](args)


def _list(args: argparse.Namespace) -> int:
    from trainer.jobs.keep import keep_finished
    from trainer.jobs.registry import known_jobs

    keep_finished(known_jobs())
    adapters = list_adapters()
    if args.json:
        for adapter in adapters:
            print(terminal_safe_json(_facts(adapter)))
        return 0
    if not adapters:
        Narration().note(
            say(
                "아직 어댑터가 없어요. `kullm train`으로 학습하거나 `kullm adapters import 폴더`로 가져오세요.",
                "There are no adapters yet. Train one with `kullm train`, or bring one in with `kullm adapters import FOLDER`.",
            )
        )
        return 0
    for line in aligned([_row(adapter) for adapter in adapters], right=[4]):
        print(terminal_safe(line))
    return 0


def _row(adapter: Adapter) -> list[str]:
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(adapter.made))
    origin = " ".join(filter(None, (adapter.recipe, adapter.run)))
    size = size_text(adapter.bytes)
    return [adapter.name, adapter.base or "?", adapter.template or "-", adapter.method, size, day, origin]


def _facts(adapter: Adapter) -> dict[str, Any]:
    return {
        "name": adapter.name,
        "folder": str(adapter.folder),
        "base": adapter.base or None,
        "template": adapter.template or None,
        "method": adapter.method,
        "bytes": adapter.bytes,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(adapter.made)),
        "run": adapter.run or None,
        "recipe": adapter.recipe or None,
        "card": card_of(adapter) or None,
    }


def _import(args: argparse.Namespace) -> int:
    source = paths.typed(args.source)
    if not source.exists():
        raise AdapterError(
            say(
                f"{source}: 그런 파일이나 폴더가 없어요. 어댑터의 폴더나 압축 파일의 경로를 확인하세요.",
                f"There is no {source}. Check the path of the adapter's folder or archive.",
            )
        )
    adapter = import_adapter(source, args.name or free_name(source.resolve().name.split(".")[0]))
    base = f"-m {adapter.base} " if adapter.base else ""
    Narration().note(say("가져왔어요. 이렇게 써요:", "Brought in. Use it like this:"))
    print(terminal_safe(f'kullm ask {base}--adapter {adapter.name} "안녕하세요?"'))
    return 0


def _remove(args: argparse.Namespace) -> int:
    adapter = adapter_named(args.name)
    if not args.yes:
        if not can_ask():
            raise UsageError(
                say(
                    f"지우려면 `kullm adapters remove {adapter.name} --yes`로 하세요.",
                    f"To remove it: `kullm adapters remove {adapter.name} --yes`.",
                )
            )
        name = f"{adapter.name}({size_text(adapter.bytes)})"
        if not confirmed(say(f"{name} 어댑터를 지울까요?", f"Remove {name}?")):
            Narration().note(say("그대로 두었어요.", "Nothing was removed."))
            return 1
    remove_adapter(adapter.name)
    Narration().note(say(f"{adapter.name} 어댑터를 지웠어요.", f"{adapter.name} was removed."))
    return 0


def _card(args: argparse.Namespace) -> int:
    adapter = adapter_named(args.name)
    if args.json:
        print(terminal_safe_json(_facts(adapter)))
        return 0
    for line in aligned(card_lines(adapter)):
        print(terminal_safe(line))
    return 0


def _keep(args: argparse.Namespace) -> int:
    switch = keep_model(args.name)
    if switch.changes:
        Narration().note(
            say(
                f"이제 대화에는 {switch.now} 모델이 답해요. 전의 모델({switch.before})로 돌아가려면: kullm adapters rollback",
                f"{switch.now} answers in the chat now. To go back to {switch.before}: kullm adapters rollback",
            )
        )
    else:
        Narration().note(
            say(f"이미 대화에는 {switch.now} 모델이 답해요.", f"{switch.now} answers in the chat already.")
        )
    return 0


def _roll_back(_args: argparse.Namespace) -> int:
    switch = roll_back()
    Narration().note(
        say(
            f"되돌렸어요. 대화에는 다시 {switch.now} 모델이 답해요.",
            f"Rolled back: {switch.now} answers in the chat again.",
        )
    )
    return 0


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "import": _import,
    "merge": merge.run,
    "export-gguf": export_gguf.run,
    "card": _card,
    "keep": _keep,
    "rollback": _roll_back,
    "remove": _remove,
}
