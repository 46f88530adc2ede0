"""Taking a key: typed or pasted unseen, tried where it will be used, stored. Its value is shown nowhere, and kept nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.asking.key_check import check_key
from kullm_tui.core.config.keys import KeySource, StoredKey, list_keys, set_key
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.download import HUB_KEY
from kullm_tui.ui.background import begin
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line

_OPENAI_KEY = "OPENAI_API_KEY"


class KeyScreen(Dialog[str]):
    """What to tell about the key that was stored; None where none was."""

    AUTO_FOCUS = "#value"

    def __init__(self, name: str, endpoints: Sequence[EndpointSettings] = ()) -> None:
        super().__init__()
        self._key_name, self._endpoints = safe_line(name), endpoints
        self._refused = ""  # a value that did not pass its test: it is stored when that is wished again

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("키 저장", "Store a key"), classes="dialog--question", markup=False)
            with Horizontal(classes="form--row"):
                yield Static(say("이름", "name"), classes="form--label", markup=False)
                yield Input(self._key_name, id="name")
            with Horizontal(classes="form--row -close"):
                yield Static(say("값", "value"), classes="form--label", markup=False)
                yield Input(
                    password=True, id="value", placeholder=say("붙여 넣으세요 (보이지 않아요)", "paste it (unseen)")
                )
            yield Static(plain(_hint(self._key_name)), classes="dialog--more", id="hint", markup=False)
            yield Static(classes="dialog--fault -apart", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(plain(say("확인하고 저장", "Test and store")), id="yes")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if event.input.id == "name":
            self.query_one("#hint", Static).update(plain(_hint(safe_line(event.value))))
        self._refused = ""
        self.tell()
        self.name_button(say("확인하고 저장", "Test and store"))

    @on(Input.Submitted, "#name")
    def _to_value(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#value", Input).focus()

    @on(Input.Submitted, "#value")
    @on(Button.Pressed, "#yes")
    def action_accept(self) -> None:
        begin(self, self._store, lambda error: self.tell(str(error)), group="key", exclusive=True)

    async def _store(self) -> None:
        name, value = safe_line(self.query_one("#name", Input).value), self.query_one("#value", Input).value.strip()
        if not value:
            self.tell(say("값이 비어 있어요.", "The value is empty."))
            return
        tested = False
        if self._refused != value:
            self.tell(say("시험하고 있어요.", "Testing it."), waiting=True)
            try:
                tested = await check_key(name, value, self._endpoints) == "accepted"
            except KullmError as error:
                self._refused = value
                self.tell(_without(str(error), value))
                self.name_button(say("그래도 넣기", "Store it all the same"))
                return
        try:
            source = await asyncio.to_thread(set_key, name, value)
        except KullmError as error:
            self.tell(_without(str(error), value))
            return
        self.dismiss(_told(name, source, tested=tested))


def _without(text: str, value: str) -> str:
    """No sentence of anybody's repeats the key."""
    return text.replace(value, "…")


def _told(name: str, source: KeySource, *, tested: bool) -> str:
    where = {
        "environment": say("환경 변수", "the environment"),
        "keyring": say("운영체제의 키 보관함", "the keyring"),
        "file": say("나만 읽을 수 있는 파일", "a file that only you can read"),
    }[source]
    proof = say("시험해 보니 잘 되는 키예요. ", "The key works. ") if tested else ""
    return say(f"{proof}{name}: {where}에 넣었어요.", f"{proof}{name} is stored in {where}.")


def _hint(name: str) -> str:
    there = next((key.source for key in _stored() if key.name == name), None)
    already = {
        None: "",
        "environment": say(
            "환경 변수에 이미 있어요. 그것이 먼저 쓰여요. ", "Set in the environment, which goes first. "
        ),
        "keyring": say("이미 있어요. 새 값으로 바꿔요. ", "Stored already; it will be replaced. "),
        "file": say("이미 있어요. 새 값으로 바꿔요. ", "Stored already; it will be replaced. "),
    }[there]
    if name == _OPENAI_KEY:
        return already + say(
            "platform.openai.com/api-keys 에서 만든 키예요. 채점과 OpenAI 모델에 쓰고, 쓴 만큼 그 계정에 청구돼요.",
            "Made at platform.openai.com/api-keys . It judges replies and asks OpenAI's models; what is used is billed to that account.",
        )
    if name == HUB_KEY:
        from kullm_tui.core.hub.errors import hub_endpoint

        page = f"{hub_endpoint()}/settings/tokens"
        return already + say(f"{page} 에서 만든 읽기 토큰이에요.", f"A token that may read, made at {page} .")
    return already


def _stored() -> list[StoredKey]:
    try:
        return list_keys()
    except KullmError:
        return []  # told when the key is stored
