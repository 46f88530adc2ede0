"""`kullm feedback`: what was said of replies, from the shell. Thin: what is done stands in `kullm_tui/feedback/` and the store."""

import argparse
import importlib
from types import ModuleType

from kullm_tui.core.language import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Each action is a module here, with `add_arguments(parser)` and `run(args)`."""
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    for name, help_text in _actions().items():
        _module(name).add_arguments(actions.add_parser(name, help=help_text))


def run(args: argparse.Namespace) -> int:
    return int(_module(args.action).run(args))


def _actions() -> dict[str, str]:
    return {
        "list": say("무엇을 말했고 무엇을 배울 수 있는지", "what was said, and what can be learnt of it"),
        "export": say("배울 쌍과 행을 파일로 내보내기", "write the pairs and rows to learn from"),
        "import": say("쌍과 행이 든 파일 가져오기", "read files of pairs and rows"),
        "mark": say("답을 좋은 답이나 학습 제외로 표시하기", "mark a reply as good, or as not for training"),
        "correct": say("답을 고쳐 쓰기", "write the answer that you wanted beside a reply"),
    }


def _module(action: str) -> ModuleType:
    return importlib.import_module(f"kullm_tui.commands.feedback.{ {'import': 'bring_in'}.get(action, action) }")
