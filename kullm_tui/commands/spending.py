"""Before text leaves and money is spent: the host is named, the cost is shown, and somebody agrees."""

import argparse
from collections.abc import Callable

from evaluator.cost import Budget, Estimate, users_prices_file
from kullm_tui.commands.confirm import can_ask, confirmed
from kullm_tui.commands.narration import Narration
from kullm_tui.core import consent
from kullm_tui.core.chat_client import Endpoint
from kullm_tui.core.errors import ConsentNeeded, KullmError, UsageError
from kullm_tui.core.korean import particle
from kullm_tui.core.language import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes",
        action="store_true",
        help=say("묻지 않고 보내고 씁니다", "agree to sending and spending without being asked"),
    )
    parser.add_argument(
        "--max-cost",
        type=_dollars,
        metavar="USD",
        help=say("여기까지만 쓰고 멈춥니다 (묻지 않습니다)", "spend no more than this, unasked"),
    )


def obtain_consent(endpoint: Endpoint, command: str, *, agreed_now: bool) -> None:
    """Once for each host outside this machine."""
    if consent.agreed(endpoint):
        return
    host = consent.host_of(endpoint)
    towards = particle(host, "으로/로")
    if not agreed_now:
        if not can_ask():
            raise ConsentNeeded(
                say(
                    f"질문과 답을 이 컴퓨터 밖의 {host}{towards} 보냅니다. 괜찮으면 `{command} --yes`로 한 번 동의해 주세요.",
                    f"questions and answers would leave this machine for {host}. If that is fine, agree once with `{command} --yes`.",
                )
            )
        offer = say(
            f"질문과 답을 이 컴퓨터 밖의 {host}{towards} 보냅니다. 앞으로 이곳은 다시 묻지 않습니다. 보낼까요?",
            f"Questions and answers will leave this machine for {host}; you will not be asked again. Send them?",
        )
        if not confirmed(offer):
            raise ConsentNeeded(say("보내지 않았습니다.", "nothing was sent."))
    consent.agree(endpoint)


def agreed_budget(estimate: Estimate, judge: str, args: argparse.Namespace, narration: Narration) -> Budget:
    """The budget that somebody agreed to. Nothing to pay needs nobody's word."""
    line = estimate_line(estimate, judge)
    if args.max_cost is not None:
        if estimate.dollars is None:
            raise UsageError(
                say(
                    f"{judge}의 가격을 몰라 --max-cost를 지킬 수 없습니다. {users_prices_file()}에 가격을 적어 주세요.",
                    f"the price of {judge} is not known, so --max-cost cannot be kept. Put it into {users_prices_file()}.",
                )
            )
        narration.note(line)
        return Budget(args.max_cost)
    if not estimate.calls or estimate.dollars == 0:
        return Budget()
    if args.yes:
        narration.note(line)
        return Budget()
    if not can_ask():
        advice = say("괜찮으면 --yes나 --max-cost를 붙이세요.", "If that is fine, add --yes or --max-cost.")
        raise ConsentNeeded(f"{line} {advice}")
    if not confirmed(f"{line} {say('채점할까요?', 'Go on?')}"):
        raise ConsentNeeded(say("채점하지 않았습니다.", "nothing was judged."))
    return Budget()


def estimate_line(estimate: Estimate, judge: str) -> str:
    tokens = estimate.input_tokens + estimate.output_tokens
    if estimate.dollars is None:
        price = say("가격은 모릅니다", "price unknown")
    else:
        amount = f"${estimate.dollars:.2f}" if estimate.dollars >= 0.1 else f"${estimate.dollars:.4f}"
        price = say(f"약 {amount}", f"about {amount}")
    return say(
        f"{judge}에게 {estimate.calls:,}번 묻습니다: 약 {tokens:,}토큰, {price}.",
        f"{estimate.calls:,} calls to {judge}: about {tokens:,} tokens, {price}.",
    )


def running_total(narration: Narration, wanted: int) -> Callable[[int, float], None]:
    def show(done: int, spent: float) -> None:
        narration.progress(
            say(f"채점 중 … {done:,}/{wanted:,}  ${spent:.4f}", f"judging … {done:,}/{wanted:,}  ${spent:.4f}")
        )

    return show


def told_why(stopped: KullmError | None) -> None:
    if stopped:
        raise stopped


def _dollars(text: str) -> float:
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 <= dollars <= 1_000_000:
        raise argparse.ArgumentTypeError(say("0 이상의 달러 금액이어야 합니다", "must be an amount of dollars"))
    return dollars
