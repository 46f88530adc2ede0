"""A form written as a Jinja chat template: the same patterns, the same order, decided by the reader of the template."""

from collections.abc import Sequence

from kullm_tui.core.templates.form import Form, Turn, split_pattern

# Mirrors Outline: the system text, the turns, the first question's input and where the last turn begins.
_OUTLINE = """\
{%- set eos = eos_token | default('', true) -%}
{%- set bos = '' if bos_token == eos_token else bos_token | default('', true) -%}
{%- set turns = messages | rejectattr('role', 'equalto', 'system') | list -%}
{%- set systems = messages | selectattr('role', 'equalto', 'system') | map(attribute='content') | list -%}
{%- set questions = turns | selectattr('role', 'equalto', 'user') | list -%}
{%- set first_input = (questions[0]['input'] | default('', true)) if questions else '' -%}
{%- set answered = turns and turns[-1]['role'] == 'assistant' -%}
{%- set last = turns | length - (2 if answered else 1) -%}
"""


def jinja_of(form: Form, several: Form | None, default_system: str | None, specials: Sequence[str]) -> str:
    default = _literal(default_system or "")
    if form.header_with_input is not None:
        default = f"('' if first_input else {default})"
    head = f"{_OUTLINE}{{%- set system = systems | select | join('\\n\\n') if systems else {default} -%}}\n{{{{- bos -}}}}\n"
    if several is None:
        return head + _body(form, specials)
    return (
        f"{head}{{%- if system or last > 0 -%}}\n{_body(several, specials)}"
        f"{{%- else -%}}\n{_body(form, specials)}{{%- endif -%}}\n"
    )


def _body(form: Form, specials: Sequence[str]) -> str:
    def written(pattern: str) -> str:
        return _expression(pattern, specials)

    def by_place(earlier: str, last: str) -> str:
        return last if earlier == last else f"({earlier} if earlier else {last})"

    earlier, last = form.before_last, form.last
    header = written(form.header)
    if form.header_with_input is not None:
        header = (
            f"({_expression(form.header_with_input, specials, input_name='first_input')} if first_input else {header})"
        )
    unseen = " and loop.index0 > 1" if form.header_holds_input else ""
    user = by_place(_user(earlier, specials, unseen), _user(last, specials, unseen))
    opening = by_place(written(earlier.opening), written(last.opening))
    reply = by_place(written(earlier.reply), written(last.reply))
    return f"""\
{{%- set header = {header} -%}}
{{{{- ({written(form.system)}) if system else header -}}}}
{{%- for message in turns -%}}
{{%- if not loop.first and message['role'] == turns[loop.index0 - 1]['role'] -%}}
{{{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}}}
{{%- endif -%}}
{{%- set content, input = message['content'], message['input'] | default('', true) -%}}
{{%- set earlier = loop.index0 < last -%}}
{{%- if message['role'] == 'user' -%}}
{{{{- {user} -}}}}
{{%- else -%}}
{{{{- {opening} ~ {reply} ~ ({written(form.separator)} if earlier else '') -}}}}
{{%- endif -%}}
{{%- endfor -%}}
{{%- if add_generation_prompt and not answered -%}}
{{{{- {written(last.opening)} -}}}}
{{%- endif -%}}
"""


def _user(turn: Turn, specials: Sequence[str], unseen: str) -> str:
    joined = "(content ~ ('\\n\\n' if content and input else '') ~ input)"
    if not turn.user_with_input:
        return _expression(turn.user, specials, content_name=joined)
    with_input = _expression(turn.user_with_input, specials)
    return f"({with_input} if input{unseen} else {_expression(turn.user, specials)})"


def _expression(
    pattern: str, specials: Sequence[str], *, content_name: str = "content", input_name: str = "input"
) -> str:
    names = {"{content}": content_name, "{input}": input_name, "{system}": "system", "{header}": "header"}
    names |= {"{eos}": "eos", "{bos}": "bos"}
    parts = [names.get(part) or _literal(part) for part in split_pattern(pattern, specials)]
    return " ~ ".join(parts) or "''"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
