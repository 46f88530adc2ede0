"""What is filled in for a new training: where, under which name, and the recipe's fields, the usual ones before all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message

from kullm_tui.core.language import say
from kullm_tui.core.rules import Fault, whole
from kullm_tui.ui.train.new.field_row import FieldRow
from kullm_tui.ui.train.new.live_line import LiveLine
from kullm_tui.ui.train.new.source_rows import SourceRows
from trainer.recipe_draft import Draft
from trainer.recipe_fields import FIELDS, SOURCES, RecipeField, field_named, fields_of

_MOST_GPUS = 1000


@dataclass(frozen=True)
class Place:
    """Where it is to be trained."""

    machine: str = ""  # empty: this computer
    gpus: int | None = None  # all
    waits: bool = False


class JobForm(VerticalScroll):
    DEFAULT_CSS = """
    JobForm { height: 1fr; padding: 0 1; }
    JobForm #live { height: auto; padding-left: 20; color: $quiet; }
    JobForm .-more { display: none; }
    JobForm.-all .-more { display: block; }
    JobForm .-away { display: none; }
    JobForm.-all .-more.-away { display: none; }
    """

    class Changed(Message):
        pass

    @dataclass
    class Explained(Message):
        """Another field has the focus."""

        text: Content

    def __init__(self) -> None:
        super().__init__(id="form")
        self.draft: Draft | None = None
        self._machines: list[str] = []

    # -- what stands in it ---------------------------------------------------------------------------------------------

    async def fill(self, draft: Draft, machines: Sequence[str]) -> None:
        """With a recipe, or what somebody made of it."""
        self.draft = draft
        self._machines = list(machines)
        await self.remove_children()
        self.remove_class("-all")
        await self.mount_all([*self._own_rows(draft), *self._rows(usual=True)])
        self.query(FieldRow).first().editor.focus()

    def _own_rows(self, draft: Draft) -> list[FieldRow | LiveLine]:
        names = self._machine_names()
        known = draft.machine in self._machines
        chosen = names[self._machines.index(draft.machine) + 1] if known else names[0]
        gpus = FieldRow("gpus", _label("gpus"), str(draft.gpus or ""), placeholder=say("모두", "all"))
        waits = FieldRow("waits", _label("waits"), _waiting()[0], choices=_waiting())
        name = FieldRow(
            "name",
            _label("name"),
            "",
            placeholder=say("비우면 레시피의 이름과 번호", "empty: the recipe's, and a number"),
        )
        for row in (gpus, waits):
            row.add_class("-away")
        return [
            FieldRow("machine", _label("machine"), chosen, choices=names),
            LiveLine(),
            gpus,
            waits,
            name,
        ]

    def _rows(self, *, usual: bool) -> list[FieldRow | SourceRows]:
        shown = self._meaningful()
        return [self._row(field, shown) for field in FIELDS if field.usual == usual]

    def _row(self, field: RecipeField, shown: set[str]) -> FieldRow | SourceRows:
        assert self.draft is not None
        value = self.draft.typed.get(field.key, field.text(self.draft.base))
        if field.key == SOURCES:
            return SourceRows(field.label, value)
        row = FieldRow(field.key, field.label, value, choices=_choices(field))
        row.set_class(not field.usual, "-more").set_class(field.key not in shown, "-away")
        row.set_class(field.key in self.draft.typed, "-changed")
        return row

    def _meaningful(self) -> set[str]:
        """Another method has other fields."""
        assert self.draft is not None
        return {field.key for field in fields_of(self.draft.filled()[0] or self.draft.base)}

    def unfold(self) -> None:
        """All fields: those that most people leave alone are made when somebody wants them."""
        self.add_class("-all")
        if self.draft and not self.query(".-more"):
            self.mount_all(self._rows(usual=False))

    def fold(self) -> None:
        self.remove_class("-all")

    def _machine_names(self) -> list[str]:
        return [say("이 컴퓨터", "this machine"), *self._machines]

    def offer_machines(self, machines: Sequence[str]) -> None:
        """After some were added or taken off."""
        chosen = self.place.machine
        self._machines = list(machines)
        names = self._machine_names()
        row = self.row("machine")
        if row:
            row.offer(names, chosen if chosen in machines else names[0])

    @property
    def live(self) -> LiveLine:
        return self.query_one(LiveLine)

    def show_cards(self, *, has_cards: bool, queues: bool) -> None:
        """Whether there is a number of GPUs to choose, and a queue to wait in."""
        for key, there in (("gpus", has_cards), ("waits", has_cards and queues)):
            row = self.row(key)
            if row:
                row.set_class(not there, "-away")

    def relabel(self) -> None:
        for row in self._single():
            row.name_it(_named(row.key))
        for sources in self.query(SourceRows):
            sources.name_it(_named(SOURCES))
        machine, waits = self.row("machine"), self.row("waits")
        if machine and waits:
            machine.name_it(_label("machine"), self._machine_names())
            waits.name_it(_label("waits"), _waiting())

    # -- what it says --------------------------------------------------------------------------------------------------

    def row(self, key: str) -> FieldRow | None:
        return next((row for row in self.query(FieldRow) if row.key == key), None)

    def _single(self) -> list[FieldRow]:
        return [row for row in self.query(FieldRow) if not isinstance(row.parent, SourceRows)]

    @property
    def sources(self) -> SourceRows:
        return self.query_one(SourceRows)

    def put(self, key: str, text: str) -> None:
        row = self.row(key)
        if key == SOURCES and row:
            self.sources.put(text)
        elif row:
            row.text = text
        elif self.draft:  # it is folded away
            self.draft = self.draft.put(key, text)
            self.post_message(self.Changed())

    @property
    def adapter(self) -> str:
        """What it will be called."""
        row = self.row("name")
        return row.text if row else ""

    @property
    def place(self) -> Place:
        """With all GPUs where their number is nonsense, which is told at its field."""
        machine, gpus, waits = (self.row(key) for key in ("machine", "gpus", "waits"))
        if machine is None or gpus is None or waits is None:
            return Place()
        names = self._machine_names()
        chosen = names.index(machine.text) if machine.text in names else 0
        count, _ = _gpus(gpus.text)
        return Place(names[chosen] if chosen else "", count, waits.text == _waiting()[1])

    def own_faults(self) -> dict[str, str]:
        """Of the fields that are no recipe's."""
        gpus = self.row("gpus")
        _, fault = _gpus(gpus.text if gpus and not gpus.has_class("-away") else "")
        return {"gpus": fault} if fault else {}

    def tell(self, faults: Mapping[str, str]) -> None:
        """Each at its field; one that is folded away is unfolded."""
        if any(field.key in faults and not field.usual for field in FIELDS):
            self.unfold()
        for row in self._single():
            row.tell(faults.get(row.key, ""))
        for sources in self.query(SourceRows):
            sources.tell(faults)

    @on(FieldRow.Changed)
    def _changed(self, event: FieldRow.Changed) -> None:
        event.stop()
        row = event.row
        if self.draft and field_named(row.key):
            self.draft = self.draft.put(row.key, row.text)
            row.set_class(row.key in self.draft.typed, "-changed")
            if row.key == "method.kind":
                self._show_fields()
        self.explain(row)
        self.post_message(self.Changed())

    @on(SourceRows.Changed)
    def _changed_sources(self, event: SourceRows.Changed) -> None:
        event.stop()
        if self.draft:
            self.draft = self.draft.put(SOURCES, self.sources.text)
            self.sources.mark(is_changed=SOURCES in self.draft.typed)
        self.explain(event.row)
        self.post_message(self.Changed())

    def take_source(self, source: str) -> None:
        """One that was chosen."""
        if self.draft:
            self.sources.take(source, is_untouched=SOURCES not in self.draft.typed)

    def _show_fields(self) -> None:
        shown = self._meaningful()
        for row in self._single():
            if field_named(row.key):
                row.set_class(row.key not in shown, "-away")

    def on_descendant_focus(self) -> None:
        focused = self.screen.focused
        row = next((one for one in focused.ancestors if isinstance(one, FieldRow)), None) if focused else None
        if row:
            self.explain(row)

    def explain(self, row: FieldRow) -> None:
        field = _field_of(row)
        if field is None or self.draft is None:
            self.post_message(self.Explained(Content(_purpose(row.key))))
            return
        origin = self.draft.origin(field.key)
        self.post_message(self.Explained(Content.assemble(field.help, "\n", (f"{field.key} · {origin}", "$quiet"))))


