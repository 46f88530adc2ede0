"""The Go form, which Ollama renders, equals the rendered text."""

import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.template import Template
from tests.go_template import rendered, rendered_by_go

QUESTION, REPLY = '구름은 "KULLM"\\n의 {{ .System }} 뜻?', " 네, {eos} 맞습니다.\n"
TURNS = [("user", QUESTION), ("assistant", REPLY), ("user", "또?"), ("assistant", "그럼요"), ("user", "끝")]
TOKENS = [("</s>", "<s>"), ("<|endoftext|>", "<|endoftext|>"), ("</s>", "")]


def _conversation(system: str, length: int) -> list[Message]:
    turns = [Message(role, content) for role, content in TURNS[:length]]  # type: ignore[arg-type]
    return [Message("system", system), *turns] if system else turns


CONVERSATIONS = [_conversation(*case) for case in product(("", '친절하게\n"답"해요.'), (1, 2, 3, 4, 5))]


def _handed_over(template: Template, messages: list[Message]) -> dict[str, Any]:
    """As Ollama does it: a Modelfile's SYSTEM stands first where no system text is sent."""
    default = template.default_system
    if default and messages[0].role != "system":
        messages = [Message("system", default), *messages]
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    return {
        "System": system,
        "Messages": [{"Role": message.role, "Content": message.content} for message in messages],
    }


def _expected(template: Template, messages: list[Message], eos: str, bos: str) -> str:
    """The runner puts the first bos there itself; a reply that was begun goes on where its words end."""
    text = template.render(messages, eos_token=eos, bos_token=bos).text
    text = text.removeprefix("" if bos == eos else bos)
    if messages[-1].role != "assistant":
        return text
    content = messages[-1].content
    return text[: text.rindex(content) + len(content)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_go_form_equals_the_rendered_text(name: str) -> None:
    template = TEMPLATES[name]
    for messages, (eos, bos) in product(CONVERSATIONS, TOKENS):
        source = template.go(eos_token=eos, bos_token=bos)
        text = rendered(source, _handed_over(template, messages))
        assert text == _expected(template, messages, eos, bos), messages


@pytest.mark.peers
@pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go on this machine")
def test_go_itself_renders_it_so(tmp_path: Path) -> None:
    cases = list(product(TEMPLATES.values(), CONVERSATIONS, TOKENS))
    jobs = [
        (template.go(eos_token=eos, bos_token=bos), _handed_over(template, messages))
        for template, messages, (eos, bos) in cases
    ]
    expected = [_expected(template, messages, eos, bos) for template, messages, (eos, bos) in cases]
    assert rendered_by_go(jobs, tmp_path) == expected
