"""`kullm`: finds the verb, imports its module and nothing else, and turns every error into one or two lines.

A verb is a module with `add_arguments(parser)` and `run(args) -> int`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from kullm_tui import __version__
from kullm_tui.commands.cli.progress import clear_line
from kullm_tui.commands.cli.usage import korean_fault
from kullm_tui.core.errors import ConfigError, KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.processor import hold
from kullm_tui.core.redact import redacted, without_strays
from kullm_tui.core.text import terminal_safe
from kullm_tui.core.trust import check_homes

_INTERRUPTED = 130


@dataclass(frozen=True)
class Verb:
    name: str
    korean: str
    english: str
    package: str = ""  # of a verb with verbs of its own

    @property
    def module(self) -> Any:
        where = f"{self.package}.command" if self.package else self.name
        return importlib.import_module(f"kullm_tui.commands.{where}")

    @property
    def summary(self) -> str:
        return say(self.korean, self.english)


VERBS = (
    Verb("ask", "한 번 묻고 답을 받아요", "ask once and read the answer"),
    Verb("compare", "여러 모델에 같은 질문을 하고 비교해요", "ask several models the same and compare", "compare"),
    Verb("history", "지난 대화를 보고 옮겨요", "see, export and import conversations"),
    Verb("feedback", "답에 대한 피드백을 보고 옮겨요", "see, export and import what you said of replies", "feedback"),
    Verb("judge", "답을 GPT-4로 채점해요", "have answers judged by GPT-4", "judge"),
    Verb("eval", "모델을 논문처럼 평가해요", "evaluate models as the paper does", "evaluate"),
    Verb("serve", "모델을 OpenAI 호환 서버로 열어요", "serve models over OpenAI's protocol"),
    Verb("web", "앱을 브라우저에서 열어요", "open the app in a browser"),
    Verb("engine", "이 컴퓨터의 엔진을 보고 끝내요", "see and end this machine's engine"),
    Verb("models", "모델을 찾아보고 내려받아요", "list, show and download models", "models"),
    Verb("data", "학습할 데이터를 모으고 만들어요", "gather and build data to train on", "data"),
    Verb("train", "레시피대로 모델을 학습해요", "train a model by a recipe", "train"),
    Verb("jobs", "학습들을 보고 다뤄요", "see and handle your trainings", "jobs"),
    Verb("machines", "학습할 다른 컴퓨터를 보고 추가해요", "see and add computers to train on", "machines"),
    Verb("paper", "논문의 실험을 처음부터 끝까지 해요", "the paper's experiment, from its sources to its report"),
    Verb("adapters", "학습한 어댑터를 보고 다뤄요", "see and handle your adapters", "adapters"),
    Verb("config", "설정을 보고 바꿔요", "show and change settings"),
    Verb("keys", "API 키를 넣고 빼요", "store and remove API keys"),
    Verb("completion", "셸에서 Tab으로 완성하게 해요", "have your shell complete commands with Tab"),
    Verb("doctor", "이 컴퓨터가 준비되었는지 살펴봐요", "check that this machine is ready"),
    Verb("help", "명령의 예와 옵션을 보여요", "examples and options of a command"),
)


class Parser(argparse.ArgumentParser):
    """argparse with help in the interface's language; a mistake is a UsageError like any other."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        super().__init__(add_help=False, allow_abbrev=False, **options)
        self._positionals.title = say("인자", "arguments")
        self._optionals.title = say("옵션", "options")
        self.add_argument("-h", "--help", action="help", help=say("이 도움말을 표시해요", "show this help"))

    def error(self, message: str) -> NoReturn:
        raise _wrong_usage(message, self.prog)

    @property
    def verbs(self) -> Any:
        """The argument that chooses among verbs of its own, if it has any; argparse keeps it to itself."""
        return next((one for one in self._actions if isinstance(one, argparse._SubParsersAction)), None)


def _wrong_usage(message: str, command: str) -> UsageError:
    message = without_strays(message)
    return UsageError(
        say(
            f"{korean_fault(message)}\n`{command} --help`를 보세요.",
            f"{message}\nSee `{command} --help`.",
        )
    )


def _goes_on_alone(verb: str) -> UsageError:
    return UsageError(
        say(
            f"`kullm -c`는 앱에서 마지막 대화를 열어요. {verb} 명령과 함께 쓸 수 없어요.\n"
            '마지막 대화에 이어 한 번만 물으려면 `kullm ask --continue "질문"`을 쓰세요.',
            f"`kullm -c` opens the app at the last conversation and does not go with `{verb}`.\n"
            'To ask once more in it: `kullm ask --continue "QUESTION"`.',
        )
    )


