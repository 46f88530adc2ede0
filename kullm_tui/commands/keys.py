"""`kullm keys set|list|remove`. A key is typed unseen or piped in, never an argument: others on the machine can read those."""

import argparse
import getpass
import sys

from kullm_tui.core.config.keys import KNOWN_NAMES, KeySource, check_name, list_keys, remove_key, set_key
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    actions.add_parser("list", help=say("키 이름과 저장 위치", "the names, and where each key is"))
    for action, explanation in (
        (
            "set",
            say("키를 넣어요 (값은 화면에 보이지 않게 물어요)", "store a key (asked for unseen, or read from stdin)"),
        ),
        ("remove", say("키를 지워요", "remove a key")),
    ):
        one = actions.add_parser(action, help=explanation)
        one.add_argument("name", help=say("예: ", "as in ") + ", ".join(KNOWN_NAMES))
        # Taken only to be refused without argparse repeating it on the screen.
        one.add_argument("unwanted", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    if getattr(args, "unwanted", None):
        raise UsageError(
            say(
                f"키의 값은 명령줄에 쓰지 않아요. `kullm keys {args.action} 이름`만 쓰세요. 쓴 값은 셸 기록에서 지우세요.",
                f"a key's value does not belong on the command line: just `kullm keys {args.action} NAME`. "
                "Delete the value from your shell's history.",
            )
        )
    if args.action == "list":
        return _list()
    check_name(args.name)  # before it is shown in the question for its value
    if args.action == "remove":
        return _remove(args.name)
    source = set_key(args.name, _value(args.name))
    print(
        say(f"{args.name}: {_source_text(source)}에 넣었어요.", f"{args.name}: stored in {_source_text(source)}."),
        file=sys.stderr,
    )
    return 0


def _list() -> int:
    keys = list_keys()
    for key in keys:
        print(terminal_safe(f"{key.name}\t{_source_text(key.source)}"))
    if not keys:
        print(
            say("넣은 키가 없어요. 예: kullm keys set OPENAI_API_KEY", "no keys. Try: kullm keys set OPENAI_API_KEY"),
            file=sys.stderr,
        )
    return 0


def _remove(name: str) -> int:
    if not remove_key(name):
        raise KullmError(
            say(
                f"{name}: 저장된 키가 없어요(환경 변수는 셸에서 지워요).",
                f"{name}: no such key is stored (a variable of the environment is yours to unset).",
            )
        )
    return 0


def _value(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(say(f"{name}의 값: ", f"value of {name}: "))
    return sys.stdin.buffer.read(65536).decode("utf-8", errors="replace")


def _source_text(source: KeySource) -> str:
    return {
        "environment": say("환경 변수", "the environment"),
        "keyring": say("운영체제의 키 보관함", "the keyring"),
        "file": say("파일", "the file"),
    }[source]
