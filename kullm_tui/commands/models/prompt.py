"""`kullm models show NAME --prompt`: the prompt that the model really reads, and what is unsure about it."""

import sys
from collections.abc import Sequence
from typing import Any

from kullm_tui.core.asking.target import split_adapter
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.preview import Preview, preview
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.records import Message
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_BOUNDARY = "·"


def show_prompt(name: str, messages: Sequence[Message], endpoints: Sequence[EndpointSettings], *, as_json: bool) -> int:
    """Prints the prompt, alone, on stdout; what is unsure about it goes to stderr."""
    model, adapter = split_adapter(name, endpoints)
    profile = resolve(model, endpoints=endpoints).profile
    if profile.kind == "endpoint":
        raise UsageError(
            say(
                f"{name}의 프롬프트는 그 서버가 만들어서 여기서 보일 수 없어요.",
                f"The server behind {name} makes the prompt, so it cannot be shown here.",
            )
        )
    found = preview(model, messages, endpoints, adapter=adapter)
    on_terminal = sys.stdout.isatty() and not as_json
    if as_json:
        print(terminal_safe_json(_facts(name, found)))
    elif on_terminal:
        print(terminal_safe(_BOUNDARY.join(found.pieces) or found.text))
    else:
        sys.stdout.write(found.text)
    unseen = say(
        "토큰 경계는 모델을 내려받은 뒤에 표시해요.", "Token boundaries are shown once the model is downloaded."
    )
    for note in [*found.notes, *([unseen] if on_terminal and not found.pieces else [])]:
        print(terminal_safe(note), file=sys.stderr)
    return 0


def _facts(name: str, found: Preview) -> dict[str, Any]:
    return {
        "model": name,
        "template": found.template,
        "verified": found.verified,
        "prompt": found.text,
        "tokens": list(found.pieces) or None,
        "stop": list(found.stop),
    }
