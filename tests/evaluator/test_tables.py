"""The two tables that come along, prices and judges: dated where they are from memory, and the user's own before them."""

import tomllib

import pytest

from evaluator.cost import estimated, price_of
from evaluator.judge import Judge
from evaluator.judge_choice import strongest
from evaluator.judge_table import judge_parameters, judge_table, users_judges_file
from evaluator.rubric import load_rubric
from evaluator.verdict import Item
from kullm_tui.commands.cli.spending import estimate_line
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.prices import users_prices_file
from tests.architecture.project import ROOT

AWAY = Endpoint("openai", "https://api.openai.com/v1")


def line(model: str) -> str:
    judge = Judge(AWAY, model, "paper")
    return estimate_line(estimated(judge, load_rubric("kullm-2023-ko"), [Item("q", "수도는?", "", "서울")]), model)


def test_a_remembered_price_is_said_to_be_one_and_of_which_month() -> None:
    shipped = tomllib.loads((ROOT / "kullm_tui" / "core" / "prices.toml").read_text(encoding="utf-8"))
    assert f"({shipped['as_of']} 기준으로 저장된 가격)" in line("gpt-4.1")
    assert "저장된 가격" in line("gpt-4.1-2025-04-14")
    assert "가격을 몰라요" in line("gpt-9")


def test_the_users_own_price_comes_first_and_is_not_called_remembered() -> None:
    users_prices_file().write_text('["gpt-4.1"]\ninput = 7\noutput = 70\n')
    price = price_of(Judge(AWAY, "gpt-4.1-2025-04-14", "paper"))
    assert price is not None
    assert (price.input, price.output, price.as_of) == (7, 70, "")
    assert "저장된 가격" not in line("gpt-4.1")
    assert "저장된 가격" in line("gpt-4o")


@pytest.mark.parametrize(
    "text", ['["gpt-4.1"]\ninput = 7\n', '["m"]\ninput = "x"\noutput = 1\n', 'as_of = "2026-01"\n', "["]
)
def test_a_price_list_with_faults_is_refused(text: str) -> None:
    users_prices_file().write_text(text)
    with pytest.raises(ConfigError, match="prices.toml"):
        price_of(Judge(AWAY, "gpt-4.1", "paper"))


def test_the_users_judges_come_before_the_shipped_ones() -> None:
    offered = ("gpt-4o", "gpt-4.1", "our-judge")
    assert strongest(offered, AWAY) == "gpt-4.1"
    users_judges_file().write_text(
        'preferred = ["our-judge"]\n[[parameters]]\nmatch = "our-.*"\ntemperature = 0.2\nmax_completion_tokens = 900\n'
    )
    assert strongest(offered, AWAY) == "our-judge"
    assert judge_parameters("our-judge") == {"temperature": 0.2, "max_completion_tokens": 900}
    assert judge_parameters("gpt-4.1") == {"temperature": 0}
    assert judge_parameters("o3") == {}


def test_parameters_alone_leave_the_preferred_judges_as_they_are() -> None:
    shipped = judge_table().preferred
    users_judges_file().write_text('[[parameters]]\nmatch = "gpt-4o"\nseed = 7\n')
    assert judge_table().preferred == shipped
    assert judge_parameters("gpt-4o") == {"seed": 7}


@pytest.mark.parametrize(
    "text", ["preferred = 3", "prefered = []", "[[parameters]]\ntemperature = 0", '[[parameters]]\nmatch = "("', "x"]
)
def test_a_judges_table_with_faults_is_refused(text: str) -> None:
    users_judges_file().write_text(text)
    with pytest.raises(ConfigError, match="judges.toml"):
        judge_table()
