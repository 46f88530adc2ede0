"""`kullm help [VERB [ACTION]]`: examples that can be typed as they stand, then what the command line knows."""

import argparse
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from kullm_tui.commands.main import VERBS, Parser, parser_of
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Example:
    command: str
    korean: str
    english: str

    @property
    def says(self) -> str:
        return say(self.korean, self.english)

    @property
    def action(self) -> str:
        words = shlex.split(self.command)
        at = words.index("kullm") + 2
        return words[at] if at < len(words) else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "about",
        nargs="?",
        choices=[verb.name for verb in VERBS],
        metavar=say("명령", "COMMAND"),
        help=say("알고 싶은 명령", "the command to tell about"),
    )
    parser.add_argument(
        "of", nargs="?", metavar=say("동작", "ACTION"), help=say("그 안의 동작", "one of its own verbs")
    )


def run(args: argparse.Namespace) -> int:
    if args.about is None:
        parser_of(None).print_help()
        print(say("\n예를 보려면 kullm help 명령", "\nexamples: kullm help COMMAND"))
        return 0
    parser = _parser(args.about, args.of)
    shown = [one for one in examples(args.about) if args.of in (None, one.action)]
    if shown:
        print("\n".join(_lines(shown)), end="\n\n")
    parser.print_help()
    return 0


def examples(verb: str) -> Sequence[Example]:
    text = resources.files(__package__).joinpath("examples.toml").read_text(encoding="utf-8")
    return [Example(**one) for one in tomllib.loads(text).get(verb, ())]


def _lines(shown: Sequence[Example]) -> Iterator[str]:
    yield say("예:", "examples:")
    for one in shown:
        yield f"  {one.command}"
        yield f"      {one.says}"


def _parser(verb: str, action: str | None) -> Parser:
    parser = parser_of(verb)
    if action is None:
        return parser
    own: dict[str, Parser] = parser.verbs.choices if parser.verbs else {}
    if action not in own:
        raise UsageError(
            say(f"`kullm {verb}`에는 `{action}` 동작이 없어요.", f"`kullm {verb}` has no verb `{action}`.")
        )
    return own[action]
