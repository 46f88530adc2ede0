"""The recipes to begin with, and what is known of the chosen one: what it trains, where its figures come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_RECIPES
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.row_list import Row, Rows
from trainer.recipe import Recipe

_NAME_CELLS = 24


@dataclass(frozen=True)
class RecipeRow:
    recipe: Recipe
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        recipe = self.recipe
        name = Content(safe_line(recipe.name))
        gap = " " * max(2, _NAME_CELLS - name.cell_length)
        return Content.assemble(name, gap, (safe_line(recipe.told), "$quiet")).truncate(width, ellipsis=True)


@dataclass(frozen=True)
class FileRow:
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, _width: int, /) -> Content:
        return Content(say("내 레시피 파일 열기 …", "Open a recipe of my own …"))


class RecipeRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_RECIPES)

    def action_take_recipe(self) -> None:
        self.action_take()


class RecipeChoice(Vertical):
    DEFAULT_CSS = """
    RecipeChoice #recipes { height: 1fr; min-height: 6; padding: 0 1; }
    RecipeChoice #about { height: auto; max-height: 45%; border-top: solid $rule; padding: 0 1; }
    RecipeChoice #about Static { width: 100%; }
    """

    @dataclass
    class Chosen(Message):
        recipe: Recipe | None  # None: a file of one's own

    def compose(self) -> ComposeResult:
        yield RecipeRows(id="recipes")
        with VerticalScroll(id="about", can_focus=False):
            yield Static(id="facts", markup=False)

    def offer(self, recipes: Sequence[Recipe]) -> None:
        rows: list[Row] = [*(RecipeRow(recipe) for recipe in recipes), FileRow()]
        self.query_one(RecipeRows).show(rows, 0)
        self._describe()

    def relabel(self) -> None:
        self.query_one(RecipeRows).refresh()
        self._describe()

    @on(Rows.Moved)
    def _describe(self) -> None:
        row = self._chosen()
        self.query_one("#facts", Static).update(about(row.recipe) if isinstance(row, RecipeRow) else _about_files())

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        self.post_message(self.Chosen(row.recipe if isinstance(row, RecipeRow) else None))

    def _chosen(self) -> Row | None:
        rows = self.query_one(RecipeRows)
        return rows.rows[rows.chosen] if rows.chosen is not None else None


def about(recipe: Recipe) -> Content:
    model, data, method, train = recipe.model, recipe.data, recipe.method, recipe.train
    what = f"LoRA r{method.rank}" if method.kind == "lora" else method.kind
    lasting = (
        say(f"{train.minutes:g}분", f"{train.minutes:g} min")
        if train.minutes
        else say(f"{train.epochs:g}에포크", f"{train.epochs:g} epochs")
    )
    lines = [
        Content(safe_line(recipe.told)).stylize("bold"),
        Content(f"{safe_line(model.base)} ({model.precision}) · {what} · {safe_line(data.named)} · {lasting}"),
    ]
    if recipe.told_source:
        lines.append(Content.assemble((say("출처  ", "from  "), "$quiet"), plain(recipe.told_source)))
    if recipe.told_notes:
        lines.append(plain(recipe.told_notes).stylize("$quiet"))
    return Content("\n").join(lines)


def _about_files() -> Content:
    return Content(
        say(
            "TOML로 쓴 레시피 파일을 열어요. `kullm train`에 주는 것과 같은 파일이에요.",
            "Opens a recipe in TOML, the same file that `kullm train` takes.",
        )
    )
