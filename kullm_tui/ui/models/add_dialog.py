"""Adding a model of one's own: a repository of the hub, a folder, or an endpoint, which is asked before it is saved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._option_list import OptionList
from textual.widgets._static import Static
from textual.widgets.option_list import Option

from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import list_models
from kullm_tui.core.endpoints.endpoint import Endpoint, is_outside
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import all_profiles
from kullm_tui.core.models.registration import WrongField, check_endpoint, check_fields, register, register_endpoint
from kullm_tui.core.rules import did_you_mean
from kullm_tui.ui.background import begin
from kullm_tui.ui.dialogs.api_key import KeyScreen
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.segmented import Choice

_MOST_MODELS = 200  # of an endpoint's list


@dataclass(frozen=True)
class Field:
    name: str
    korean: str
    english: str
    example: str = ""
    optional: bool = False

    @property
    def label(self) -> str:
        return say(self.korean, self.english)

    @property
    def hint(self) -> str:
        return say(f"{self.example}  (없어도 돼요)", f"{self.example}  (optional)") if self.optional else self.example


_NAME = Field("name", "이름", "name", "my-model")
_TEMPLATE = Field("template", "템플릿", "template", "kullm-v2", optional=True)
_BASE = Field("base", "베이스", "base", "kullm-5.8b", optional=True)
KINDS: tuple[tuple[Field, ...], ...] = (
    (_NAME, Field("repository", "저장소", "repository", "nlpai-lab/KULLM3"), _TEMPLATE, _BASE),
    (_NAME, Field("folder", "폴더", "folder", "~/models/kullm"), _TEMPLATE, _BASE),
    (
        _NAME,
        Field("base_url", "주소", "address", "http://gpu01:8000/v1"),
        Field("key", "키 이름", "key's name", "LAB_API_KEY", optional=True),
        Field("model", "모델", "model", "gpt-4o-mini", optional=True),
    ),
)
_ENDPOINT = 2
_OFFERED = "offered"  # among what its user has seen: the endpoint's list of models


class AddModelScreen(Dialog[str]):
    """The name of what was added."""

    CSS = """
    AddModelScreen Choice { margin-top: 1; }
    AddModelScreen #form { height: auto; max-height: 55vh; }
    AddModelScreen #fields { height: auto; margin-top: 1; }
    AddModelScreen #offered { height: auto; max-height: 6; margin-top: 1; display: none; border: none; background: $surface; }
    AddModelScreen #offered.-there { display: block; }
    """
    AUTO_FOCUS = "#name"

    def __init__(self) -> None:
        super().__init__()
        self._warned: set[str] = set()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("모델 추가", "Add a model"), classes="dialog--question", markup=False)
            yield Choice(
                (
                    say("허브 저장소", "repository of the hub"),
                    say("내 폴더", "folder"),
                    say("엔드포인트", "endpoint"),
                ),
                id="kind",
            )
            with VerticalScroll(id="form", can_focus=False):
                with Vertical(id="fields"):
                    for field in _all_fields():
                        with Horizontal(classes="form--row -close", id=f"row-{field.name}"):
                            yield Static(field.label, classes="form--label", markup=False)
                            yield Input(placeholder=field.hint, id=field.name)
                yield OptionList(id="offered", markup=False)
                yield Static(classes="dialog--fault -apart", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(plain(say("등록하기", "Add it")), id="yes")

    def on_mount(self) -> None:
        self._show_kind()

    @property
    def _kind(self) -> int:
        return self.query_one(Choice).chosen

    @property
    def _values(self) -> dict[str, str]:
        return {field.name: safe_line(self.query_one(f"#{field.name}", Input).value) for field in KINDS[self._kind]}

    @on(Choice.Changed)
    def _show_kind(self) -> None:
        names = {field.name for field in KINDS[self._kind]}
        for field in _all_fields():
            self.query_one(f"#row-{field.name}").display = field.name in names
        self._forget_fault()

    @on(Input.Changed)
    def _forget_fault(self) -> None:
        self._warned.clear()
        self.tell()
        self.query_one("#offered", OptionList).remove_class("-there")
        self.name_button(
            say("시험하고 등록하기", "Test and add") if self._kind == _ENDPOINT else say("등록하기", "Add it")
        )

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def action_accept(self) -> None:
        begin(self, self._accept, lambda error: self.tell(str(error)), group="add", exclusive=True)

    async def _accept(self) -> None:
        values = self._values
        try:
            added = await (self._add_endpoint(values) if self._kind == _ENDPOINT else self._add_model(values))
        except WrongField as fault:
            self.tell(str(fault))
            with_field = self.query(f"#{fault.field}")
            if with_field:
                with_field.first(Input).focus()
        else:
            if added:
                self.dismiss(values["name"])

    async def _add_model(self, values: Mapping[str, str]) -> bool:
        where = "repository" if "repository" in values else "folder"
        if not values[where]:
            raise WrongField(where, say("비어 있어요.", "It is empty."))
        filled = {field: value for field, value in values.items() if value and field != "name"}
        check_fields(values["name"], filled)
        _require_base(values["base"])
        if self._warns(_name_taken(values["name"])):
            return False
        await asyncio.to_thread(register, values["name"], filled)
        return True

    async def _add_endpoint(self, values: Mapping[str, str]) -> bool:
        name, address, key, model = (values[field] for field in ("name", "base_url", "key", "model"))
        check_endpoint(name, address, key)
        if model:
            check_fields(name, {"endpoint": address, "model": model, **({"key": key} if key else {})})
        if self._warns(_name_taken(name)) or self._warns(_key_in_the_open(address, key)):
            return False
        if not await self._is_tested(EndpointSettings(name, address, key), model):
            return False
        if model:
            await asyncio.to_thread(register, name, {"endpoint": address, "model": model, "key": key})
        else:
            await asyncio.to_thread(register_endpoint, name, address, key)
        return True

    async def _is_tested(self, settings: EndpointSettings, model: str) -> bool:
        """Whether to save now: the endpoint answered well, or its user has seen that it did not."""
        if _OFFERED in self._warned:
            return True
        key = await self._key_of(settings)
        if key is None:
            return False
        self.tell(say("엔드포인트에 물어보고 있어요.", "Asking the endpoint."), waiting=True)
        try:
            offered = await list_models(Endpoint(settings.name, settings.base_url, key))
        except KullmError as error:
            return not self._warns(str(error))
        self.tell()
        if model and model not in offered:
            hint = did_you_mean(model, offered)
            return not self._warns(
                say(f"그곳의 목록에 {model} 모델이 없어요.{hint}", f"{model} is not in its list.{hint}")
            )
        return bool(model) or not self._offers(offered)

    async def _key_of(self, settings: EndpointSettings) -> str | None:
        """The key, asked for where it is not stored yet; None where nobody gave it."""
        if not settings.key:
            return ""
        found = await asyncio.to_thread(get_key, settings.key)
        if found is None:
            stored: str | None = await self.app.push_screen_wait(KeyScreen(settings.key, [settings]))
            if stored:
                found = await asyncio.to_thread(get_key, settings.key)
        if found is None:
            name = settings.key
            self.tell(say(f"{name} 키가 아직 없어요.", f"There is no key {name} yet."))
        return found

    def _offers(self, models: tuple[str, ...]) -> bool:
        """Shows what can be chosen; whether that was new to its user."""
        if not models:
            return False
        self._warned.add(_OFFERED)
        offered = self.query_one("#offered", OptionList).add_class("-there")
        offered.set_options(
            Option(plain(safe_line(model)), id=f"model-{place}") for place, model in enumerate(models[:_MOST_MODELS])
        )
        offered.highlighted = 0
        self.tell(
            say(
                f"잘 돼요. 모델 하나를 고르거나, 고르지 않고 모두({safe_line(self._values['name'])}/모델이름) 등록하세요.",
                f"It works. Choose a model, or add them all as {safe_line(self._values['name'])}/MODEL.",
            ),
            waiting=True,
        )
        self.name_button(say("모두 등록하기", "Add them all"))
        offered.focus()
        return True

    @on(OptionList.OptionSelected, "#offered")
    def _offer_taken(self, event: OptionList.OptionSelected) -> None:
        """The endpoint has answered and named it: nothing is left to be tested."""
        event.stop()
        model = self.query_one("#model", Input)
        with self.prevent(Input.Changed):
            model.value = str(event.option.prompt)
        self.action_accept()

    def _warns(self, text: str) -> bool:
        """True the first time: whoever accepts again means it."""
        if not text or text in self._warned:
            return False
        self._warned.add(text)
        self.tell(text)
        self.name_button(say("그래도 등록하기", "Add it all the same"))
        return True

    def tell(self, text: str = "", *, waiting: bool = False) -> None:
        super().tell(text, waiting=waiting)
        self.call_after_refresh(self.query_one(".dialog--fault").scroll_visible, animate=False)


def _all_fields() -> list[Field]:
    return list({field.name: field for kind in KINDS for field in kind}.values())


def _require_base(base: str) -> None:
    known = all_profiles()
    if base and base not in known and "/" not in base:
        hint = did_you_mean(base, known)
        raise WrongField("base", say(f"그런 베이스 모델이 없어요.{hint}", f"There is no such base.{hint}"))


def _name_taken(name: str) -> str:
    if name in all_profiles():
        return say(
            f"{name}: 이미 있는 이름이에요. 등록하면 그것 대신 써요.", f"{name} is taken; this will stand in for it."
        )
    return ""


def _key_in_the_open(address: str, key: str) -> str:
    if key and address.startswith("http:") and is_outside(address):
        return say(
            "키가 암호화되지 않은 http로 나가요. https가 아닌지 보세요.", "The key would travel over plain http."
        )
    return ""