class _Formatter(argparse.HelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, say("사용법: ", "usage: ") if prefix is None else prefix)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug = "--debug" in options  # anywhere, also after the verb and its own verbs
    arguments = [word for word in options if word != "--debug"] + arguments[len(options) :]
    try:
        check_homes()
        _choose_language()
        hold()
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except KullmError as error:
        return _report(error, str(error), error.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - the edge: a bug of ours is told in one line too
        advice = say(
            f"kullm 안의 오류예요({type(error).__name__}). `--debug`를 붙여 다시 하면 자세한 기록이 나와요.",
            f"this is a bug in kullm ({type(error).__name__}). Run it again with `--debug` for the details.",
        )
        return _report(error, advice, 1, debug=debug)


def _run(arguments: Sequence[str]) -> int:
    verb = next((word for word in arguments if not word.startswith("-")), None)
    parser, verbs = _parser(verb)
    try:
        parsed, strange = parser.parse_known_args(arguments)
    except SystemExit as finished:  # --help and --version print and leave
        return finished.code if isinstance(finished.code, int) else 0
    action = getattr(parsed, "action", "")
    if strange:
        command = " ".join(filter(None, (parser.prog, parsed.verb, action)))
        raise _wrong_usage(f"unrecognized arguments: {' '.join(strange)}", command)
    if parsed.verb is None:
        return _open_app(goes_on=parsed.goes_on) if parsed.goes_on or sys.stdout.isatty() else _sample()
    if parsed.goes_on:
        raise _goes_on_alone(parsed.verb)
    if action is None:  # a verb with verbs of its own, and none was chosen
        verbs[parsed.verb].print_help(sys.stderr)
        return UsageError.exit_code
    module = next(one.module for one in VERBS if one.name == parsed.verb)
    return int(module.run(parsed))


def _parser(chosen: str | None) -> tuple[Parser, Mapping[str, Parser]]:
    """The parser, and those of the verbs in it."""
    parser = Parser(
        prog="kullm", description=say("터미널에서 쓰는 한국어 언어 모델", "Korean language models in a terminal")
    )
    parser.add_argument("--version", action="version", version=f"kullm {__version__}", help=say("버전", "the version"))
    parser.add_argument(
        "-c",
        "--continue",
        dest="goes_on",
        action="store_true",
        help=say("마지막 대화를 열어 이어 가요", "open the app at the last conversation"),
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        help=say("오류가 나면 자세한 기록을 표시해요", "show the whole traceback of an error"),
    )
    subparsers = parser.add_subparsers(
        dest="verb", metavar=say("명령", "COMMAND"), title=say("할 수 있는 일", "what it can do")
    )
    for verb in VERBS:
        own = subparsers.add_parser(verb.name, help=verb.summary)
        if verb.name == chosen:
            verb.module.add_arguments(own)
    return parser, subparsers.choices


def parser_of(verb: str | None) -> Parser:
    """Of a verb, with all its own; of none, the one that knows the verbs."""
    parser, verbs = _parser(verb)
    return verbs.get(verb or "", parser)


def _open_app(*, goes_on: bool) -> int:
    from kullm_tui.ui import start

    return start.run(goes_on=goes_on)


def _sample() -> int:
    """With nobody to type, as in a CI job: one question answered shows that all of it works."""
    question = "대한민국의 수도는 어디인가요?"
    print(question, file=sys.stderr)
    return _run(["ask", "--input", "", question])  # whatever is piped in is not read


def _report(error: Exception, message: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        print(terminal_safe(redacted("".join(traceback.format_exception(error)))), file=sys.stderr, end="")
    else:
        clear_line()
        print(f"kullm: {terminal_safe(redacted(message))}", file=sys.stderr)
    return code


def _prepare_streams() -> None:
    """A terminal whose encoding lacks a character gets a replacement, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _choose_language() -> None:
    from kullm_tui.core.config.settings import load_config

    if os.environ.get("KULLM_LANG"):
        return
    with contextlib.suppress(ConfigError):  # told by whatever needs the configuration
        language = load_config().language
        if language:
            os.environ["KULLM_LANG"] = language


def _silence_stdout() -> None:
    """Whoever read has left: what is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
