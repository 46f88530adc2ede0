"""What others charge: for a million tokens of a model, for a million characters of a translator. The user's own prices come first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from kullm_tui.core import rules
from kullm_tui.core.language import say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file

_SHIPPED = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Price:
    input: float  # dollars for a million tokens
    output: float
    hangul: float = 0.75  # tokens for a syllable
    thinks: int = 0  # hidden tokens of a reasoning model, about, for each verdict
    as_of: str = ""  # the month that a shipped price is remembered from; empty for the user's own
    batch: float = 0.5  # the share of it that is charged for a call in a batch

    @property
    def in_batch(self) -> "Price":
        return replace(self, input=self.input * self.batch, output=self.output * self.batch)


@dataclass(frozen=True)
class CharacterPrice:
    characters: float  # dollars for a million of them
    free_a_month: int = 0  # characters; 0: none is given away
    as_of: str = ""


FREE = Price(0.0, 0.0)


def token_price(model: str) -> Price | None:
    price = _listed().get(model)
    return price if isinstance(price, Price) else None


def character_price(service: str) -> CharacterPrice | None:
    price = _listed().get(service)
    return price if isinstance(price, CharacterPrice) else None


def users_prices_file() -> Path:
    return config_file().with_name("prices.toml")


def _listed() -> dict[str, Price | CharacterPrice]:
    path = users_prices_file()
    return {**_shipped(), **(_prices(path) if path.exists() else {})}


@cache
def _shipped() -> dict[str, Price | CharacterPrice]:
    return _prices(_SHIPPED)


_PRICE_RULES: Mapping[str, rules.Rule] = {
    "input": rules.number(0, 100_000),
    "output": rules.number(0, 100_000),
    "hangul": rules.number(0.1, 5),
    "thinks": rules.whole(0, 1_000_000),
    "batch": rules.number(0, 1),
}
_CHARACTER_RULES: Mapping[str, rules.Rule] = {
    "characters": rules.number(0, 100_000),
    "free_a_month": rules.whole(0, 1_000_000_000),
}


def _prices(path: Path) -> dict[str, Price | CharacterPrice]:
    file, faults = OwnToml(path, "가격표를"), list[str]()
    table = file.tables()
    as_of = table.pop("as_of", "") if path == _SHIPPED else ""
    prices = {name: _price(name, row, as_of, faults) for name, row in table.items()}
    if faults:
        raise file.rejected(faults)
    return {name: price for name, price in prices.items() if price}


def _price(name: str, row: Any, as_of: str, faults: list[str]) -> Price | CharacterPrice | None:
    if isinstance(row, dict) and "characters" in row:
        values = rules.checked(row, _CHARACTER_RULES, f"{name}.", faults)
        return CharacterPrice(**values, as_of=as_of) if "characters" in values else None
    if not isinstance(row, dict) or not {"input", "output"} <= row.keys():
        faults.append(f"{name}: {say('input과 output이 있어야 해요', 'must have input and output')}")
        return None
    values = rules.checked(row, _PRICE_RULES, f"{name}.", faults)
    return Price(**values, as_of=as_of) if {"input", "output"} <= values.keys() else None
