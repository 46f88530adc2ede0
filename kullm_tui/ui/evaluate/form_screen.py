"""A new evaluation: what is filled in on the left or above, and what it would do and cost beside it, reckoned anew at every change."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._static import Static

from evaluator.decodings import DECODINGS
from evaluator.preparation import Pick, Prepared, Preparing, Wishes, keep_imported
from evaluator.questions import PUBLIC_SETS
from evaluator.rubric import shipped_rubrics
from kullm_tui.core import paths
from kullm_tui.core.errors import KeyMissing
from kullm_tui.core.files import is_there
from kullm_tui.core.language import say
from kullm_tui.core.money import budget_of
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.dialogs.ask import AskLine
from kullm_tui.ui.dialogs.consent import may_leave_for
from kullm_tui.ui.evaluate.system_picker import SystemPicker
from kullm_tui.ui.evaluate.text import button_label, plan_lines
from kullm_tui.ui.keymap import EVALUATION_FORM, bindings
from kullm_tui.ui.models.choices import answerers
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.button import name_button
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.segmented import Choice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.evaluate.host import EvaluationsHost

_SETTLING_SECONDS = 0.3  # of typing, before it is reckoned
_JUDGE_KEY = "OPENAI_API_KEY"
_KEY_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")  # as a message about a missing key names it
_AUTO, _NAMED, _NOBODY = range(3)
_AT_ONCE, _IN_BATCHES = range(2)


class NewEvaluationScreen(Screen[int | None]):
    """The number of the evaluation that was begun; None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(EVALUATION_FORM)
    AUTO_FOCUS = "#picker"
    CSS = """
    NewEvaluationScreen #body { height: 1fr; layout: vertical; }
    NewEvaluationScreen #form { height: 1fr; width: 1fr; padding: 0 1; }
    NewEvaluationScreen .field { height: 1; }
    NewEvaluationScreen .label { width: 10; color: $quiet; }
    NewEvaluationScreen .field Input { width: 1fr; }
    NewEvaluationScreen .field.-more { display: none; }
    NewEvaluationScreen .field.-more.-shown { display: block; }
    NewEvaluationScreen #picker { height: 1fr; min-height: 4; }
    NewEvaluationScreen #plan { height: auto; max-height: 9; border-top: solid $rule; padding: 0 1; }
    NewEvaluationScreen #plan-text { width: 100%; height: auto; }
    NewEvaluationScreen #buttons { height: 1; align-horizontal: right; }
    NewEvaluationScreen #buttons Button { margin-left: 2; }
    NewEvaluationScreen.-wide #body { layout: horizontal; }
    NewEvaluationScreen.-wide #plan { width: 40%; height: 1fr; max-height: 100%; border-top: none; border-left: solid $rule; padding: 0 2; }
    NewEvaluationScreen.-wide #plan-text { margin-bottom: 1; }
    """

    def __init__(self, wishes: Wishes) -> None:
        super().__init__()
        self._first = wishes
        self._preparing: Preparing | None = None
        self._prepared: Prepared | None = None
        self._key = _JUDGE_KEY  # the one that is missing

    @property
    def host(self) -> EvaluationsHost:
        return cast("EvaluationsHost", self.app)

    # -- the form ------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        first = self._first
        names = _choices()
        yield StatusLine(self.host.status)
        with Horizontal(id="body"):
            with Vertical(id="form"):
                yield from _field("set", Choice(names["set"], id="set"))
                yield from _field("", Input(_otherwise(first.questions, _sets()), id="set-file"), more=True)
                yield from _field("decoding", Choice(names["decoding"], id="decoding"))
                yield from _field("rubric", Choice(names["rubric"], id="rubric"))
                yield from _field("", Input(_otherwise(first.rubric, shipped_rubrics()), id="rubric-file"), more=True)
                yield from _field("judge", Choice(names["judge"], id="judge"))
                yield from _field("", Input(first.judge or "", id="judge-name"), more=True)
                yield from _field("asking", Choice(names["asking"], id="asking"))
                yield from _field("limit", Input(_number(first.limit), id="limit"))
                yield Static(id="label-picker", classes="quiet", markup=False)
                yield SystemPicker(first.picks, id="picker")
            with Vertical(id="plan"):
                yield Static(id="plan-text", markup=False)
                with Horizontal(id="buttons"):
                    yield Button(id="key")
                    yield Button(id="begin", disabled=True)
        yield KeyBar()

    def relabel(self) -> None:
        for name, label in _labels().items():
            self.query_one(f"#label-{name}", Static).update(label)
        for name, names in _choices().items():
            self._choice(name).rename(names)
        for name, words in _placeholders().items():
            self.query_one(f"#{name}", Input).placeholder = words
        self._show_fields()
        name_button(self.query_one("#key", Button), say("키 저장", "Store a key"))
        self.query_one("#plan-text", Static).update(say("살펴보는 중", "looking"))
        self._name_button(say("시작", "Begin"), ready=False)
        self._plan()

    def on_mount(self) -> None:
        first = self._first
        self.relabel()
        self._choice("set").chosen = _place(first.questions, _sets())
        self._choice("decoding").chosen = list(DECODINGS).index(first.decoding)
        self._choice("rubric").chosen = _place(first.rubric, shipped_rubrics())
        self._choice("judge").chosen = _NOBODY if first.judge is None else _NAMED if first.judge else _AUTO
        self._choice("asking").chosen = _IN_BATCHES if first.in_batches else _AT_ONCE
        self.query_one("#key", Button).display = False
        self._show_fields()
        begin(self, self._begin_planning, self._tell_fault)

    async def _begin_planning(self) -> None:
        store = await self.host.evaluations.store()
        self._preparing = Preparing(self.host.config, store)
        found = await asyncio.to_thread(answerers, self.host.config)
        self.query_one(SystemPicker).offer(found.rows)
        self._plan()

    def _choice(self, name: str) -> Choice:
        return self.query_one(f"#{name}", Choice)

    def _typed(self, name: str) -> str:
        return safe_line(self.query_one(f"#{name}", Input).value)

    def _show_fields(self) -> None:
        """A field for what is none of the usual ones."""
        shown = {
            "set-file": self._choice("set").chosen == len(_sets()),
            "rubric-file": self._choice("rubric").chosen == len(shipped_rubrics()),
            "judge-name": self._choice("judge").chosen == _NAMED,
        }
        for name, there in shown.items():
            row = self.query_one(f"#{name}").parent
            if row is not None and hasattr(row, "set_class"):
                row.set_class(there, "-shown")
        self.query_one("#limit", Input).placeholder = _without_limit(
            in_batches=self._choice("asking").chosen == _IN_BATCHES
        )

    def wishes(self) -> Wishes:
        """As the form is filled in now. KullmError for a budget that is none."""
        sets, rubrics = _sets(), shipped_rubrics()
        question_set, rubric = self._choice("set").chosen, self._choice("rubric").chosen
        judge: str | None = self._typed("judge-name") if self._choice("judge").chosen == _NAMED else ""
        if self._choice("judge").chosen == _NOBODY:
            judge = None
        return Wishes(
            questions=sets[question_set] if question_set < len(sets) else self._typed("set-file"),
            picks=tuple(self.query_one(SystemPicker).picks),
            decoding=list(DECODINGS)[self._choice("decoding").chosen],
            rubric=rubrics[rubric] if rubric < len(rubrics) else self._typed("rubric-file"),
            judge=judge,
            limit=budget_of(self._typed("limit")),
            repeats=self._first.repeats,
            in_batches=self._choice("asking").chosen == _IN_BATCHES,
        )

    # -- the plan ------------------------------------------------------------------------------------------------------

    @on(Choice.Changed)
    @on(Input.Changed)
    @on(SystemPicker.Changed)
    def _changed(self) -> None:
        self._show_fields()
        self._plan()

    def _plan(self) -> None:
        self._prepared = None  # what nobody has seen is not begun
        if self._preparing:
            self._name_button(say("계산하는 중", "reckoning"), ready=False)
            begin(self, partial(self._reckon, self._preparing), self._tell_fault, group="plan", exclusive=True)

    async def _reckon(self, preparing: Preparing) -> None:
        await asyncio.sleep(_SETTLING_SECONDS)
        prepared = await asyncio.to_thread(preparing.prepared, self.wishes())
        self._prepared = prepared
        self.query_one("#plan-text", Static).update(joined(plan_lines(prepared, self.host.config.won_per_dollar)))
        self.query_one("#key", Button).display = False
        self._name_button(button_label(prepared, self.host.config.won_per_dollar), ready=True)

    def _tell_fault(self, fault: Fault) -> None:
        self._prepared = None
        lines = [Content.styled(plain(str(fault)).plain, "$warning")]
        keyless = isinstance(fault, KeyMissing)
        named = _KEY_NAME.search(str(fault))
        self._key = named[0] if named else _JUDGE_KEY
        if keyless and self._key == _JUDGE_KEY:
            without = say(
                "키 없이는 채점자를 '없이'로 두고 사람이 매길 수 있어요.",
                "Without a key people can rate: choose none as judge.",
            )
            lines.append(Content.styled(without, "$quiet"))
        self.query_one("#plan-text", Static).update(joined(lines))
        self.query_one("#key", Button).display = keyless
        self._name_button(say("시작", "Begin"), ready=False)

    def _name_button(self, words: str, *, ready: bool) -> None:
        button = self.query_one("#begin", Button)
        button.disabled = not ready
        name_button(button, words)

    # -- systems that are not on the list ------------------------------------------------------------------------------

    @on(SystemPicker.EndpointAsked)
    def _which_model(self, event: SystemPicker.EndpointAsked) -> None:
        title = safe_line(event.answerer.title)
        asked = AskLine(
            say(f"{title}의 어떤 모델을 평가할까요?", f"Which model of {title}?"),
            button=say("추가", "Add it"),
            placeholder="gpt-4o-mini",
            fault=_not_empty,
        )
        self.app.push_screen(asked, lambda name: self._add(Pick(f"{event.answerer.model}{name}") if name else None))

    @on(SystemPicker.Added)
    def _added(self, event: SystemPicker.Added) -> None:
        begin(self, self._add_file if event.adding == "file" else self._add_name, self._tell_fault)

    async def _add_name(self) -> None:
        name = await self.app.push_screen_wait(
            AskLine(
                say("어떤 모델을 추가할까요?", "Which model?"),
                button=say("추가", "Add it"),
                placeholder=say("이름, 저장소, 폴더, 엔드포인트/모델", "name, repository, folder, endpoint/model"),
                fault=_not_empty,
            )
        )
        self._add(Pick(name) if name else None)

    async def _add_file(self) -> None:
        file = await self.app.push_screen_wait(
            AskLine(
                say("답이 든 파일은 어디에 있나요?", "Where is the file of answers?"),
                button=say("다음", "Next"),
                placeholder="answers.jsonl",
                more=say("한 줄에 하나씩 id와 response가 있는 JSONL이에요.", "JSON lines with id and response."),
                fault=_not_a_file,
            )
        )
        if not file:
            return
        name = await self.app.push_screen_wait(
            AskLine(
                say("표에서 뭐라고 부를까요?", "What should the table call it?"),
                button=say("추가", "Add it"),
                value=Path(file).stem,
                fault=_not_empty,
            )
        )
        self._add(Pick(file=file, name=name) if name else None)

    def _add(self, pick: Pick | None) -> None:
        if pick:
            self.query_one(SystemPicker).add(pick)

    # -- beginning -----------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#key")
    def _store_key(self) -> None:
        from kullm_tui.ui.dialogs.api_key import KeyScreen

        self.app.push_screen(KeyScreen(self._key, self.host.config.endpoints), lambda _: self._plan())

    @on(Button.Pressed, "#begin")
    def action_begin(self) -> None:
        if self._prepared and self._preparing:
            work = partial(self._begin, self._preparing, self._prepared, self.wishes())
            begin(self, work, self._tell_fault, group="begin", exclusive=True)

    async def _begin(self, preparing: Preparing, shown: Prepared, wishes: Wishes) -> None:
        """With the wishes whose plan was on the screen, whatever is changed in the form meanwhile."""
        if not await may_leave_for(self.app, shown.leaving):
            return
        self._name_button(say("준비하는 중", "preparing"), ready=False)
        prepared = await asyncio.to_thread(preparing.prepared, wishes, fetch=True)
        await asyncio.to_thread(keep_imported, prepared, preparing.store)
        running = await self.host.evaluations.start(
            prepared.evaluation,
            prepared.targets,
            prepared.budget,
            self.host.config.judging,
            in_batches=prepared.in_batches,
        )
        self.dismiss(running.number)

    def action_leave_form(self) -> None:
        self.dismiss(None)


