"""Money as it is shown: dollars, with won beside them where the user set a rate."""

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

_MOST_DOLLARS = 1_000_000
_CENTS_FROM = 0.1  # dollars; below, a verdict's fractions of a cent count


def money(dollars: float, won_per_dollar: float | None = None) -> str:
    """`$0.0021`, `$1.20`; with a rate `$0.0021(3원)`."""
    amount = f"${dollars:,.2f}" if dollars >= _CENTS_FROM or dollars == 0 else f"${dollars:.4f}"
    if not won_per_dollar:
        return amount
    won = dollars * won_per_dollar
    counted = f"{won:,.0f}" if won >= 1 or won == 0 else f"{won:.1f}"
    return say(f"{amount}({counted}원)", f"{amount} (₩{counted})")


def budget_of(text: str) -> float | None:
    """What was typed as a budget, in dollars; None for nothing."""
    text = text.strip().removeprefix("$")
    if not text:
        return None
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 <= dollars <= _MOST_DOLLARS:
        raise UsageError(say("예산은 0 이상의 달러 금액이어야 해요.", "The budget must be an amount of dollars."))
    return dollars
