"""How replies are made: system text, personas and decoding. What is empty is the model's own setting, shown dim."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._select import Select
from textual.widgets._static import Static
from textual.widgets._text_area import TextArea

from kullm_tui.core.config.settings import EngineSettings, Precision
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import PAPER_DECODING
from kullm_tui.core.models.resolve import resolve
from kullm_tui.ui.conversation.decoding_form import FIELDS, as_text, read_form, usual
from kullm_tui.ui.conversation.live_replies import stop_here, under_way
from kullm_tui.ui.conversation.personas import Persona, personas
from kullm_tui.ui.conversation.settings import Session
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe
from kullm_tui.ui.widgets.button import name_button

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host

_DEVICES = ("auto", "cpu", "cuda")
_PRECISIONS: tuple[Precision, ...] = ("4bit", "8bit", "bf16", "fp32")


class ParametersScreen(Dialog[Session]):
    """The session with what was filled in; None where it was closed without keeping."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f7", "cancel", show=False)]
    CSS = """
    ParametersScreen .dialog { width: 78; max-width: 100%; max-height: 100%; padding: 1 2; }
    ParametersScreen VerticalScroll { height: auto; max-height: 1fr; }
    ParametersScreen .head { text-style: bold; color: $accent; height: 1; }
    ParametersScreen .quiet { color: $quiet; height: auto; }
    ParametersScreen Grid { grid-size: 4; grid-columns: 13 1fr 13 1fr; grid-rows: 1; grid-gutter: 0 1; height: auto; margin-bottom: 1; }
    ParametersScreen Grid .label { height: 1; text-align: right; color: $quiet; }
    ParametersScreen Grid .label.-fault { color: $error; }
    ParametersScreen Input { background: $surface; }
    ParametersScreen TextArea { height: 5; border: none; background: $surface; padding: 0 1; margin-bottom: 1; }
    ParametersScreen Select { width: 1fr; height: 1; }
    ParametersScreen SelectCurrent { border: none; height: 1; background: $surface; padding: 0 1; }
    ParametersScreen Select:focus > SelectCurrent { border: none; background-tint: $accent 12%; }
    ParametersScreen SelectOverlay { border: none; background: $lift; max-height: 10; }
    ParametersScreen .persona { height: 1; }
    ParametersScreen .persona > Static { width: 14; padding-right: 1; color: $quiet; text-align: right; }
    ParametersScreen .dialog--buttons Button { margin-left: 1; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._persona = session.persona
        self._personas: list[Persona] = []
        self._warned = False  # that a reply would be stopped

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with VerticalScroll(can_focus=False):
                yield Static(say("생성 설정", "Decoding"), classes="head", markup=False)
                with Grid():
                    for field in FIELDS:
                        yield Static(field.label, classes="label", id=f"label-{field.name}", markup=False)
                        yield Input(_shown(self._session.decoding, field.name), id=f"field-{field.name}")
                with Horizontal(classes="persona"):
                    yield Static(say("페르소나", "Persona"), markup=False)
                    yield Select([], prompt=say("없음", "none"), id="persona")
                yield Static(say("시스템 프롬프트", "System prompt"), classes="quiet", markup=False)
                yield TextArea(safe(self._session.system), id="system", tab_behavior="focus", soft_wrap=True)
                yield from self._engine_rows()
                yield Static(classes="dialog--fault", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(say("논문 설정", "As in the paper"), id="paper")
                yield Button(say("모두 기본값", "All defaults"), id="reset")
                yield Button(say("취소", "Cancel"), id="no")
                yield Button(say("이대로 쓰기", "Use these"), id="keep")

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def _engine_rows(self) -> ComposeResult:
        engine = self.host.config.engine
        with Grid():
            yield Static(say("정밀도", "precision"), classes="label", markup=False)
            yield _choice("precision", _PRECISIONS, engine.precision)
            yield Static(say("장치", "device"), classes="label", markup=False)
            yield _choice("device", _DEVICES, engine.device)

    def on_mount(self) -> None:
        self.query_one("#field-max_tokens", Input).focus()
        self.run_worker(self._learn(), exit_on_error=False)

    async def _learn(self) -> None:
        endpoints = self.host.config.endpoints
        try:
            reference = await asyncio.to_thread(resolve, self._session.model, endpoints=endpoints)
            here = reference.profile.kind != "endpoint"
            dim = usual(reference.profile.defaults if here else None, reference.profile.stop)
        except KullmError:
            dim = {}
        for field in FIELDS:
            shown = self.query_one(f"#field-{field.name}", Input)
            shown.placeholder = dim.get(field.name, say("서버 기본값", "its own") if not dim else "–")
        try:
            self._personas = await asyncio.to_thread(personas)
        except KullmError as error:
            self.tell(str(error))
        choice = self.query_one("#persona", Select)
        choice.set_options([(plain(one.title), one.name) for one in self._personas])
        if any(one.name == self._persona for one in self._personas):
            with choice.prevent(Select.Changed):
                choice.value = self._persona

    @on(Select.Changed, "#persona")
    def _persona_chosen(self, event: Select.Changed) -> None:
        event.stop()
        found = next((one for one in self._personas if one.name == event.value), None)
        if found:
            self._persona = found.name
            self.query_one("#system", TextArea).load_text(found.system)
        elif self._persona:
            self._persona = ""
            self.query_one("#system", TextArea).load_text("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._tell_faults(read_form(self._texts())[1])

    def _texts(self) -> dict[str, str]:
        return {field.name: self.query_one(f"#field-{field.name}", Input).value for field in FIELDS}

    def _fill(self, decoding: Mapping[str, Any]) -> None:
        for field in FIELDS:
            self.query_one(f"#field-{field.name}", Input).value = _shown(decoding, field.name)

    def _tell_faults(self, faults: Mapping[str, str]) -> None:
        for field in FIELDS:
            self.query_one(f"#label-{field.name}").set_class(field.name in faults, "-fault")
        labels = {field.name: field.label for field in FIELDS}
        self.tell("\n".join(f"{labels[name]}: {fault}" for name, fault in faults.items()))

    @on(Button.Pressed, "#paper")
    def _as_in_the_paper(self) -> None:
        self._fill(PAPER_DECODING.request_fields())

    @on(Button.Pressed, "#reset")
    def _all_defaults(self) -> None:
        self._fill({})

    @on(Input.Submitted)
    @on(Button.Pressed, "#keep")
    async def action_accept(self) -> None:
        values, faults = read_form(self._texts())
        self._tell_faults(faults)
        if faults:
            return
        system = self.query_one("#system", TextArea).text
        persona = next((one for one in self._personas if one.name == self._persona), None)
        kept = self._persona if persona and persona.system == system.strip() else ""
        if await self._keep_engine():
            self.dismiss(self._session.with_decoding(values).with_system(system, kept))

    async def _keep_engine(self) -> bool:
        """Precision and device are the engine's: kept in the configuration, and true once it is started again."""
        engine = self.host.config.engine
        chosen = self.query_one("#precision", Select).value
        precision = next((one for one in _PRECISIONS if one == chosen), engine.precision)
        wanted = replace(engine, precision=precision, device=str(self.query_one("#device", Select).value))
        if wanted == engine:
            return True
        if not self._warned and any(reply.here for reply in under_way(self.app)):
            self._warned = True
            self.tell(
                say(
                    "이 컴퓨터에서 답이 오는 중이에요. 정밀도나 장치를 바꾸면 엔진을 다시 시작해야 해서 답이 멈춰요.",
                    "A reply is being made on this machine. Another precision or device needs the engine started again, which stops it.",
                )
            )
            name_button(self.query_one("#keep", Button), say("답을 멈추고 바꾸기", "Stop it and change"))
            return False
        await stop_here(self.app)
        try:
            await asyncio.to_thread(_write_engine, wanted)
        except KullmError as error:
            self.tell(str(error))
            return False
        self.host.config = replace(self.host.config, engine=wanted)
        return True


def _write_engine(wanted: EngineSettings) -> None:
    from kullm_tui.core.config.edit import set_value
    from kullm_tui.core.endpoints.local_engine import stop_engine

    set_value("engine.precision", wanted.precision)
    set_value("engine.device", wanted.device)
    stop_engine()


def _choice(name: str, offered: tuple[str, ...], value: str) -> Select[str]:
    """What the configuration says stands among the choices even where it is none of the usual ones (cuda:1)."""
    values = offered if value in offered else (*offered, value)
    return Select([(plain(one), one) for one in values], value=value, allow_blank=False, id=name)


def _shown(decoding: Mapping[str, Any], name: str) -> str:
    return as_text(decoding[name]) if name in decoding else ""
