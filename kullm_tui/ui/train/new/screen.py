"""A new training: a recipe is chosen, its form filled in, what it would take stands beside it, and the button says what it will do."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, apart, begin, is_there
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_NEW
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.machines.questions import asking_in
from kullm_tui.ui.train.new.form import JobForm
from kullm_tui.ui.train.new.launching import CalledOff, Launching
from kullm_tui.ui.train.new.live_line import LiveLine
from kullm_tui.ui.train.new.plan import PlanPanel
from kullm_tui.ui.train.new.recipes import RecipeChoice
from kullm_tui.ui.train.new.wish import Taught, agrees_to_fit, agrees_to_send, wanted
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.status_line import StatusLine
from trainer.jobs.machines import client_of, known_machines
from trainer.jobs.outlook import Planning, launch_text
from trainer.recipe import Recipe, load_recipe, shipped_recipes
from trainer.recipe_draft import Draft, draft_like, draft_of, faults_here
from trainer.recipe_fields import SOURCES

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import MachineSettings
    from kullm_tui.ui.host import Host
    from trainer.jobs.client import Client

_SETTLING_SECONDS = 0.3  # of typing, before it is reckoned


class NewJobScreen(Screen[str | None]):
    """The id of the job that was begun, or of one whose way to its machine was cut; None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_NEW)
    AUTO_FOCUS = ""
    CSS = """
    NewJobScreen #body { height: 1fr; layout: vertical; }
    NewJobScreen #filling { height: 1fr; width: 1fr; }
    NewJobScreen #hint { height: 2; padding: 0 1; color: $foreground; }
    NewJobScreen.-choosing #filling, NewJobScreen.-choosing #plan { display: none; }
    NewJobScreen.-filling RecipeChoice { display: none; }
    NewJobScreen.-launching #body { display: none; }
    NewJobScreen.-wide #body { layout: horizontal; }
    NewJobScreen.-wide #plan { width: 45%; height: 1fr; max-height: 100%; border-top: none; border-left: solid $rule; padding: 0 2; }
    NewJobScreen.-wide #plan-scroll { max-height: 32; margin-bottom: 1; }
    NewJobScreen.-wide #plan-buttons { layout: vertical; height: auto; align-horizontal: left; }
    NewJobScreen.-wide #plan-buttons Button { margin: 0 0 1 0; }
    NewJobScreen.-wide #hint { height: 3; border-top: solid $rule; }
    """

    def __init__(self, recipe: str = "", *, like: str = "", data: str = "", taught: Taught | None = None) -> None:
        """With a recipe's form open, or that of a job that is to be trained again with a change; else the recipes are shown.

        `data` is a file that the training is to learn from, whichever recipe is chosen.
        """
        super().__init__(classes="-choosing")
        self._taught = taught
        self._recipe, self._like, self._data = recipe, like, data
        self._planning = Planning(self._client)
        self._planned = 0  # which plan is the newest
        self._machine = ""  # that was chosen last

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    @property
    def form(self) -> JobForm:
        return self.query_one(JobForm)

    @property
    def plan(self) -> PlanPanel:
        return self.query_one(PlanPanel)

    @property
    def launching(self) -> Launching:
        return self.query_one(Launching)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, say("새 학습", "A new training"))
        with Horizontal(id="body"):
            yield RecipeChoice()
            with Vertical(id="filling"):
                yield JobForm()
                yield Static(id="hint", markup=False)
            yield PlanPanel()
        yield Launching()
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._asking = asking_in(self.app)
        begin(self, self._open, self._tell_fault)

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(say("새 학습", "A new training"))
        self.query_one(RecipeChoice).relabel()
        self.form.relabel()
        self._replan()

    def _client(self, settings: MachineSettings, asks: bool = True) -> Client:
        return client_of(settings, self._asking if asks else None)

    # -- recipes -------------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        recipes = await asyncio.to_thread(lambda: [load_recipe(name) for name in shipped_recipes()])
        self.query_one(RecipeChoice).offer(recipes)
        if self._taught:
            await self._fill(Draft(self._taught.recipe, ("train", "--feedback"), frozenset()))
        elif self._recipe or self._like:
            draft = (
                await asyncio.to_thread(draft_like, self._like)
                if self._like
                else await asyncio.to_thread(draft_of, self._recipe)
            )
            await self._fill(draft)
        else:
            self.query_one("#recipes").focus()

    @on(RecipeChoice.Chosen)
    def _chosen(self, event: RecipeChoice.Chosen) -> None:
        begin(self, partial(self._begin_form, event.recipe), self._tell_fault, group="form", exclusive=True)

    async def _begin_form(self, recipe: Recipe | None) -> None:
        name = (
            recipe.name if recipe else await self._asked_file(say("어떤 레시피 파일인가요?", "Which recipe?"), "TOML")
        )
        if name:
            await self._fill(await asyncio.to_thread(draft_of, name))

    async def _fill(self, draft: Draft) -> None:
        if self._data:
            draft = draft.put(SOURCES, self._data)
        machines = await asyncio.to_thread(lambda: [machine.name for machine in known_machines()])
        self.remove_class("-choosing").add_class("-filling")
        self.query_one(StatusLine).name_place(
            say(f"새 학습 · {safe_line(draft.base.name)}", f"A new training · {safe_line(draft.base.name)}")
        )
        await self.form.fill(draft, machines)
        self.query_one(Notice).tell()
        self._machine = self.form.place.machine
        self._watch()
        self._replan()
        self.refresh_bindings()

    async def _asked_file(self, question: str, taken: str) -> str:
        from kullm_tui.ui.dialogs.open_file import OpenFile

        return str(await self.app.push_screen_wait(OpenFile(Path.resolve, question, taken)) or "")

    # -- the plan ------------------------------------------------------------------------------------------------------

    @on(JobForm.Explained)
    def _explained(self, event: JobForm.Explained) -> None:
        self.query_one("#hint", Static).update(event.text)

    @on(JobForm.Changed)
    def _changed(self) -> None:
        self.query_one(Notice).tell()
        machine = self.form.place.machine
        if machine != self._machine:
            self._machine = machine
            self._planning.forget(machine)
            self._watch()
        self._replan()

    def on_resize(self) -> None:
        if is_there(self) and self.plan.outlook:
            self.plan.show(self.plan.outlook, roomy=self._is_roomy)

    @property
    def _is_roomy(self) -> bool:
        return self.has_class("-wide")

    def _replan(self) -> None:
        if self.form.draft is None:
            return
        self._planned += 1
        self.plan.show(None)
        begin(self, partial(self._reckon, self._planned), self._tell_plan, group="plan", exclusive=True)

    async def _reckon(self, number: int) -> None:
        """First what arithmetic says, then what is measured, or what the machine answers."""
        await asyncio.sleep(_SETTLING_SECONDS)
        draft, place = self.form.draft, self.form.place
        assert draft is not None
        recipe, faults = await asyncio.to_thread(draft.filled)
        faults |= self.form.own_faults()
        faults |= await apart(partial(faults_here, recipe)) if recipe else {}
        self.form.tell(faults)
        if recipe is None or faults:
            self.plan.tell(say("표시한 칸을 고치면 계산해요.", "It is reckoned once the marked fields are mended."))
            self.refresh_bindings()
            return
        first = await apart(partial(self._planning.first, recipe, place.machine, place.gpus))
        if first:
            self.plan.show(first, roomy=self._is_roomy)
        whole = await apart(
            partial(self._planning.whole, recipe, place.machine, place.gpus, lambda: number == self._planned)
        )
        if whole:
            self.plan.show(whole, roomy=self._is_roomy)
            self._show_cards(not whole.plan.machine.is_cpu)
            self._watch()
        self.refresh_bindings()

    def _tell_plan(self, fault: Fault) -> None:
        self.plan.tell(str(fault))
        self.refresh_bindings()

    def _show_cards(self, has_cards: bool) -> None:
        found = self.plan.outlook.found if self.plan.outlook else None
        self.form.show_cards(has_cards=has_cards, queues=bool(found and found.settings.launcher == "detached"))

    @on(Button.Pressed, "#fit")
    def action_make_fit(self) -> None:
        """The least change that makes it fit, put into its field."""
        change = self.plan.outlook.change if self.plan.outlook else None
        if change is None:
            self.query_one(Notice).tell(say("지금은 메모리에 들어가요.", "As it is, it fits."))
            return
        for setting in change.settings:
            key, _, value = setting.partition("=")
            self.form.put(key, value)

    # -- the machine at this moment ------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Nobody is asked anything for that: a machine elsewhere is looked at once the plan has reached it."""
        from trainer.jobs.live import live_here, live_of

        machine, outlook = self.form.place.machine, self.plan.outlook
        found = outlook.found if outlook and outlook.machine == machine else None
        if not machine:
            self.form.live.look_at(live_here, is_here=True)
        elif found and found.facts:
            settings = found.settings
            self.form.live.look_at(lambda: live_of(self._client(settings, asks=False)), is_here=False)
        else:
            self.form.live.look_at(None, is_here=False)

    @on(LiveLine.Seen)
    def _seen(self, event: LiveLine.Seen) -> None:
        self._show_cards(event.has_cards)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        filling = self.has_class("-filling") and not self.has_class("-launching")
        if action == "make_fit":
            return filling and bool(is_there(self) and self.plan.outlook and self.plan.outlook.change)
        if action == "machines":
            return not self.has_class("-launching")
        return filling if action in ("begin_job", "show_trained", "all_fields", "choose_data") else True

    def action_all_fields(self) -> None:
        if self.form.has_class("-all"):
            self.form.fold()
        else:
            self.form.unfold()

    def action_show_trained(self) -> None:
        begin(self, self._show_trained, self._tell_fault)

    async def _show_trained(self) -> None:
        from kullm_tui.ui.train.new.trained import TrainedScreen

        recipe = self._recipe_now()
        if recipe:
            await self.app.push_screen(TrainedScreen(recipe))

    def _recipe_now(self) -> Recipe | None:
        """None where it has faults, which are told at their fields."""
        recipe, faults = self.form.draft.filled() if self.form.draft else (None, {})
        if recipe is None:
            self.form.tell(faults)
        return recipe

    def action_choose_data(self) -> None:
        begin(self, self._choose_data, self._tell_fault)

    async def _choose_data(self) -> None:
        from kullm_tui.ui.train.new.choosing import choose_data

        source = await self.app.push_screen_wait(choose_data())
        if source:
            self.form.take_source(source)

    def action_machines(self) -> None:
        from kullm_tui.ui.train.machines.screen import MachinesScreen

        self.app.push_screen(MachinesScreen(), lambda _: begin(self, self._offer_machines, self._tell_fault))

    async def _offer_machines(self) -> None:
        names = await asyncio.to_thread(lambda: [machine.name for machine in known_machines()])
        self.form.offer_machines(names)
        self._replan()

    def action_leave_new(self) -> None:
        """Back by one step."""
        if self.launching.is_under_way:
            if self.launching.is_called_off:  # it takes long: it ends by itself at its next word
                self.dismiss(self.launching.known.id if self.launching.known else None)
            self.launching.call_off()
        elif self.has_class("-filling") and not (self._recipe or self._like or self._taught):
            self._planned += 1
            self.remove_class("-filling").add_class("-choosing")
            self.query_one(StatusLine).name_place(say("새 학습", "A new training"))
            self.query_one("#recipes").focus()
            self.refresh_bindings()
        else:
            self.dismiss(None)

    # -- beginning -----------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#call-off")
    def _call_off(self) -> None:
        self.launching.call_off()

    @on(Button.Pressed, "#begin")
    def action_begin_job(self) -> None:
        if self.query_one("#begin", Button).disabled or self.launching.is_under_way:
            self.query_one(Notice).tell(
                say(
                    "아직 시작할 수 없어요. 계산이 끝나기를 기다리거나 표시한 칸을 고쳐 주세요.",
                    "Not yet: wait for the plan, or mend the marked fields.",
                )
            )
            return
        begin(self, self._begin, self._tell_fault, group="begin", exclusive=True)

    async def _begin(self) -> None:
        """With the plan that was on the screen, whatever happens meanwhile."""
        outlook, draft, recipe = self.plan.outlook, self.form.draft, self._recipe_now()
        if outlook is None or draft is None or recipe is None or not await agrees_to_fit(self.app, outlook):
            return
        if not await agrees_to_send(self.app, self._taught, self.form.place.machine):
            return
        asked = wanted(recipe, draft, self.form.place, self.form.adapter, outlook, self._taught)
        self.add_class("-launching")
        self.query_one(Notice).tell()
        self.refresh_bindings()
        try:
            job = await self.launching.launch(asked, self._client, launch_text(outlook))
        except CalledOff:
            self._left()
        except KullmError:
            self._planning.rows_changed()
            if self.launching.known:  # it is known from now on, and can be gone on with
                self._left()
            raise
        else:
            self.dismiss(job.id)
        finally:
            self.remove_class("-launching")
            self.refresh_bindings()

    def _left(self) -> None:
        """Called off, or cut: what is known of it already is in the list, and can be gone on with there."""
        known = self.launching.known
        if known is None:
            self.query_one(Notice).tell(say("시작하지 않았어요.", "It was not begun."))
            self.form.focus()
            return
        self.app.notify(
            say(
                f"{safe_line(known.name)} 학습은 아직 시작하지 않았어요. 올린 것은 남아 있고, 목록에서 이어서 시작할 수 있어요.",
                f"{safe_line(known.name)} is not begun yet. What was uploaded is kept, and it can be gone on with from the list.",
            ),
            severity="warning",
            markup=False,
        )
        self.dismiss(known.id)

    def _tell_fault(self, fault: Fault) -> None:
        if is_there(self) and self.is_current:
            self.query_one(Notice).tell(str(fault), error=True)
        else:
            self.app.notify(safe_line(str(fault)), severity="error", markup=False)
