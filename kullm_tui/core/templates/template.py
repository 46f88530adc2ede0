"""A named template: where it comes from, whether that was read at the source, and its renderings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kullm_tui.core.records import Message
from kullm_tui.core.templates.form import Form, Outline, outline, render_form
from kullm_tui.core.templates.go_form import go_template_of
from kullm_tui.core.templates.jinja_form import jinja_of
from kullm_tui.core.templates.segments import Prompt, Segment


@dataclass(frozen=True, kw_only=True)
class Template:
    name: str
    source: str
    verified: bool  # read in the project's source or on its model page
    one_turn: bool  # later turns and system texts are a form that the model was not trained on
    form: Form
    several: Form | None = None  # the form for several turns or a system text, where it is another one
    default_system: str | None = None
    stop: tuple[str, ...] = ()
    specials: tuple[str, ...] = ()  # special tokens that the patterns spell out

    def render(
        self, messages: Sequence[Message], *, eos_token: str, bos_token: str = "", open_reply: bool = True
    ) -> Prompt:
        """The prompt for a tokenizer with these end and begin tokens; `open_reply` ends it where the reply begins.

        Earlier replies carry the end token only where the model was trained on several turns with it: elsewhere it would
        tell the model that a new document begins. After an assistant's message nothing is opened. A bos equal to the
        eos is a tokenizer's default name for a token that the model never saw at the start: it is left out.
        """
        shape = self._with_default_system(outline(messages))
        bos = "" if bos_token == eos_token else bos_token
        begin = [Segment(bos, special=True)] if bos else []
        tokens = {"{eos}": eos_token, "{bos}": bos}
        form = self._form_for(shape)
        return Prompt((*begin, *render_form(form, shape, tokens, self.specials, open_reply=open_reply)))

    @property
    def jinja(self) -> str:
        """The same as a chat template for transformers and vLLM, reading `eos_token`, `bos_token` and message['input']."""
        return jinja_of(self.form, self.several, self.default_system, self.specials)

    def go(self, *, eos_token: str, bos_token: str) -> str:
        """The same for Ollama, but for `default_system`, which it keeps beside the template."""
        bos = "" if bos_token == eos_token else bos_token
        return go_template_of(self.form, self.several, self.specials, eos_token=eos_token, bos_token=bos)

    def _with_default_system(self, shape: Outline) -> Outline:
        own_top = bool(shape.first_input) and self.form.header_with_input is not None
        if shape.system is not None or own_top:
            return shape
        return replace(shape, system=self.default_system)

    def _form_for(self, shape: Outline) -> Form:
        return self.several if self.several and (shape.system or shape.last_question > 0) else self.form
