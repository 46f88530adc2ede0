"""By whom and by which rubric replies are judged, in which form, and for how much in this session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._select import Select, SelectCurrent
from textual.widgets._static import Static
from textual.worker import Worker

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import budget_of, money
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.judge.settings import MODES, RUBRIC, JudgeSettings
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.segmented import Choice

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host
    from kullm_tui.ui.judge.offers import Offers


class JudgeScreen(Dialog[JudgeSettings]):
    """The settings as they were filled in; None where it was closed."""

    AUTO_FOCUS = "#model"
    CSS = """
    JudgeScreen .dialog { width: 76; padding: 1 2; }
    JudgeScreen Select { width: 1fr; height: 1; }
    JudgeScreen SelectCurrent { border: none; height: 1; background: $background; padding: 0 1; }
    JudgeScreen Select:focus > SelectCurrent { border: none; background-tint: $accent 12%; }
    JudgeScreen SelectOverlay { border: none; background: $lift; max-height: 10; }
    JudgeScreen Choice { padding: 0 1; }
    """

    def __init__(self, settings: JudgeSettings, *, spent: float = 0.0) -> None:
        super().__init__()
        self._settings, self._spent = settings, spent
        self._strongest = ""

    def compose(self) -> ComposeResult:
        settings = self._settings
        own = settings.rubric if settings.rubric.endswith(".toml") else ""
        budget = "" if settings.budget is None else f"{settings.budget:g}"
        shipped = RUBRIC if own else settings.rubric
        with Vertical(classes="dialog"):
            yield Static(say("채점 설정", "How replies are judged"), classes="dialog--question", markup=False)
            yield _row(say("채점자", "judge"), _chooser("model", settings.model, self._judge_label(settings.model)))
            named = say("목록에 없으면: 이름이나 엔드포인트/모델", "where it is not listed: a name, or ENDPOINT/MODEL")
            yield _row("", Input(id="named", placeholder=named), close=True)
            yield _row(say("기준", "rubric"), _chooser("rubric", shipped, shipped))
            file = say("내 기준이 있으면: .toml 파일", "a rubric of your own: a .toml file")
            yield _row("", Input(safe_line(own), id="own", placeholder=file), close=True)
            forms = (
                say("알아서", "automatic"),
                say("이유와 함께", "with a reason"),
                say("기준 그대로", "as the rubric has it"),
            )
            yield _row(say("방식", "form"), Choice(forms, id="mode"))
            limit = say("이번 실행에서 쓸 달러. 비우면 한도 없음", "dollars for this session; empty: no limit")
            yield _row(say("예산", "budget"), Input(budget, id="budget", placeholder=limit))
            yield Static(classes="dialog--more", id="hint", markup=False)
            yield Static(classes="dialog--fault -apart", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("키 저장", "Store a key")), id="key")
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(plain(say("이대로 쓰기", "Use these")), id="yes")

    def on_mount(self) -> None:
        self.query_one("#mode", Choice).chosen = MODES.index(self._settings.mode)
        self._run(self._learn, "offers")

    @property
    def _host(self) -> Host:
        return cast("Host", self.app)

    def _run(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        """One of a group at a time. The work is begun by the worker, so that one which is overtaken never was."""
        _: Worker[None] = self.run_worker(work, group=group, exclusive=True, exit_on_error=False)

    # -- what there is -------------------------------------------------------------------------------------------------

    async def _learn(self) -> None:
        """The rubrics at once, the models when their servers have answered."""
        await asyncio.to_thread(_import_offers)
        from kullm_tui.ui.judge.offers import judge_offers, rubrics

        found = await asyncio.to_thread(rubrics)
        self._fill("rubric", [(f"{one.name} · {one.title}", one.name) for one in found])
        await self._tell_price()
        offers = await judge_offers(self._host.config.endpoints)
        self._strongest = offers.strongest
        names = dict.fromkeys(("", *offers.models, self._settings.model))
        self._fill("model", [(self._judge_label(name), name) for name in names])
        self._tell_faults(offers)
        await self._tell_price()

    def _judge_label(self, name: str) -> str:
        if name:
            return name
        known = f": {self._strongest}" if self._strongest else ""
        return say(f"키로 쓸 수 있는 가장 강한 것{known}", f"the strongest that the key offers{known}")

    def _fill(self, which: str, choices: list[tuple[str, str]]) -> None:
        select: Select[str] = self.query_one(f"#{which}", Select)
        chosen = select.value
        labels = {value: plain(safe_line(label)) for label, value in choices}
        with select.prevent(Select.Changed):
            select.set_options([(label, value) for value, label in labels.items()])
            if isinstance(chosen, str) and chosen in labels:
                select.value = chosen
        if select.value in labels:  # where the value stayed, Textual leaves its old label
            select.query_one(SelectCurrent).update(labels[str(select.value)])

    def _tell_faults(self, offers: Offers) -> None:
        if offers.faults:
            self.tell("\n".join(offers.faults))

    # -- what was filled in --------------------------------------------------------------------------------------------

    @on(Select.Changed)
    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self.tell()
        self._run(self._tell_price, "price")

    async def _tell_price(self) -> None:
        """One verdict's price, and what was spent so far."""
        from kullm_tui.ui.judge.offers import price_line

        won, endpoints = self._host.config.won_per_dollar, self._host.config.endpoints
        settings = self._filled_in()
        try:
            known = bool(settings.model or self._strongest)
            price = await asyncio.to_thread(price_line, settings, self._strongest, endpoints, won) if known else ""
        except KullmError:  # told when it is to be used
            price = ""
        spent = money(self._spent, won)
        told = say(f"이번 실행의 사용 금액 {spent}.", f"Spent in this session: {spent}.")
        self.query_one("#hint", Static).update(plain(f"{price} {told}".strip()))

    def _filled_in(self) -> JudgeSettings:
        """As it stands, the budget aside."""
        model, rubric = (self.query_one(f"#{name}", Select).value for name in ("model", "rubric"))
        named, own = (safe_line(self.query_one(f"#{name}", Input).value) for name in ("named", "own"))
        mode = MODES[self.query_one("#mode", Choice).chosen]
        return JudgeSettings(own or str(rubric), named or str(model), mode, self._settings.budget)

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def action_accept(self) -> None:
        self._run(self._accept, "accept")

    async def _accept(self) -> None:
        from evaluator.rubric import load_rubric

        settings = self._filled_in()
        try:
            budget = budget_of(self.query_one("#budget", Input).value)
            await asyncio.to_thread(load_rubric, settings.rubric)
        except KullmError as fault:
            self.tell(str(fault))
            return
        self.dismiss(JudgeSettings(settings.rubric, settings.model, settings.mode, budget))

    @on(Button.Pressed, "#key")
    def _key(self) -> None:
        self._run(self._take_key, "key")

    async def _take_key(self) -> None:
        from evaluator.judge_choice import judge_address
        from kullm_tui.ui.dialogs.api_key import KeyScreen

        try:
            settings, _ = judge_address(self._filled_in().model, self._host.config.endpoints)
        except KullmError as fault:
            self.tell(str(fault))
            return
        told = await self.app.push_screen_wait(KeyScreen(settings.key, [settings]))
        if told:
            self.app.notify(safe_line(told), markup=False)
            await self._learn()


def _row(label: str, field: Widget, *, close: bool = False) -> Horizontal:
    head = Static(label, classes="form--label", markup=False)
    return Horizontal(head, field, classes="form--row -close" if close else "form--row")


def _chooser(name: str, value: str, label: str) -> Select[str]:
    return Select([(plain(safe_line(label)), value)], value=value, allow_blank=False, id=name)


def _import_offers() -> None:
    """In a thread: the screen is there before."""
    import kullm_tui.ui.judge.offers  # noqa: F401
