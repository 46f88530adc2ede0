"""How many characters one token stands for at most, so that a text that can never fit is refused before it is tokenised.

A tokenizer that keeps every character gives a token no more of them than its longest entry has, times what its normalizer joins.
Some leave characters out: white space, or a run of signs that they do not know. There no bound is exact, and a text in which
a token stands for `_SWALLOWED` characters on average is refused though it might have fitted.
"""

import json
from typing import Any

from tokenizers import Tokenizer

_SWALLOWED = 64
_LONGEST = 1024  # nobody's language; an entry that is longer is there to make the bound useless
_JOINED = 4  # NFC of text that is not NFC yet, and the forms with K: as many characters become one

_JOINING = {"NFC", "NFKC"}
_KEEPING = {
    *("NFD", "NFKD", "Lowercase", "Prepend", "ByteLevel"),  # normalizers
    *("Metaspace", "Digits", "UnicodeScripts", "FixedLength"),  # pre-tokenizers
    "Sequence",
}


def longest_token(tokenizer: Tokenizer) -> int:
    entries = max(map(len, tokenizer.get_vocab(with_added_tokens=True)), default=1)
    steps = [*_steps(tokenizer.normalizer), *_steps(tokenizer.pre_tokenizer)]
    joined = _JOINED if any(step["type"] in _JOINING for step in steps) else 1
    longest = entries * joined
    if not (all(map(_keeps_everything, steps)) and _knows_everything(tokenizer, steps)):
        longest = max(longest, _SWALLOWED)
    return min(longest, _LONGEST)


def _steps(part: Any) -> list[dict[str, Any]]:
    """A normalizer or pre-tokenizer, taken apart."""
    return _flat(json.loads(part.__getstate__())) if part is not None else []


def _flat(facts: dict[str, Any]) -> list[dict[str, Any]]:
    inner = facts.get("normalizers") or facts.get("pretokenizers") or []
    return [facts, *(step for one in inner for step in _flat(one))]


def _keeps_everything(step: dict[str, Any]) -> bool:
    match step:
        case {"type": "Replace", "pattern": {"String": pattern}, "content": content}:
            return len(content) >= len(pattern)
        case {"type": "Split" | "Punctuation", "behavior": behavior}:
            return bool(behavior != "Removed")
        case {"type": kind}:
            return kind in _KEEPING | _JOINING
    return False


def _knows_everything(tokenizer: Tokenizer, steps: list[dict[str, Any]]) -> bool:
    if any(token.lstrip or token.rstrip for token in tokenizer.get_added_tokens_decoder().values()):
        return False  # they take the white space beside them
    in_bytes = any(step["type"] == "ByteLevel" for step in steps)
    return in_bytes or bool(getattr(tokenizer.model, "byte_fallback", False))
