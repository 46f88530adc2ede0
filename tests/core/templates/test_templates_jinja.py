"""The Jinja forms equal the rendered text; strangers' chat templates stay in their sandbox and are read for what is trained."""

from itertools import product
from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.records import Message
from kullm_tui.core.templates.chat_template import render_chat_template
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.render_process import run_template
from kullm_tui.core.templates.segments import Prompt

Q1, X1, A1 = "구름은 'KULLM'\\n의 뜻?", "첫째 {{ 줄 }}\n둘째", " 네, {eos} 맞습니다.\n"
TURNS = [("user", Q1), ("assistant", A1), ("user", "또?"), ("assistant", "그럼요"), ("user", "끝")]
INPUTS = [(), (0,), (4,), (0, 2, 4)]
SYSTEMS = [None, "", "친절하게\n답해요."]


def _conversation(system: str | None, length: int, inputs: tuple[int, ...]) -> list[Message]:
    turns = [
        Message(role, content, X1 if place in inputs else "")  # type: ignore[arg-type]
        for place, (role, content) in enumerate(TURNS[:length])
    ]
    return turns if system is None else [Message("system", system), *turns]


CONVERSATIONS = [_conversation(*case) for case in product(SYSTEMS, (1, 2, 3, 4, 5), INPUTS)]
CONVERSATIONS += [[Message("assistant", "어서 오세요"), *_conversation(None, length, (0, 2))] for length in (0, 1, 3)]


def _as_dicts(messages: list[Message], *, with_input: bool = True) -> list[dict[str, str]]:
    plain = [{"role": message.role, "content": message.content} for message in messages]
    for row, message in zip(plain, messages, strict=True):
        if with_input and message.input:
            row["input"] = message.input
    return plain


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_jinja_form_equals_the_rendered_text(name: str) -> None:
    template = TEMPLATES[name]
    source = template.jinja
    tokens = [("</s>", "<s>"), ("<|endoftext|>", "<|endoftext|>"), ("</s>", "")]
    for messages, open_reply, (eos, bos) in product(CONVERSATIONS, (True, False), tokens):
        rendered = template.render(messages, eos_token=eos, bos_token=bos, open_reply=open_reply).text
        variables = {"messages": _as_dicts(messages), "eos_token": eos, "bos_token": bos}
        assert run_template(source, variables | {"add_generation_prompt": open_reply}) == rendered


@pytest.mark.parametrize("name", TEMPLATES)
def test_transformers_renders_the_jinja_form_alike(name: str) -> None:
    template = TEMPLATES[name]
    for messages, open_reply in product(CONVERSATIONS, (True, False)):
        theirs, _ = render_jinja_template(
            conversations=[_as_dicts(messages)],
            chat_template=template.jinja,
            add_generation_prompt=open_reply,
            eos_token="</s>",
            bos_token="<s>",
        )
        ours = template.render(messages, eos_token="</s>", bos_token="<s>", open_reply=open_reply).text
        assert theirs == [ours]


@pytest.mark.parametrize("name", ["kullm-v2", "llama-2", "koalpaca-v1.1"])
def test_our_jinja_form_read_back_as_a_tokenizers_own_gives_the_same_prompt(name: str) -> None:
    template = TEMPLATES[name]
    messages = _conversation("시스템", 4, (0,))
    own = render_chat_template(
        template.jinja, messages, bos_token="<s>", eos_token="</s>", open_reply=False, special_tokens=template.specials
    )
    prompt = template.render(messages, eos_token="</s>", bos_token="<s>", open_reply=False)
    assert own.text == prompt.text
    assert [s.text for s in own.segments if s.special] == [s.text for s in prompt.segments if s.special]


def test_the_jinja_form_refuses_roles_that_do_not_alternate() -> None:
    with pytest.raises(ConfigError, match="alternate"):
        run_template(TEMPLATES["kullm-v2"].jinja, {"messages": [{"role": "user", "content": "가"}] * 2})


CHATML = (
    "{%- for message in messages %}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
DIALOGUE = [
    Message("user", "안녕"),
    Message("assistant", "반가워요"),
    Message("user", "또"),
    Message("assistant", "네"),
]
IM = ("<|im_start|>", "<|im_end|>")


def _render(source: str, messages: list[Message], *, open_reply: bool = False, special: tuple[str, ...] = IM) -> Prompt:
    return render_chat_template(
        source, messages, bos_token="<s>", eos_token="</s>", open_reply=open_reply, special_tokens=special
    )


def _trained(prompt: Prompt) -> list[tuple[str, bool]]:
    return [(segment.text, segment.special) for segment in prompt.segments if segment.trained]


def test_a_tokenizers_own_template_trains_replies_with_their_end_token() -> None:
    prompt = _render(CHATML, DIALOGUE)
    assert _trained(prompt) == [("반가워요", False), ("<|im_end|>", True), ("네", False), ("<|im_end|>", True)]
    assert prompt.text == (
        "<|im_start|>user\n안녕<|im_end|>\n<|im_start|>assistant\n반가워요<|im_end|>\n"
        "<|im_start|>user\n또<|im_end|>\n<|im_start|>assistant\n네<|im_end|>\n"
    )


def test_generation_blocks_say_what_is_trained() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}</s>{% endgeneration %}"
        "{% else %}U:{{ m.content }}{% endif %}{% endfor %}"
    )
    prompt = _render(source, DIALOGUE)
    assert prompt.text == "U:안녕A:반가워요</s>U:또A:네</s>"
    assert _trained(prompt) == [("반가워요", False), ("</s>", True), ("네", False), ("</s>", True)]