def _field(name: str, widget: Choice | Input, *, more: bool = False) -> ComposeResult:
    with Horizontal(classes="field -more" if more else "field"):
        yield Static(id=f"label-{name}" if name else None, classes="label", markup=False)
        yield widget


def _labels() -> dict[str, str]:
    return {
        "set": say("질문", "questions"),
        "decoding": say("디코딩", "decoding"),
        "rubric": say("채점 기준", "rubric"),
        "judge": say("채점자", "judge"),
        "asking": say("채점 방식", "judging"),
        "limit": say("예산 $", "budget $"),
        "picker": say("시스템  ␣ 고르기 (고른 차례가 표의 차례)", "systems  ␣ takes one; the table keeps their order"),
    }


def _choices() -> dict[str, list[str]]:
    file = say("파일", "file")
    return {
        "set": [*_sets(), file],
        "decoding": [
            say("모델 기본값", "the models' own"),
            say("논문 설정", "the paper's"),
            say("온도 0", "greedy"),
            say("온도 0, 하나씩(늘 같은 답)", "greedy, one by one (always the same)"),
        ],
        "rubric": [*shipped_rubrics(), file],
        "judge": [say("자동", "automatic"), say("이름으로", "by name"), say("없이, 사람만", "none, people only")],
        "asking": [say("바로", "at once"), say("배치 (반값, 24시간 안에)", "batch (half price, within 24 hours)")],
    }


def _placeholders() -> dict[str, str]:
    return {
        "set-file": "questions.jsonl",
        "rubric-file": "rubric.toml",
        "judge-name": "gpt-4.1 · endpoint/model",
    }


def _without_limit(*, in_batches: bool) -> str:
    if in_batches:
        return say("비우면 보여 준 만큼 모두 맡겨요", "empty: all that is shown is handed in")
    return say("비우면 예상 비용의 1.5배, 적어도 $0.05", "empty: 1.5 × the estimate, $0.05 at least")


def _sets() -> tuple[str, ...]:
    return tuple(one.name for one in PUBLIC_SETS)


def _place(value: str, usual: tuple[str, ...]) -> int:
    return usual.index(value) if value in usual else len(usual)


def _otherwise(value: str, usual: tuple[str, ...]) -> str:
    return "" if value in usual else value


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _not_empty(line: str) -> str | None:
    return None if line else say("비어 있어요.", "It is empty.")


def _not_a_file(line: str) -> str | None:
    path = paths.typed(line)
    return None if line and is_there(path) and path.is_file() else say("그런 파일이 없어요.", "There is no such file.")
