"""One evaluation: how far it is, the paper's table, the figure, every item, and what people say. It can be stopped and gone on with here."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widgets._content_switcher import ContentSwitcher
from textual.widgets._static import Static

from evaluator.evaluation import load_run
from evaluator.preparation import Prepared, Preparing, wishes_of
from evaluator.runs import counts_of, plan_of
from evaluator.verdicts import VerdictStore
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.ui.background import Work, begin, is_there
from kullm_tui.ui.dialogs.consent import may_leave_for
from kullm_tui.ui.evaluate.item_browser import ItemBrowser
from kullm_tui.ui.evaluate.items import RunFacts, facts_of
from kullm_tui.ui.evaluate.runs import Running
from kullm_tui.ui.evaluate.tables import page_lines, people_lines
from kullm_tui.ui.evaluate.text import button_label, count_line, plan_lines, progress_lines, standing_words
from kullm_tui.ui.keymap import EVALUATION, bindings
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import Config
    from kullm_tui.ui.evaluate.host import EvaluationsHost

View = Literal["progress", "table", "plot", "items", "people"]

_REDRAW_SECONDS = 0.25
_READ_AGAIN_SECONDS = 10.0  # what has come since, while it runs: the tables reckon for seconds


class Views(Static):
    """A click on a view goes to it."""

    def on_click(self, event: events.Click) -> None:
        view = event.style.meta.get("view")
        if view and isinstance(self.screen, EvaluationScreen):
            self.screen.action_view(view)


class EvaluationScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(EVALUATION)
    CSS = """
    EvaluationScreen #about { height: 1; padding: 0 1; color: $quiet; }
    EvaluationScreen #views { height: 1; padding: 0 1; margin-bottom: 1; }
    EvaluationScreen ContentSwitcher { height: 1fr; }
    EvaluationScreen .page { height: 1fr; padding: 0 1; scrollbar-gutter: stable; }
    EvaluationScreen .page Static { width: 100%; height: auto; }
    EvaluationScreen.-narrow ItemBrowser #item-list { width: 34; }
    EvaluationScreen.-narrow ItemBrowser.-opened #item-list { display: none; }
    EvaluationScreen Notice { max-height: 4; padding: 0 1; }
    """

    shown: reactive[View] = reactive("progress")
    rater: reactive[str] = reactive("")  # whose scores the table and the figure show; empty: the judge's

    def __init__(self, number: int, *, resume: bool = False) -> None:
        super().__init__()
        self.number = number
        self._resume = resume
        self._facts: RunFacts | None = None
        self._read = 0.0
        self._drawn: Running | None = None

    @property
    def host(self) -> EvaluationsHost:
        return cast("EvaluationsHost", self.app)

    @property
    def running(self) -> Running | None:
        return self.host.evaluations.of(self.number)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        yield Static(id="about", markup=False)
        yield Views(id="views", markup=False)
        with ContentSwitcher(initial="progress"):
            for name in ("progress", "table", "plot", "people"):
                with VerticalScroll(id=name, classes="page"):
                    yield Static(id=f"{name}-text", markup=False)
            yield ItemBrowser(id="items")
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._draw_views()
        self._run(self._begin)
        self.set_interval(_REDRAW_SECONDS, self._tick)

    def relabel(self) -> None:
        self._draw_views()
        self._draw_about()
        self._run(self._read_facts)

    async def _begin(self) -> None:
        self._draw_about()
        if not (self.running and self.running.active):
            await self._read_facts()
        if self._resume:
            await self._go_on()
        elif self._facts and not self.running and any(one.verdicts for one in self._facts.results):
            self.shown = "table"

    # -- what is kept --------------------------------------------------------------------------------------------------

    async def _read_facts(self) -> None:
        """What is there now, and whatever view shows it drawn anew."""
        self._read = time.monotonic()
        if self._facts is None and not self.running:
            reading = Content.styled(say("답과 채점을 읽는 중", "reading answers and verdicts"), "$quiet")
            self.query_one("#progress-text", Static).update(reading)
        store = await self.host.evaluations.store()
        self._facts = await asyncio.to_thread(facts_of, store, self.number)
        if self.rater and self.rater not in self._facts.raters:
            self.rater = ""
        self._draw_about()
        self._draw_standing(store)
        await self._draw_view()

    def _draw_about(self) -> None:
        one = self._facts.evaluation if self._facts else self.running.evaluation if self.running else None
        if one is None:
            return
        judge = one.judge.model or say("채점자 없음", "no judge")
        parts = [f"#{self.number}", one.questions.name, judge, one.rubric.name]
        self.query_one("#about", Static).update(Content(" · ".join(map(safe_line, parts))))

    def _draw_standing(self, store: VerdictStore) -> None:
        if not self.running and self._facts:
            self._run(partial(self._count, store, self._facts))

    async def _count(self, store: VerdictStore, facts: RunFacts) -> None:
        """A run that stands still: how far it came."""
        counts = await asyncio.to_thread(counts_of, facts.evaluation, store)
        total, judged = len(facts.items), bool(facts.evaluation.judge.model)
        width = self._width("progress")
        lines = [count_line(name, one, total, judged=judged, width=width) for name, one in counts.items()]
        lines += [Content(""), Content.styled(standing_words(counts, total, judged=judged), "$quiet")]
        self.query_one("#progress-text", Static).update(joined(lines))

    # -- views ---------------------------------------------------------------------------------------------------------

    def action_view(self, name: View) -> None:
        self.shown = name

    def watch_shown(self) -> None:
        if not is_there(self):
            return
        self._draw_views()
        self.query_one(ContentSwitcher).current = self.shown
        if self.shown == "items":
            self.query_one(ItemBrowser).focus_list()
        else:
            self.query_one(f"#{self.shown}").focus()
        self._run(self._view_chosen)

    async def _view_chosen(self) -> None:
        if self.shown != "progress" and (self._facts is None or self._is_old):
            await self._read_facts()
        else:
            await self._draw_view()

    @property
    def _is_old(self) -> bool:
        running = self.running
        return bool(running and running.active and time.monotonic() - self._read > _READ_AGAIN_SECONDS)

    def watch_rater(self) -> None:
        if is_there(self):
            self._run(self._draw_view)

    async def _draw_view(self) -> None:
        facts = self._facts
        if facts is None:
            return
        if self.shown == "items":
            self.query_one(ItemBrowser).show(facts.items)
        elif self.shown in ("table", "plot"):
            await self._draw_table(facts)
        elif self.shown == "people":
            await self._draw_people(facts)

    async def _draw_table(self, facts: RunFacts) -> None:
        page = self.query_one(f"#{self.shown}-text", Static)
        if not str(page.render()):
            page.update(Content.styled(say("계산하는 중", "reckoning"), "$quiet"))
        rater, shown = self.rater, self.shown
        table = await asyncio.to_thread(facts.table, rater)
        if (rater, shown) != (self.rater, self.shown):
            return
        lines = page_lines(
            table, shown, self._width(shown), rater=rater, judge=facts.evaluation.judge.model, raters=facts.raters
        )
        page.update(joined(lines))

    async def _draw_people(self, facts: RunFacts) -> None:
        found = await asyncio.to_thread(facts.agreements)
        lines = people_lines(facts.ratings, found)
        self.query_one("#people-text", Static).update(joined(lines))

    def _draw_views(self) -> None:
        """The views by their keys; the one that is shown stands out."""
        names = [(key, view, name) for key, view, name in _views()]
        parts = [
            Content.assemble(
                (f"{key} ", "$quiet"), (name, "bold underline $accent" if view == self.shown else "")
            ).stylize(Style.from_meta({"view": view}))
            for key, view, name in names
        ]
        self.query_one("#views", Static).update(Content("   ").join(parts))

    def _width(self, page: str) -> int:
        return max(
            40, self.query_one(f"#{page}", VerticalScroll).scrollable_content_region.width or self.size.width - 3
        )

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(lambda: self._run(self._draw_view))

    def _tick(self) -> None:
        running = self.running
        if running is None:
            return
        width = self._width("progress")
        lines = progress_lines(running, width, self.host.config.won_per_dollar)
        self.query_one("#progress-text", Static).update(joined(lines))
        ended = self._drawn is running and not running.active
        if running.active:
            self._drawn = running
        elif ended:
            self._drawn = None
        if ended or (self.shown != "progress" and self._is_old):
            self.refresh_bindings()
            self._run(self._read_facts, group="read")

    def tell(self, text: str, *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- going on and stopping -----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if not is_there(self):
            return True
        active = bool(self.running and self.running.active)
        if action == "halt":
            return active
        if action == "go_on":
            return not active
        if action == "rate":
            return self.shown == "people"
        if action == "whose":
            return self.shown in ("table", "plot") and bool(self._facts and self._facts.raters)
        return True

    def action_halt(self) -> None:
        if self.running:
            self.running.stop()

    def action_go_on(self) -> None:
        self._run(self._go_on)

    async def _go_on(self) -> None:
        """Answers and verdicts that are missing, after their cost was shown."""
        from kullm_tui.ui.dialogs.ask import Confirm

        store = await self.host.evaluations.store()
        prepared = await asyncio.to_thread(_prepared_again, self.host.config, store, self.number)
        if not prepared.plan.missing_answers and not prepared.asks_the_judge:
            self.tell(say("모두 있어요. 더 할 것이 없어요.", "All is there; nothing is left to do."))
            return
        more = joined(plan_lines(prepared, self.host.config.won_per_dollar)).plain
        asked = Confirm(
            say("이어서 할까요?", "Go on?"),
            button_label(prepared, self.host.config.won_per_dollar),
            more=more,
        )
        if await self.app.push_screen_wait(asked) and await may_leave_for(self.app, prepared.leaving):
            await self.host.evaluations.start(
                prepared.evaluation,
                prepared.targets,
                prepared.budget,
                self.host.config.judging,
                in_batches=prepared.in_batches,
            )
            self.shown = "progress"
            self.refresh_bindings()

    # -- more ----------------------------------------------------------------------------------------------------------

    def action_whose(self) -> None:
        raters = ["", *(self._facts.raters if self._facts else [])]
        self.rater = raters[(raters.index(self.rater) + 1) % len(raters)] if self.rater in raters else ""

    def action_rate(self) -> None:
        from kullm_tui.ui.evaluate.rating_screen import HumanRatingScreen

        if self._facts:
            self.app.push_screen(HumanRatingScreen(self._facts), lambda _: self._run(self._read_facts))

    def action_export(self) -> None:
        self._run(self._export)

    async def _export(self) -> None:
        from evaluator.export import write_report
        from kullm_tui.ui.dialogs.ask import AskLine

        if self._facts is None:
            return
        facts = self._facts
        folder = await self.app.push_screen_wait(
            AskLine(
                say("보고서를 어느 폴더에 쓸까요?", "Into which folder should the report go?"),
                button=say("여기에 쓰기", "Write it here"),
                value=f"~/kullm-eval-{self.number}",
                more=say(
                    "표(Markdown, CSV), 그림(SVG), 출처(JSON), 문항마다의 답과 채점(JSONL)을 써요. 같은 이름의 파일은 바뀌어요.",
                    "The table (Markdown, CSV), the figure (SVG), where it all comes from (JSON), and every answer with its verdict (JSONL). Files of the same name are replaced.",
                ),
                fault=lambda line: None if line else say("폴더가 비어 있어요.", "The folder is empty."),
            )
        )
        if folder:
            path = paths.typed(folder)
            report = await asyncio.to_thread(
                write_report, path, facts.evaluation, facts.results, facts.ratings, facts.provenance
            )
            names = ", ".join(file.name for file in report.files)
            written = say(f"{path}에 썼어요: {names}", f"Written to {path}: {names}")
            self.tell(f"{written}. {report.without_figure}" if report.without_figure else written)

    def action_copy_this(self) -> None:
        self._run(self._copy)

    async def _copy(self) -> None:
        from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen

        store = await self.host.evaluations.store()
        wishes = wishes_of(await asyncio.to_thread(plan_of, store, self.number))
        self.app.push_screen(NewEvaluationScreen(wishes), self._begun)

    def _begun(self, number: int | None) -> None:
        if number is not None:
            self.app.switch_screen(EvaluationScreen(number))

    def action_leave_run(self) -> None:
        if self.shown == "items" and self.query_one(ItemBrowser).leave():
            return
        self.dismiss(None)

    def _run(self, work: Work, group: str = "work") -> None:
        begin(self, work, lambda fault: self.tell(str(fault), error=True), group=group)


def _prepared_again(config: Config, store: VerdictStore, number: int) -> Prepared:
    return Preparing(config, store).again(load_run(store, number))


def _views() -> list[tuple[str, View, str]]:
    return [
        ("o", "progress", say("진행", "progress")),
        ("t", "table", say("표", "table")),
        ("p", "plot", say("그림", "plot")),
        ("i", "items", say("문항", "items")),
        ("h", "people", say("사람", "people")),
    ]
