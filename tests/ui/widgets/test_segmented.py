"""Choices on one line: where it is too short for all, the chosen one is in sight and the arrows lead to the others."""

import pytest
from textual.app import App, ComposeResult

from kullm_tui.ui.widgets.segmented import Choice
from tests.ui.snapshot import text_of

_NAMES = ("kullm-2023", "kullm-2023-ko", "mt-bench", "파일")


class _OneLine(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"quiet": "#808080"}

    def compose(self) -> ComposeResult:
        yield Choice(_NAMES)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (60, ["kullm-2023   kullm-2023-ko   mt-bench   파일"] * 4),
        (
            30,
            [
                "kullm-2023   kullm-2023-ko ›",
                "‹ kullm-2023-ko   mt-bench ›",
                "‹ mt-bench   파일",
                "‹ mt-bench   파일",
            ],
        ),
        (12, ["kullm-2023 ›", "‹ kullm-202…", "‹ mt-bench ›", "‹ 파일"]),
    ],
)
async def test_the_chosen_one_is_always_in_sight(width: int, shown: list[str]) -> None:
    app = _OneLine()
    async with app.run_test(size=(width, 1)) as pilot:
        app.query_one(Choice).focus()
        seen = []
        for _ in _NAMES:
            await pilot.pause()
            seen.append(text_of(app).rstrip())
            await pilot.press("right")
        assert seen == shown


async def test_a_click_on_an_arrow_chooses_what_is_hidden_there() -> None:
    app = _OneLine()
    async with app.run_test(size=(30, 1)) as pilot:
        await pilot.click(Choice, offset=(len("kullm-2023   kullm-2023-ko ›") - 1, 0))
        assert app.query_one(Choice).chosen == 2
        await pilot.pause()
        await pilot.click(Choice, offset=(0, 0))
        assert app.query_one(Choice).chosen == 1
