"""A prompt as token ids: special tokens come from the template alone, whatever the user typed.

How a SentencePiece-like tokenizer begins a text ("▁" before the first word) must not happen again where the text only
goes on, behind an opening or a reply: those runs are encoded by a copy of the tokenizer without that prefix.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from kullm_tui.core import regular_files
from kullm_tui.core.errors import ConfigError, WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.templates.segments import Prompt, Segment

# Twice what the largest vocabulary in use has (262,000 tokens, 515,000 merges as pairs); a second or two of reading.
_MOST_ENTRIES = {b":": 600_000, b"[": 1_200_000, b",": 2_400_000}


@dataclass(frozen=True)
class Encoded:
    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    pieces: tuple[
        str, ...
    ]  # each token's text; joined, bos and prompt (a character of several tokens is the first one's)


Marked = tuple[list[int], list[bool]]  # ids, and which of them are trained


@dataclass(frozen=True)
class _Coders:
    """Private copies for the places where a run can stand; the caller's tokenizer is never changed."""

    start: Tokenizer
    behind_token: Tokenizer
    behind_text: Tokenizer


def encode(prompt: Prompt, tokenizer: Tokenizer, *, bos: int | None) -> Encoded:
    """`bos` is put first unless the prompt begins with it; text right behind it begins the text.

    Without a `bos`, a prompt that spells out its own first token is encoded as the tokenizer encodes that whole text.
    """
    ids: list[int] = []
    trained: list[bool] = []
    pieces: list[str] = []
    for run, token, coder in _placed(prompt, tokenizer, bos):
        if token is not None:
            run_ids, run_pieces = [token], [run.text]
        else:
            encoding = coder.encode(run.text, add_special_tokens=False)
            run_ids, run_pieces = encoding.ids, list(_pieces(run.text, encoding))
        ids += run_ids
        pieces += run_pieces
        trained += [run.trained] * len(run_ids)
    return Encoded(tuple(ids), tuple(trained), tuple(pieces))


def encode_many(prompts: Sequence[Prompt], tokenizer: Tokenizer, *, bos: int | None) -> list[Marked]:
    """The ids and trained flags that `encode` gives for each, several times as fast: in batches, without the pieces."""
    placed = [list(_placed(prompt, tokenizer, bos)) for prompt in prompts]
    coders = {id(coder): coder for runs in placed for _, _, coder in runs}
    encoded: dict[tuple[int, str], list[int]] = {}
    for key, coder in coders.items():
        texts = list({run.text: None for runs in placed for run, token, one in runs if token is None and one is coder})
        batch = coder.encode_batch_fast(texts, add_special_tokens=False)
        encoded |= {(key, text): encoding.ids for text, encoding in zip(texts, batch, strict=True)}
    marked: list[Marked] = []
    for runs in placed:
        ids: list[int] = []
        trained: list[bool] = []
        for run, token, coder in runs:
            run_ids = encoded[id(coder), run.text] if token is None else [token]
            ids += run_ids
            trained += [run.trained] * len(run_ids)
        marked.append((ids, trained))
    return marked


def load_tokenizer(folder: Path) -> Tokenizer:
    """From the folder's tokenizer.json."""
    file = folder / "tokenizer.json"
    try:
        content = regular_files.read_bytes(file)
        _check_entries(content)
        return Tokenizer.from_buffer(content)
    except OSError as error:
        raise WeightsError(
            say(
                f"{folder}에서 tokenizer.json을 읽을 수 없어요. tokenizer.json이 있는 저장소나 폴더를 고르세요.",
                f"tokenizer.json in {folder} cannot be read. Choose a repository or folder that has one.",
            )
        ) from error
    except ValueError as error:
        raise WeightsError(
            say(
                f"{file} 파일이 깨졌거나 토크나이저가 아니에요. 파일을 지우고 모델을 다시 받으세요.",
                f"{file} is damaged or not a tokenizer. Delete it and download the model again.",
            )
        ) from error


def _check_entries(content: bytes) -> None:
    """Reading cannot be interrupted, so its length is bounded first: each entry of a vocabulary has one of these characters."""
    if any(content.count(character) > most for character, most in _MOST_ENTRIES.items()):
        raise ValueError(say("항목이 너무 많음", "too many entries"))


