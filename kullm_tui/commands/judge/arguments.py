"""The arguments that say who judges, by which rubric and for how much. Nothing of the evaluator is imported for them."""

import argparse
from collections.abc import Callable, Sequence

from kullm_tui.core.config.settings import JUDGING_RULES, JudgingSettings
from kullm_tui.core.language import say
from kullm_tui.core.rules import Fault

DEFAULT_RUBRIC = "kullm-2023-ko"
MOST_REPEATS = 100


def add_choice(parser: argparse.ArgumentParser, rubrics: Sequence[str] = ()) -> None:
    listed = ", ".join(rubrics) or say("이름(`kullm judge --help`)", "a name (`kullm judge --help`)")
    parser.add_argument(
        "--rubric",
        default=DEFAULT_RUBRIC,
        metavar="R",
        help=say("채점 기준: ", "the rubric: ") + listed + say(", 파일.toml", ", FILE.toml"),
    )
    add_judge(parser)


def add_judge(parser: argparse.ArgumentParser) -> None:
    """Who, where the rubric is settled."""
    parser.add_argument(
        "--judge-model",
        default="",
        metavar="M",
        help=say(
            "채점할 모델 (없으면 키로 쓸 수 있는 것 중에서 골라요)",
            "the judge (else chosen from what the key can use)",
        ),
    )
    parser.add_argument(
        "--mode",
        choices=["paper", "strict"],
        help=say("paper: 논문처럼 글로, strict: JSON으로", "paper: free text as in the paper, strict: JSON"),
    )


def add_spending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes",
        action="store_true",
        help=say("묻지 않고 보내고 비용을 써요", "agree to sending and spending without being asked"),
    )
    parser.add_argument(
        "--max-cost",
        type=dollars,
        metavar="USD",
        help=say("이 금액까지만 쓰고 멈춰요 (묻지 않아요)", "spend no more than this, unasked"),
    )


def add_calls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=_ruled("timeout_seconds"),
        metavar="SECONDS",
        help=say("한 호출의 답을 기다리는 시간 (기본 120초)", "how long one call may take (120 s unless told)"),
    )
    parser.add_argument(
        "--at-once",
        type=_ruled("at_once"),
        metavar="N",
        help=say(
            "채점자에게 한꺼번에 물을 수 있는 수 (기본 64)", "calls to the judge at once, at most (64 unless told)"
        ),
    )


def add_batch(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--batch",
        action="store_true",
        help=say(
            "배치로 맡겨 반값에 채점해요 (하루까지 걸리고, 꺼도 이어져요)",
            "judge in batches at half the price (takes up to a day; goes on after it was ended)",
        ),
    )


def calls_of(args: argparse.Namespace, settings: JudgingSettings) -> JudgingSettings:
    """As the configuration has it, or as it was asked for now."""
    return JudgingSettings(args.timeout or settings.timeout_seconds, args.at_once or settings.at_once)


def _ruled(name: str) -> Callable[[str], float]:
    """A number that the configuration would take too."""

    def number(text: str) -> float:
        try:
            value: float = float(text) if not text.isdecimal() else int(text)
            return JUDGING_RULES[name](value)  # type: ignore[no-any-return]
        except ValueError as error:
            raise argparse.ArgumentTypeError(say("숫자여야 해요", "must be a number")) from error
        except Fault as fault:
            raise argparse.ArgumentTypeError(str(fault)) from fault

    return number


def dollars(text: str) -> float:
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 <= dollars <= 1_000_000:
        raise argparse.ArgumentTypeError(say("0 이상의 달러 금액이어야 해요", "must be an amount of dollars"))
    return dollars
