"""`kullm data`: where rows come from and what is made of them. Thin: what is done stands in `data/`."""

import argparse
import importlib
from types import ModuleType

from kullm_tui.core.language import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Each action is a module of its name here, with `add_arguments(parser)` and `run(args)`."""
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    for name, help_text in _actions().items():
        _module(name).add_arguments(actions.add_parser(name, help=help_text))


def run(args: argparse.Namespace) -> int:
    return int(_module(args.action).run(args))


def _actions() -> dict[str, str]:
    return {
        "sources": say("데이터의 출처, 크기, 라이선스", "where data come from, how large they are, their licences"),
        "show": say("한 출처의 정보와 행, 읽지 못하는 곳", "one source: what is known, its rows, its faults"),
    }


def _module(action: str) -> ModuleType:
    return importlib.import_module(f"kullm_tui.commands.data.{action}")