def special_tokens(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The texts of the tokenizer's special tokens, for `render_chat_template`."""
    return tuple(token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special)


def _placed(prompt: Prompt, tokenizer: Tokenizer, bos: int | None) -> Iterator[tuple[Segment, int | None, Tokenizer]]:
    """Each run with its token, if it is one, and with the coder for text in its place."""
    coders = _coders(tokenizer)
    coder = coders.start
    for place, run in enumerate(_begun(list(_runs(prompt, tokenizer)), tokenizer, bos)):
        token = tokenizer.token_to_id(run.text) if run.special else None
        yield run, token, coder
        if token is None:
            coder = coders.behind_text
        else:
            coder = coders.start if token == bos and place == 0 else coders.behind_token


def _begun(runs: list[Segment], tokenizer: Tokenizer, bos: int | None) -> list[Segment]:
    if bos is None or (runs and runs[0].special and tokenizer.token_to_id(runs[0].text) == bos):
        return runs
    token = tokenizer.id_to_token(bos)
    if token is None:
        raise ConfigError(
            say(
                f"이 토크나이저에는 번호가 {bos}인 토큰이 없어요. 모델 프로필의 bos를 고치세요.",
                f"This tokenizer has no token number {bos}. Correct bos in the model's profile.",
            )
        )
    return [Segment(token, special=True), *runs]


def _runs(prompt: Prompt, tokenizer: Tokenizer) -> Iterator[Segment]:
    """Special tokens one by one; between them, neighbours with the same trained flag as one text."""
    known = [_known(segment, tokenizer) for segment in prompt.segments]
    for (trained, special), group in groupby(known, key=lambda segment: (segment.trained, segment.special)):
        if special:
            yield from group
        elif text := "".join(segment.text for segment in group):
            yield Segment(text, trained)


def _known(segment: Segment, tokenizer: Tokenizer) -> Segment:
    """A heading that this tokenizer has no token for is ordinary text; the end of a reply has to be a token."""
    if not segment.special or tokenizer.token_to_id(segment.text) is not None:
        return segment
    if segment.trained:
        raise ConfigError(
            say(
                f"답변을 끝내는 토큰 {segment.text}가 이 토크나이저에 없어요. 이 모델에 맞는 템플릿을 고르세요.",
                f"This tokenizer has no token {segment.text}, which ends a reply. Choose a template made for this model.",
            )
        )
    return Segment(segment.text)


def _pieces(text: str, encoding: Encoding) -> Iterator[str]:
    cursor = 0
    offsets = encoding.offsets  # asked for once: each time it is a new list
    for place, (_, end) in enumerate(offsets, start=1):
        stop = len(text) if place == len(offsets) else max(cursor, end)
        yield text[cursor:stop]
        cursor = stop


# Keyed by the object: a copy costs a tenth of a second for a vocabulary of 30,000.
@lru_cache(maxsize=4)
def _coders(tokenizer: Tokenizer) -> _Coders:
    facts = json.loads(tokenizer.to_str())
    start = _copy(facts)
    unprefixed = _copy(
        {**facts, **{part: _without_prefix(facts.get(part)) for part in ("normalizer", "pre_tokenizer")}}
    )
    return _Coders(start, unprefixed if _prefixes_only_once(facts.get("pre_tokenizer")) else start, unprefixed)


def _copy(facts: dict[str, Any]) -> Tokenizer:
    copy = Tokenizer.from_str(json.dumps({**facts, "truncation": None, "padding": None}))
    copy.encode_special_tokens = True
    return copy


def _without_prefix(part: Any) -> Any:
    """The normalizer or pre-tokenizer, less whatever it puts before the first word."""
    match part:
        case {"type": "Prepend"}:
            return None
        case {"type": "Metaspace"}:
            return {**part, "prepend_scheme": "never"}
        case {"type": "ByteLevel"}:
            return {**part, "add_prefix_space": False}
        case {"type": "Sequence"}:
            kept = {
                name: [step for step in map(_without_prefix, steps) if step is not None]
                for name, steps in part.items()
                if name != "type"
            }
            return {"type": "Sequence", **kept}
    return part


def _prefixes_only_once(part: Any) -> bool:
    """Metaspace's scheme "first": before the text, not behind each special token."""
    match part:
        case {"type": "Metaspace", "prepend_scheme": "first"}:
            return True
        case {"type": "Sequence", "pretokenizers": steps}:
            return any(map(_prefixes_only_once, steps))
    return False