def _field_of(row: FieldRow) -> RecipeField | None:
    """A line of several is one field with the others."""
    return field_named(SOURCES if isinstance(row.parent, SourceRows) else row.key)


def _choices(field: RecipeField) -> tuple[str, ...]:
    return ("true", "false") if field.kind == "truth" else field.choices


def _gpus(text: str) -> tuple[int | None, str]:
    if not text.strip():
        return None, ""
    try:
        return int(whole(1, _MOST_GPUS)(int(text) if text.strip().isdecimal() else text)), ""
    except Fault as fault:
        return None, str(fault)


def _named(key: str) -> str:
    field = field_named(key)
    return field.label if field else _label(key)


def _label(key: str) -> str:
    return {
        "machine": say("장비", "machine"),
        "gpus": say("GPU 수", "GPUs"),
        "waits": say("GPU가 없으면", "where none is free"),
        "name": say("이름", "name"),
    }[key]


def _waiting() -> list[str]:
    return [say("시작하지 않기", "do not begin"), say("빌 때까지 기다리기", "wait there until one is")]


def _purpose(key: str) -> str:
    return {
        "machine": say("어디서 학습할지. 장비는 F7로 더해요", "where it is trained; F7 adds machines"),
        "gpus": say("장비의 GPU 가운데 몇 개를 쓸지. 비우면 모두", "how many of its GPUs; empty: all"),
        "waits": say("GPU를 다른 사람이 쓰고 있을 때", "where others use the GPUs"),
        "name": say("학습한 어댑터를 부를 이름", "what the adapter will be called"),
    }[key]
