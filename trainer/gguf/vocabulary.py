"""A tokenizer.json as llama.cpp keeps a vocabulary, of those kinds alone that it cuts texts with as we do.

llama.cpp cuts a text into words by a regex of its own that a name stands for (`tokenizer.ggml.pre`), and does not read ours: a name that is
nearly right gives other tokens at spaces, digits and emoji, silently. So a kind stands here with the whole of what makes it, and a
tokenizer that differs in any of it is refused. Unicode is not normalised there: a text has to come in NFC, as it does from us.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say

# gguf's TokenType
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

_LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_WORDS = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_BYTES = _WORDS | {"use_regex": False}
_DIGITS = {"type": "Digits", "individual_digits": True}
_LLAMA_3_WORDS = {"type": "Split", "pattern": {"Regex": _LLAMA_3}, "behavior": "Isolated", "invert": False}
# llama.cpp's name, how words are cut, and whether a whole word of the vocabulary is taken without merging.
_BYTE_LEVEL: Sequence[tuple[str, tuple[Mapping[str, Any], ...], bool]] = (
    ("gpt-2", (_WORDS,), False),
    ("smollm", (_DIGITS, _WORDS), False),
    ("llama-bpe", (_LLAMA_3_WORDS, _BYTES), True),
)
_SPACE = "▁"
# Llama 2's: a space before the text and behind each special token, and every space a letter.
_LLAMA_2 = (
    {"type": "Prepend", "prepend": _SPACE},
    {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE},
)


@dataclass(frozen=True)
class Vocabulary:
    kind: str  # llama.cpp's: gpt2 for bytes and merges, llama for SentencePiece
    pre: str
    tokens: Sequence[str]
    types: Sequence[int]
    merges: Sequence[str] = ()  # of gpt2
    scores: Sequence[float] = ()  # of llama
    unknown: int | None = None


def read_vocabulary(folder: Path, size: int) -> Vocabulary:
    """`size`: the rows of the embedding; numbers that no token has are filled with names of their own."""
    facts = foreign_json.read(folder / "tokenizer.json")
    model, added = facts["model"], facts.get("added_tokens") or []
    _require_plain(folder, model, added)
    names = {number: token for token, number in model["vocab"].items()} | {one["id"]: one["content"] for one in added}
    if max(names) >= size:
        raise _refused(folder, f"{max(names) + 1} > {size}")
    special = {one["id"]: bool(one["special"]) for one in added}
    unknown = model["vocab"].get(model.get("unk_token"))
    tokens = [names.get(number, f"[unused {number}]") for number in range(size)]
    types = [
        _type(number, names, special, unknown, bytes_named=bool(model.get("byte_fallback"))) for number in range(size)
    ]
    if model.get("byte_fallback"):
        _require_llama_2(folder, facts)
        scores = _scores(folder, model, size)
        return Vocabulary("llama", "default", tokens, types, scores=scores, unknown=unknown)
    merges = [" ".join(pair) for pair in _pairs(model)]
    return Vocabulary("gpt2", _name_of_cut(folder, facts), tokens, types, merges=merges, unknown=unknown)


def _type(
    number: int, names: Mapping[int, str], special: Mapping[int, bool], unknown: int | None, *, bytes_named: bool
) -> int:
    if number not in names:
        return UNUSED
    if number == unknown:
        return UNKNOWN
    if number in special:
        return CONTROL if special[number] else USER_DEFINED
    name = names[number]
    return BYTE if bytes_named and len(name) == 6 and name.startswith("<0x") and name.endswith(">") else NORMAL


def _require_plain(folder: Path, model: Mapping[str, Any], added: Sequence[Mapping[str, Any]]) -> None:
    """What llama.cpp has no word for."""
    if model.get("type", "BPE") != "BPE" or "merges" not in model:
        raise _refused(folder, str(model.get("type")))
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(name):
            raise _refused(folder, name)
    for token in added:
        for name in ("lstrip", "rstrip", "single_word"):
            if token.get(name):
                raise _refused(folder, f"{token['content']}: {name}")


def _name_of_cut(folder: Path, facts: Mapping[str, Any]) -> str:
    cut, whole_words = facts.get("pre_tokenizer"), bool(facts["model"].get("ignore_merges"))
    steps = tuple(_known_part(step) for step in _steps(cut, "pretokenizers"))
    if _steps(facts.get("normalizer"), "normalizers") not in ((), ({"type": "NFC"},)):
        raise _refused(folder, f"normalizer {_short(facts['normalizer'])}")
    for name, wanted, takes_whole_words in _BYTE_LEVEL:
        if steps == wanted and whole_words == takes_whole_words:
            return name
    raise _refused(folder, f"pre_tokenizer {_short(cut)}")


def _require_llama_2(folder: Path, facts: Mapping[str, Any]) -> None:
    if facts.get("pre_tokenizer") or _steps(facts.get("normalizer"), "normalizers") != _LLAMA_2:
        raise _refused(
            folder, f"normalizer {_short(facts.get('normalizer'))}, pre_tokenizer {_short(facts.get('pre_tokenizer'))}"
        )


def _steps(part: Any, several: str) -> tuple[Mapping[str, Any], ...]:
    if not part:
        return ()
    return tuple(part[several]) if part["type"] == "Sequence" else (part,)


def _known_part(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what moves offsets alone, and with what older files leave unsaid."""
    known = {name: value for name, value in step.items() if name != "trim_offsets"}
    return {"use_regex": True, **known} if step.get("type") == "ByteLevel" else known


def _scores(folder: Path, model: Mapping[str, Any], size: int) -> list[float]:
    """SentencePiece joins by the piece that comes out, tokenizer.json by the pair that goes in: the same only where the pairs of a
    piece stand together and none is missing."""
    vocabulary, pairs = model["vocab"], list(_pairs(model))
    rank: dict[str, int] = {}
    listed: dict[str, set[tuple[str, str]]] = {}
    last = ""
    for left, right in pairs:
        piece = left + right
        if piece != last and piece in rank:
            raise _refused(folder, f"merges {piece!r}")
        last = piece
        rank.setdefault(piece, len(rank))
        listed.setdefault(piece, set()).add((left, right))
    for piece, found in listed.items():
        if set(_splits(piece, vocabulary)) != found:
            raise _refused(folder, f"merges {piece!r}")
    never = {piece for piece in vocabulary if piece not in rank and any(_splits(piece, vocabulary))}
    if never - {token for token in vocabulary if token.startswith("<")}:
        raise _refused(folder, f"merges {min(never)!r}")
    scores = [0.0] * size
    for piece, place in rank.items():
        scores[vocabulary[piece]] = -float(place + 1)
    return scores


def _splits(piece: str, vocabulary: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for place in range(1, len(piece)):
        if piece[:place] in vocabulary and piece[place:] in vocabulary:
            yield piece[:place], piece[place:]


def _pairs(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Older files write a pair as one text."""
    for merge in model["merges"]:
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        yield left, right


def _short(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False)[:120]


def _refused(folder: Path, why: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder}의 토크나이저는 llama.cpp가 똑같이 나누는지 확인된 종류가 아니에요({why}). GGUF 대신 `kullm adapters merge`로 합쳐 vLLM이나 transformers에서 쓰세요.",
            f"The tokenizer in {folder} is of no kind that llama.cpp is proved to cut texts with alike ({why}). Instead of a GGUF file, "
            "merge it with `kullm adapters merge` and use vLLM or transformers.",
        )
    )
