"""A model's tokenizer as the engine uses it: prompts to ids, ids to text, a token to its bytes."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from kullm_tui.core.errors import ConfigError, WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.models.prompting import Prompting, read_json
from kullm_tui.core.models.resolve import Profile
from kullm_tui.core.records import Message
from kullm_tui.core.regular_files import check_folder
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.tokens import encode_many, load_tokenizer
from kullm_tui.engine.token_lengths import longest_token

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


class Vocabulary:
    def __init__(self, folder: Path, profile: Profile) -> None:
        self.tokenizer = _open(folder)
        _require_vocabulary(folder, self.tokenizer)
        self._prompting = Prompting(folder, profile, self.tokenizer)
        self.special = self._prompting.special
        hidden = {*self.special.eos, self.special.bos, self.special.pad}
        self._hidden = frozenset(token for token in hidden if token is not None)

    @property
    def size(self) -> int:
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def prompt(self, messages: Sequence[Message], template: str) -> Prompt:
        """The conversation as this model reads it, ending where its reply begins."""
        return self._prompting.prompt(messages, template)

    def fewest_tokens(self, text: str) -> int:
        """So many tokens a text takes at least, known without tokenising it."""
        return -(-len(text) // self._longest_token)

    def encode(self, prompt: Prompt, template: str) -> tuple[int, ...]:
        [(ids, _)] = encode_many([prompt], self.tokenizer, bos=self._prompting.bos_before(template))
        return tuple(ids)

    def encode_text(self, text: str) -> tuple[int, ...]:
        """Plain text for a text completion: special tokens written in it count, as elsewhere with this protocol."""
        # In batches of one: `encode` holds the interpreter until it is done, and takes several times the memory.
        [encoding] = self.tokenizer.encode_batch_fast([text], add_special_tokens=True)
        return tuple(encoding.ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode([token for token in ids if token not in self._hidden], skip_special_tokens=False)
        )

    def token_bytes(self, token: int) -> bytes:
        """What a token adds to the text, even where it is only part of a character."""
        name = self.tokenizer.id_to_token(token)
        if name is None:
            return b""
        byte = _BYTE_TOKEN.match(name)
        if byte:
            return bytes([int(byte[1], 16)])
        if self._is_byte_level and all(character in _BYTE_OF for character in name):
            return bytes(_BYTE_OF[character] for character in name)
        return name.replace("▁", " ").encode()

    @cached_property
    def _longest_token(self) -> int:
        return longest_token(self.tokenizer)

    @cached_property
    def _is_byte_level(self) -> bool:
        return "ByteLevel" in str(self.tokenizer.decoder)


def _open(folder: Path) -> Tokenizer:
    try:
        check_folder(folder)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: {error}") from error
    if (folder / "tokenizer.json").exists():
        return load_tokenizer(folder)
    # Older repositories carry only a sentencepiece model or word lists: transformers converts them.
    from transformers import AutoTokenizer

    try:
        converted = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"{folder}: {error}") from error
    backend: Tokenizer = converted.backend_tokenizer
    return backend


def _require_vocabulary(folder: Path, tokenizer: Tokenizer) -> None:
    """Without its files a tokenizer still opens, and knows nothing."""
    rows = read_json(folder / "config.json").get("vocab_size")
    if isinstance(rows, int) and tokenizer.get_vocab_size() < rows / 2:
        raise WeightsError(
            say(
                f"{folder}에 이 모델의 토크나이저가 없어요(tokenizer.json). 모델을 내려받은 곳에서 함께 받아 넣으세요.",
                f"{folder} lacks the model's tokenizer (tokenizer.json). Fetch it from where the model came from.",
            )
        )


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 stands for itself, every other byte for a character from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in printable)
    return alphabet | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()
