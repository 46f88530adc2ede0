"""What the model answered to the fixed prompts while it was trained: scrubbed by step, two steps side by side, their differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_REPLIES
from kullm_tui.ui.text import safe, safe_line
from kullm_tui.ui.train.page.watching import Watching
from kullm_tui.ui.widgets.differences import marked
from trainer.jobs.watched import Sample


class Replies(Vertical, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_REPLIES)
    DEFAULT_CSS = """
    Replies { height: 1fr; }
    Replies #prompt { height: auto; max-height: 3; text-style: bold; }
    Replies #steps { height: 1; color: $quiet; margin-bottom: 1; }
    Replies VerticalScroll { width: 1fr; padding: 0 1 0 0; }
    Replies VerticalScroll Static { width: 100%; height: auto; }
    Replies #reply-right { border-left: solid $rule; padding: 0 0 0 1; }
    Replies.-alone #reply-left { display: none; }
    """

    def __init__(self, watching: Watching, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._watching = watching
        self.begin_anew()

    def begin_anew(self) -> None:
        """For another job: the first prompt, its first reply beside its newest."""
        self._prompt = 0
        self._pinned: int | None = None
        self._step: int | None = None  # None: the newest

    def compose(self) -> ComposeResult:
        yield Static(id="prompt", markup=False)
        yield Static(id="steps", markup=False)
        with Horizontal():
            for side in ("left", "right"):
                with VerticalScroll(id=f"reply-{side}", can_focus=False):
                    yield Static(id=f"text-{side}", markup=False)

    # -- which ---------------------------------------------------------------------------------------------------------

    @property
    def prompts(self) -> list[str]:
        look = self._watching.look
        return list(dict.fromkeys(one.prompt for one in look.samples)) if look else []

    @property
    def replies(self) -> list[Sample]:
        """To the prompt that is shown, by their steps."""
        prompts, look = self.prompts, self._watching.look
        if not prompts or look is None:
            return []
        return [one for one in look.samples if one.prompt == prompts[self._prompt % len(prompts)]]

    def _at(self, replies: Sequence[Sample], step: int | None, other: int) -> int:
        return next((at for at, one in enumerate(replies) if one.step == step), other % len(replies))

    def action_reply_step(self, direction: int) -> None:
        replies = self.replies
        if replies:
            at = max(0, min(len(replies) - 1, self._at(replies, self._step, -1) + direction))
            self._step = None if at == len(replies) - 1 else replies[at].step
            self.draw()

    def action_question(self, direction: int) -> None:
        if self.prompts:
            self._prompt = (self._prompt + direction) % len(self.prompts)
            self.draw()

    def action_pin_reply(self) -> None:
        replies = self.replies
        if replies:
            self._pinned = replies[self._at(replies, self._step, -1)].step
            self.draw()

    # -- drawn ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        replies = self.replies
        if not replies:
            self._draw_nothing()
            return
        right = replies[self._at(replies, self._step, -1)]
        left = replies[self._at(replies, self._pinned, 0)]
        alone = left is right
        self.set_class(alone, "-alone")
        count, place = len(self.prompts), self._prompt % len(self.prompts)
        of = f"{place + 1}/{count}  " if count > 1 else ""
        self.query_one("#prompt", Static).update(Content(of + safe_line(right.prompt)))
        self.query_one("#steps", Static).update(self._scrubber(replies, left, right))
        one, other = (
            (Content(safe(left.reply)), Content(safe(right.reply))) if alone else marked(left.reply, right.reply)
        )
        self.query_one("#text-left", Static).update(_headed(left, one))
        self.query_one("#text-right", Static).update(_headed(right, other))

    def _draw_nothing(self) -> None:
        self.add_class("-alone")
        self.query_one("#prompt", Static).update(Content(""))
        self.query_one("#steps", Static).update(Content(""))
        told = say(
            "아직 예시 답이 없어요. 평가할 때마다 레시피의 물음에 답해 봐요.",
            "No sample replies yet: at every evaluation the recipe's prompts are answered.",
        )
        self.query_one("#text-right", Static).update(Content.styled(told, "$quiet"))

    def _scrubber(self, replies: Sequence[Sample], left: Sample, right: Sample) -> Content:
        """A mark for each step at which there is a reply, as many as have room around the one that is shown."""
        room = max(5, self.size.width // 2 - 20)
        at = replies.index(right)
        first = max(0, min(at - room // 2, len(replies) - room))
        signs = [
            ("●", "$accent") if one is right else ("◆", "$warning") if one is left else ("·", "$quiet")
            for one in replies[first : first + room]
        ]
        told = say(f"{right.step:,}단계", f"step {right.step:,}") + f"  {at + 1}/{len(replies)}"
        return Content.assemble(*signs, "  ", told)


def _headed(one: Sample, reply: Content) -> Content:
    tokens = "" if one.tokens is None else say(f" · {one.tokens}토큰", f" · {one.tokens} tokens")
    cut = "" if one.ended else say(" · 끝나지 않음", " · did not end")
    head = say(f"{one.step:,}단계", f"step {one.step:,}") + tokens + cut
    return Content.assemble((head, "$quiet"), "\n\n", reply)
