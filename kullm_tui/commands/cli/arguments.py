"""The question of a command line: its words from the arguments or stdin, and how the answer is to be decoded."""

import argparse
import os
import stat
import sys
from collections.abc import Callable
from typing import Any

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import PAPER_DECODING
from kullm_tui.core.records import Message

_LARGEST_INPUT_BYTES = 8_000_000
# What the engine takes.
_MOST_TOKENS = 1_000_000
_MOST_STOPS = 16
_LONGEST_STOP = 1000
_MOST_DIGITS = 100
_EXAMPLE = 'kullm ask "대한민국의 수도는?"'
_DECODING_FIELDS = ("max_tokens", "temperature", "top_p", "seed", "stop")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_prompt_arguments(parser)
    parser.add_argument(
        "-m",
        "--model",
        help=say(
            "모델: 이름, 모델+어댑터, 저장소, 폴더, 엔드포인트/모델",
            "MODEL, MODEL+ADAPTER, repository, folder, endpoint/model",
        ),
    )
    parser.add_argument("--adapter", help=say("함께 쓸 어댑터의 이름이나 폴더", "an adapter's name or folder"))
    add_decoding_arguments(parser)


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "prompt",
        nargs="?",
        metavar="PROMPT",
        help=say('질문. "-"이면 표준 입력에서 읽어요', 'the question; "-" reads stdin'),
    )
    add("--system", default="", help=say("시스템 프롬프트", "the system text"))
    add("--input", help=say("지시와 따로 주는 입력 글", "an input beside the instruction"))


def add_decoding_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--decoding", choices=["paper"], help=say("구름 논문의 디코딩 설정", "the KULLM paper's decoding"))
    add(
        "--max-tokens",
        type=whole(1, _MOST_TOKENS),
        metavar="N",
        help=say("답의 최대 토큰 수", "the most tokens of an answer"),
    )
    add(
        "--temperature",
        type=_temperature,
        metavar="T",
        help=say("0이면 가장 그럴듯한 것만", "0 takes the likeliest"),
    )
    add(
        "--top-p",
        type=_top_p,
        metavar="P",
        help=say("뽑을 후보의 누적 확률", "the probability mass to draw from"),
    )
    add(
        "--seed",
        type=whole(0, 2**63 - 1),
        metavar="N",
        help=say("같은 답을 다시 얻는 시드", "a seed that repeats an answer"),
    )
    add(
        "--stop",
        action="append",
        type=_stop,
        metavar="S",
        help=say("여기서 멈춰요 (여러 번 쓸 수 있음)", "stop here (repeatable)"),
    )


def decoding(args: argparse.Namespace) -> dict[str, Any]:
    """Only what was asked for; the rest is the profile's."""
    fields = PAPER_DECODING.request_fields() if args.decoding == "paper" else {}
    if len(args.stop or ()) > _MOST_STOPS:
        raise UsageError(
            say(f"--stop은 {_MOST_STOPS}번까지 쓸 수 있어요.", f"--stop can be given {_MOST_STOPS} times.")
        )
    given = {name: getattr(args, name) for name in _DECODING_FIELDS}
    return {**fields, **{name: value for name, value in given.items() if value is not None}}


def read(args: argparse.Namespace, *, example: str = _EXAMPLE) -> Message:
    """PROMPT, or stdin in its place; beside a PROMPT, what is piped in is its input."""
    prompt, extra = args.prompt, args.input
    if prompt == "-" or (prompt is None and _is_piped()):
        prompt = _stdin_text()
    elif prompt is not None and extra is None and _is_piped():
        extra = _stdin_text()
    for text in (prompt, extra, args.system):
        _require_text(text or "")
    if prompt is None or not prompt.strip():
        raise UsageError(
            say(
                f"질문이 비어 있어요. 예: {example}",
                f"the question is empty. Try: {example}",
            )
        )
    return Message("user", prompt, extra or "")


def _is_piped() -> bool:
    """A pipe or a file; not a terminal, /dev/null or a closed descriptor."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return sys.stdin is not None and (stat.S_ISFIFO(mode) or stat.S_ISREG(mode))


def _stdin_text() -> str:
    data = sys.stdin.buffer.read(_LARGEST_INPUT_BYTES + 1) if sys.stdin else b""
    if len(data) > _LARGEST_INPUT_BYTES:
        raise UsageError(say("표준 입력이 너무 커요 (8 MB까지).", "stdin is too large (8 MB at most)."))
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(
            say(
                "표준 입력이 UTF-8이 아니에요. 예: iconv -f cp949 -t utf-8",
                "stdin is not UTF-8. Try: iconv -f cp949 -t utf-8",
            )
        ) from None


def _require_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(say("명령줄의 글이 UTF-8이 아니에요.", "the command line's text is not UTF-8.")) from None


def whole(low: int, high: int) -> Callable[[str], int]:
    """What takes a whole number of this range, and tells argparse of any other text."""

    def convert(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(
                say(f"{low}에서 {high:,} 사이의 정수여야 해요", f"must be a whole number from {low} to {high:,}")
            )
        return int(text)

    return convert


LAST = "last"


def whole_or_last(low: int, high: int) -> Callable[[str], int | None]:
    """None for the last of them."""
    convert = whole(low, high)
    return lambda text: None if text == LAST else convert(text)


def _temperature(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 10:
        raise argparse.ArgumentTypeError(say("0에서 10 사이의 수여야 해요", "must be a number from 0 to 10"))
    return number


def _top_p(text: str) -> float:
    number = _number(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(
            say("0보다 크고 1 이하인 수여야 해요", "must be a number above 0 and at most 1")
        )
    return number


def _number(text: str) -> float:
    """NaN, which is in no range, for what is no number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _stop(text: str) -> str:
    if not 0 < len(text) <= _LONGEST_STOP:
        raise argparse.ArgumentTypeError(
            say(
                f"1자에서 {_LONGEST_STOP:,}자까지의 글이어야 해요",
                f"must be a text of 1 to {_LONGEST_STOP:,} characters",
            )
        )
    return text