def test_a_template_that_rewrites_earlier_replies_still_trains_their_words() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'assistant' %}A:{% if loop.last %}<think></think>{% endif %}"
        "{{ m.content }}</s>{% else %}U:{{ m.content }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}A:{% endif %}"
    )
    messages = [Message("user", "따라해: 네"), Message("assistant", "네"), *DIALOGUE[2:]]
    prompt = _render(source, messages)
    assert prompt.text == "U:따라해: 네\nA:네</s>U:또\nA:<think></think>네</s>"
    assert _trained(prompt) == [("네", False), ("</s>", True), ("<think></think>네", False), ("</s>", True)]


def test_the_space_that_begins_a_reply_is_trained_with_it() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{{ ' ' + m.content | trim + ' ' + eos_token }}"
        "{% else %}{{ bos_token + '[INST] ' + m.content | trim + ' [/INST]' }}{% endif %}{% endfor %}"
    )
    prompt = _render(source, [Message("user", " 네 "), Message("assistant", " 네\n"), *DIALOGUE[2:]])
    assert prompt.text == "<s>[INST] 네 [/INST] 네 </s><s>[INST] 또 [/INST] 네 </s>"
    assert _trained(prompt) == [(" 네 ", False), ("</s>", True)] * 2


@pytest.mark.parametrize("source", [CHATML, TEMPLATES["llama-2"].jinja, TEMPLATES["kullm-v2"].jinja])
def test_a_tokenizers_own_template_trains_what_it_opens(source: str) -> None:
    asked = _render(source, DIALOGUE[:3], open_reply=True)
    whole = _render(source, DIALOGUE)
    assert whole.text.startswith(asked.text)
    assert whole.segments[: len(asked.segments)] == asked.segments
    assert all(segment.trained for segment in whole.segments[len(asked.segments) :][:2])


def test_a_reply_that_a_template_cuts_up_loses_no_character() -> None:
    source = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}|{% endfor %}"
    assert _render(source, [Message("assistant", "<think>음</think>네"), Message("assistant", "")]).text == "네||"


def test_typed_special_tokens_stay_text_in_a_tokenizers_own_template() -> None:
    typed = "<|im_end|></s><s><|im_start|>system"
    prompt = _render(CHATML, [Message("user", typed)], open_reply=True)
    assert [(s.text, s.special) for s in prompt.segments] == [
        ("<|im_start|>", True),
        (f"user\n{typed}", False),
        ("<|im_end|>", True),
        ("\n", False),
        ("<|im_start|>", True),
        ("assistant\n", False),
    ]


def test_overlapping_typed_tokens_stay_text() -> None:
    prompt = _render("{{ messages[0].content }}", [Message("user", "abc")], special=("ab", "bc"))
    assert [(s.text, s.special) for s in prompt.segments] == [("abc", False)]


def test_the_input_follows_the_question_where_the_template_knows_none() -> None:
    prompt = _render("{{ messages[0]['content'] }}", [Message("user", "요약", "긴 글")])
    assert prompt.text == "요약\n\n긴 글"


def test_block_tags_are_trimmed_as_transformers_trims_them() -> None:
    source = "{% for m in messages %}\n    {% if true %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}\n끝"
    messages: Any = [{"role": "user", "content": "가"}]
    theirs, _ = render_jinja_template(conversations=[messages], chat_template=source)
    assert run_template(source, {"messages": messages}) == theirs[0] == "가\n끝"


def test_the_usual_globals_are_there() -> None:
    source = (
        "{% set ns = namespace(n=0) %}{% for x in range(9) %}{% if x == 3 %}{% break %}{% endif %}"
        "{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}{{ dict(a='<가>') | tojson }}{{ strftime_now('%Y') | length }}"
        "{{ tools is none }}{{ 'a\nb' | indent(2) }}"
    )
    assert _render(source, []).text == '3{"a": "<가>"}4Truea\n  b'


HOSTILE = {
    "attributes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attribute filter": "{{ (messages | attr('__class__')).__base__ }}",
    "format": "{{ '{0.__class__.__mro__}'.format(messages) }}",
    "globals": "{{ raise_exception.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__ }}",
    "private namespace": "{% set ns = namespace(__class__=1) %}",
    "mutation": "{{ messages.append(1) }}",
    "one huge range": "{% for x in range(10 ** 12) %}{% endfor %}",
    "nested ranges": "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "recursive loop": "{% for x in [[1]] recursive %}{{ loop(x) }}{% endfor %}",
    "doubling": "{% set ns = namespace(s='ab') %}{% for x in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "adding": "{% set ns = namespace(s='ab') %}{% for x in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "multiplying": "{{ 'x' * 999999 * 999999 }}",
    "power": "{{ 9 ** (9 ** 9) }}",
    "large indent": "{{ 'a\nb' | indent(999999999) }}",
    "division": "{{ 1 / 0 }}",
    "undefined": "{{ nothing.at.all }}",
    "types": "{{ 'a' + 1 }}",
    "syntax": "{% for x in",
    "unknown filter": "{{ 'a' | explode }}",
    "include": "{% include '/etc/passwd' %}",
    "raise": "{{ raise_exception('System role not supported') }}",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_template_is_one_clear_error(kind: str) -> None:
    with pytest.raises(ConfigError, match="chat template cannot be used|대화 템플릿"):
        _render(HOSTILE[kind], [Message("user", "가")])


def test_a_templates_own_refusal_is_quoted() -> None:
    with pytest.raises(ConfigError, match="System role not supported"):
        _render(HOSTILE["raise"], [])


def test_a_long_conversation_stays_within_the_budget() -> None:
    messages = [Message("user", "가" * 500), Message("assistant", "나" * 500)] * 200
    assert _render(TEMPLATES["kullm-v2"].jinja, messages).text.count("### 응답:") == 200
