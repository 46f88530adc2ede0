"""`kullm config path|show|set`."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.asking.target import split_adapter
from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import ROWS, SECTIONS, Config, load_config
from kullm_tui.core.endpoints.local_engine import running_engine
from kullm_tui.core.errors import ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.paths import config_file
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    actions.add_parser("path", help=say("설정 파일의 위치", "where the file is"))
    show = actions.add_parser("show", help=say("지금 쓰는 설정", "the settings in use"))
    show.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))
    change = actions.add_parser("set", help=say("설정 하나를 바꿔요", "change one setting"))
    change.add_argument(
        "key",
        help=say(
            "예: model, engine.precision, machines.이름.python", "model, engine.precision, machines.NAME.python …"
        ),
    )
    change.add_argument("value", help=say('새 값 (""이면 지워요)', 'the new value ("" takes it away)'))


def run(args: argparse.Namespace) -> int:
    if args.action == "path":
        print(config_file())
    elif args.action == "set":
        set_value(args.key, args.value)
        if args.key.startswith("engine.") and running_engine():
            Narration().note(
                say(
                    "지금 도는 엔진은 전 설정 그대로예요. `kullm engine stop`을 하면 다음 질문부터 새 설정으로 답해요.",
                    "The engine that runs keeps its old settings. After `kullm engine stop` the next question starts one with the new.",
                )
            )
        elif args.key == "model" and args.value:
            _note_what_is_lacking(args.value)
    elif args.json:
        print(terminal_safe_json(asdict(load_config())))
    else:
        print(terminal_safe("\n".join(_lines(load_config()))))
    return 0


def _note_what_is_lacking(chosen: str) -> None:
    """It may be downloaded later, so it is set all the same."""
    endpoints = load_config().endpoints
    try:
        ref = resolve(split_adapter(chosen, endpoints)[0], endpoints=endpoints)
        if ref.kind != "endpoint":
            local_folder(ref)
    except ModelNotFound as error:
        Narration().note(say(f"설정했어요. 다만 {error}", f"It is set, but {error}"))


def _lines(config: Config) -> list[str]:
    """The settings in the file's own form, defaults included."""
    every = asdict(config)
    lines = [_line(name, value) for name, value in every.items() if name not in (*SECTIONS, *ROWS)]
    for section in SECTIONS:
        lines += ["", f"[{section}]", *(_line(name, value) for name, value in every[section].items())]
    for kind in ROWS:
        for row in every[kind]:
            lines += ["", f"[[{kind}]]", *(_line(name, value) for name, value in row.items())]
    return lines


def _line(name: str, value: Any) -> str:
    return f"{name} = {_toml(value)}" if value is not None else f"# {name}"


def _toml(value: Any) -> str:
    # JSON's texts, numbers and lists are TOML's too.
    return json.dumps(value, ensure_ascii=False)
