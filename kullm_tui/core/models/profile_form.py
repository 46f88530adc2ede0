"""The form of a profile in TOML: which keys there are and what each may hold."""

import re
from collections.abc import Mapping

from kullm_tui.core import rules
from kullm_tui.core.language import say
from kullm_tui.core.templates.registry import TEMPLATES

OWN_TEMPLATE = "tokenizer"  # the chat template that comes with the model

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def _token_ids(value: object) -> tuple[int, ...]:
    ids = value if isinstance(value, list) else [value]
    return tuple(_token_id(one) for one in ids)


def _template(value: object) -> str:
    if isinstance(value, str) and (value in TEMPLATES or value == OWN_TEMPLATE):
        return value
    hint = rules.did_you_mean(str(value), [*TEMPLATES, OWN_TEMPLATE])
    raise rules.Fault(
        say(
            f"그런 템플릿이 없어요.{hint} `kullm models list --all`에 템플릿의 이름이 있어요.",
            f"is no template.{hint} `kullm models list --all` shows their names.",
        )
    )


_token_id = rules.whole(0, 10_000_000)
DECODING_RULES: Mapping[str, rules.Rule] = {
    "max_new_tokens": rules.whole(1, 1_000_000),
    "temperature": rules.number(0, 10),
    "top_p": rules.number(0, 1),
    "top_k": rules.whole(0, 1_000_000),
    "repetition_penalty": rules.number(0.1, 10),
    "no_repeat_ngram_size": rules.whole(0, 1000),
    "num_beams": rules.whole(1, 64),
    "do_sample": rules.truth,
}
PROFILE_RULES: Mapping[str, rules.Rule] = {
    "title": rules.text,
    "title_english": rules.text,
    "kind": rules.one_of("weights", "adapter", "endpoint"),
    "repository": rules.matching(
        r"[\w.-]+/[\w.-]+", '"주인/저장소" 형식이어야 해요', 'must look like "owner/repository"'
    ),
    "revision": rules.matching(r"[\w.-]+(/[\w.-]+)*", "리비전 이름이 아니에요", "is no name of a revision"),
    "folder": rules.text,
    "base": rules.text,
    "template": _template,
    "stop": rules.texts,
    "context": rules.whole(1, 100_000_000),
    "eos": _token_ids,
    "bos": _token_id,
    "pad": _token_id,
    "decoding": rules.table,
    "licence": rules.text,
    "licence_class": rules.one_of("commercial", "research"),
    "size_4bit_gb": rules.number(0.01, 10_000),
    "source": rules.text,
    "description": rules.text,
    "description_english": rules.text,
    "verified": rules.truth,
    "runs_here": rules.truth,
    "note_korean": rules.text,
    "note_english": rules.text,
    "endpoint": rules.web_address,
    "model": rules.text,
    "key": rules.matching(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "`kullm keys set 이름`으로 넣은 키의 이름이어야 해요",
        "must be the name of a key stored with `kullm keys set NAME`",
    ),
}
