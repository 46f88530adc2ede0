"""The plan beside the form: what the training would take as it is filled in now, and the button that says what it will do."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.text import safe
from kullm_tui.ui.train.new.text import change_text, plan_lines
from kullm_tui.ui.widgets.button import name_button
from trainer.jobs.outlook import Outlook, launch_text


class PlanPanel(Vertical):
    DEFAULT_CSS = """
    PlanPanel { height: auto; max-height: 11; border-top: solid $rule; padding: 0 1; }
    PlanPanel #plan-text { width: 100%; height: auto; }
    PlanPanel #plan-scroll { height: auto; max-height: 9; }
    PlanPanel #plan-buttons { height: 1; align-horizontal: right; }
    PlanPanel #plan-buttons Button { margin-left: 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="plan")
        self.outlook: Outlook | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="plan-scroll", can_focus=False):
            yield Static(id="plan-text", markup=False)
        with Horizontal(id="plan-buttons"):
            yield Button(id="fit")
            yield Button(id="begin")

    def on_mount(self) -> None:
        self.show(None)

    def show(self, outlook: Outlook | None, *, roomy: bool = False) -> None:
        """None: it is being reckoned. What was shown before stays to be read, and cannot be begun."""
        if outlook is None:
            if self.outlook is None:
                self.query_one("#plan-text", Static).update(
                    Content.styled(say("계산하는 중 …", "reckoning …"), "$quiet")
                )
            self._name_begin(say("계산하는 중", "reckoning"), ready=False)
            return
        self.outlook = outlook
        self.query_one("#plan-text", Static).update(Content("\n").join(plan_lines(outlook, roomy=roomy)))
        fit = self.query_one("#fit", Button)
        fit.display = outlook.change is not None
        if outlook.change:
            name_button(fit, f"F2 {change_text(outlook.change, outlook.plan.asked)}")
        self._name_begin(launch_text(outlook), ready=True)

    def tell(self, text: str) -> None:
        """What speaks against a plan."""
        self.outlook = None
        self.query_one("#fit", Button).display = False
        self.query_one("#plan-text", Static).update(Content.styled(safe(text), "$warning"))
        self._name_begin(say("시작", "Begin"), ready=False)

    def _name_begin(self, words: str, *, ready: bool) -> None:
        button = self.query_one("#begin", Button)
        button.disabled = not ready
        name_button(button, words)
