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
        "estimate": say("혼합의 번역에 드는 비용", "what a mixture's translation would cost"),
        "build": say("혼합대로 데이터를 만들어요", "build a mixture"),
        "emit": say("천만 행이 넘을 때: datatrove 파이프라인으로", "as a datatrove pipeline, past ten million rows"),
        "check": say("파일을 살펴보고 빠질 행을 알려 줘요", "look through a file: what would be left out"),
        "push": say("만든 데이터를 허브에 올려요", "upload what was built to the hub"),
        "rejected": say("빠진 행과 그 까닭", "the rows that were left out, and why"),
    }


def _module(action: str) -> ModuleType:
    return importlib.import_module(f"kullm_tui.commands.data.{action}")
