"""Money as it is shown: dollars, with won beside them where the user set a rate."""

from kullm_tui.core.language import say

_CENTS_FROM = 0.1  # dollars; below, a verdict's fractions of a cent count


def money(dollars: float, won_per_dollar: float | None = None) -> str:
    """`$0.0021`, `$1.20`; with a rate `$0.0021(3원)`."""
    amount = f"${dollars:,.2f}" if dollars >= _CENTS_FROM or dollars == 0 else f"${dollars:.4f}"
    if not won_per_dollar:
        return amount
    won = dollars * won_per_dollar
    counted = f"{won:,.0f}" if won >= 1 or won == 0 else f"{won:.1f}"
    return say(f"{amount}({counted}원)", f"{amount} (₩{counted})")
