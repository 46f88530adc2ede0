"""Before a translation is paid for: its price is shown, and somebody agrees."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import ConsentNeeded, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.money import money

if TYPE_CHECKING:
    from data.making import Agree
    from data.priced import Price


def agreeing(args: argparse.Namespace, narration: Narration) -> Agree:
    def agree(price: Price) -> bool:
        """ConsentNeeded where nobody agrees. Nothing to pay needs nobody's word."""
        narration.clear()
        if args.max_cost is not None:
            _keep_within(price, args.max_cost)
        elif not price.is_free and not args.yes:
            _ask(price)
        narration.note(price.told)
        return True

    return agree


def _keep_within(price: Price, most: float) -> None:
    if price.dollars is None:
        raise UsageError(
            say(
                "가격을 몰라 --max-cost를 지킬 수 없어요. --yes로 동의하거나 가격을 적어 주세요.",
                "the price is not known, so --max-cost cannot be kept. Agree with --yes, or write the price down.",
            )
        )
    if price.dollars > most:
        raise ConsentNeeded(
            say(
                f"번역에 {money(price.dollars)}가 들어 --max-cost {money(most)}를 넘어요. 아무것도 보내지 않았어요.",
                f"the translation costs {money(price.dollars)}, more than --max-cost {money(most)}. Nothing was sent.",
            )
        )


def _ask(price: Price) -> None:
    told = price.told
    if not can_ask():
        raise ConsentNeeded(
            f"{told} " + say("괜찮으면 --yes나 --max-cost를 붙이세요.", "If that is fine, add --yes or --max-cost.")
        )
    if not confirmed(f"{told} {say('번역할까요?', 'Go on?')}"):
        raise ConsentNeeded(say("아무것도 보내지 않았어요.", "nothing was sent."))
