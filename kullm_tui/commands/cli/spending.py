"""Before money is spent: the cost is shown, and somebody agrees."""

import argparse

from evaluator.cost import Budget, Estimate
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import ConsentNeeded, KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.prices import users_prices_file


def agreed_budget(estimate: Estimate, judge: str, args: argparse.Namespace, narration: Narration) -> Budget:
    """The budget that somebody agreed to."""
    agree(estimate, judge, args, narration)
    return Budget(args.max_cost)


def agree(estimate: Estimate, judge: str, args: argparse.Namespace, narration: Narration) -> None:
    """ConsentNeeded where nobody agrees to the cost. Nothing to pay needs nobody's word."""
    refuse_unattended(estimate, judge, args)
    line = estimate_line(estimate, judge)
    if args.max_cost is not None:
        narration.note(line)
        return
    if not estimate.calls or estimate.dollars == 0:
        return
    if args.yes:
        narration.note(line)
    elif not confirmed(f"{line} {say('채점할까요?', 'Go on?')}"):
        raise ConsentNeeded(say("채점하지 않았어요.", "nothing was judged."))


def refuse_unattended(estimate: Estimate, judge: str, args: argparse.Namespace) -> None:
    """Where money would be spent and nobody is there to agree, or a limit could not be kept."""
    if args.max_cost is not None and estimate.dollars is None:
        raise UsageError(
            say(
                f"{judge}의 가격을 몰라 --max-cost를 지킬 수 없어요. {users_prices_file()}에 가격을 적어 주세요.",
                f"the price of {judge} is not known, so --max-cost cannot be kept. Put it into {users_prices_file()}.",
            )
        )
    costs = bool(estimate.calls) and estimate.dollars != 0
    if costs and args.max_cost is None and not args.yes and not can_ask():
        advice = say("괜찮으면 --yes나 --max-cost를 붙이세요.", "If that is fine, add --yes or --max-cost.")
        raise ConsentNeeded(f"{estimate_line(estimate, judge)} {advice}")


def estimate_line(estimate: Estimate, judge: str) -> str:
    tokens = estimate.input_tokens + estimate.output_tokens
    if estimate.dollars is None:
        price = say("가격을 몰라요", "price unknown")
    else:
        amount = money(estimate.dollars)
        price = say(f"약 {amount}", f"about {amount}")
        if estimate.as_of and estimate.dollars:
            price += say(f" ({estimate.as_of} 기준으로 저장된 가격)", f" (at prices remembered from {estimate.as_of})")
        if estimate.share is not None:
            price += say(
                f", 배치라서 정가의 {estimate.share:.0%}", f", {estimate.share:.0%} of the usual price as a batch"
            )
    return say(
        f"{judge}에게 {estimate.calls:,}번 물어요: 약 {tokens:,}토큰, {price}.",
        f"{estimate.calls:,} calls to {judge}: about {tokens:,} tokens, {price}.",
    )


def told_why(stopped: KullmError | None) -> None:
    if stopped:
        raise stopped
