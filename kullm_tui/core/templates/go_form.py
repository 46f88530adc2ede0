"""A form written as the Go template that Ollama renders: the same patterns, the same order as `form.py` and `jinja_form.py`.

Ollama hands over .System, all system texts joined, and .Messages, whose neighbours of one role it has joined; no message has an input. It puts
the begin token first by itself. A last message of the assistant is one to go on from, so that nothing ends it. All text stands in string
literals, so that nobody's trimming or line ends change a prompt.
"""

import json
from collections.abc import Mapping, Sequence

from kullm_tui.core.templates.form import Form, split_pattern

_CONTENT = "{content}"


def go_template_of(form: Form, several: Form | None, specials: Sequence[str], *, eos_token: str, bos_token: str) -> str:
    tokens = {"{eos}": eos_token, "{bos}": bos_token}
    if several is None:
        return _body(form, specials, tokens)
    # More than a question and the beginning of its reply.
    head = "{{- if or .System (gt (len .Messages) 2) }}"
    return (
        f"{head}\n{_body(several, specials, tokens)}\n{{{{- else }}}}\n{_body(form, specials, tokens)}\n{{{{- end }}}}"
    )


def _body(form: Form, specials: Sequence[str], tokens: Mapping[str, str]) -> str:
    def written(pattern: str) -> str:
        return _written(pattern, specials, tokens)

    earlier, last = form.before_last, form.last
    top = written(form.system.replace("{header}", form.header))
    user = _by_place(written(earlier.user), written(last.user), "gt $left 2")
    begun = written(last.opening + last.reply.partition(_CONTENT)[0] + _CONTENT)
    whole = written(earlier.opening + earlier.reply + form.separator)
    return "\n".join(
        (
            f"{{{{- if .System }}}}{top}{{{{ else }}}}{written(form.header)}{{{{ end }}}}",
            "{{- range $place, $message := .Messages }}",
            "{{- $left := len (slice $.Messages $place) }}",
            f'{{{{- if eq $message.Role "user" }}}}{user}{{{{ if eq $left 1 }}}}{written(last.opening)}{{{{ end }}}}',
            f'{{{{- else if eq $message.Role "assistant" }}}}{_by_place(whole, begun, "gt $left 1")}',
            "{{- end }}",
            "{{- end }}",
        )
    )


def _by_place(earlier: str, last: str, is_earlier: str) -> str:
    return last if earlier == last else f"{{{{ if {is_earlier} }}}}{earlier}{{{{ else }}}}{last}{{{{ end }}}}"


def _written(pattern: str, specials: Sequence[str], tokens: Mapping[str, str]) -> str:
    values = {_CONTENT: "$message.Content", "{system}": "$.System"}
    parts = (values.get(part) or _literal(tokens.get(part, part)) for part in split_pattern(pattern, specials))
    return "".join(f"{{{{ {part} }}}}" for part in parts)


def _literal(text: str) -> str:
    """JSON's escapes are Go's too."""
    return json.dumps(text, ensure_ascii=False)
