"""Small models of both architectures with each kind of vocabulary that is exported, and texts that tokenizers stumble over."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests.tiny_models import save_model

_LEARNT = [
    "대한민국의 수도는 서울입니다. 한강을 끼고 있으며 인구가 많은 도시입니다. 서울의 인구는 940만 명입니다.",
    "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n### 명령어:\n\n### 응답:\n",
    "It's what we'll do: don't you'd say I'm they've? def sort(values):\n    return sorted(values)\n\n",
    "여행 계획을 세울 때는 예산과 날짜를 먼저 정하는 것이 좋습니다. 🙂 ABC 123  456   789",
] * 3
TEXTS = [
    "",
    " ",
    "안녕하세요?",
    " 앞에 빈칸",
    "뒤에 빈칸 ",
    "두  칸   세 칸    네 칸",
    "줄\n바꿈\n\n두 번\r\n\n\n세 번",
    "\t탭\t\t둘 ",
    "123 4567,890 １２３ ⅷ ½ ² ٣",
    "2026년 11월 29일 15시 30분",
    "ㄱㄴㄷ ㅏㅑ ㅋㅋㅋㅋ ㅠㅠ",
    "\u1100\u1161\u11a8 옛한글 \u1112\u119e\u11ab",
    "漢字와 한글, かな와 カナ",
    "👍🏽 👨\u200d👩\u200d👧\u200d👦 🇰🇷 ❤️\u200d🔥 🙂🙂",
    "\u00a0붙는 칸\u3000전각 칸\u200b너비 없는 칸",
    "I'm you're we'll they've he'd IT'S don't",
    "### 명령어:\n뭐예요?\n\n### 응답:\n",
    "a.b(c)[d]{e}='f' += \"g\"; //h <<i>>",
    "“따옴표” ‘작은’ …말줄임 — 줄표 · 가운뎃점",
    "한글abc한글123한글!?한글",
    "</ s> < s> <|endoftext",
    "\U0001f600가\U0001f600나",
    "é e\u0301 ñ ß ﬁ İ",
    "\u0000\u0001\u007f",
    "가" * 300,
    "!" * 70 + " " * 70 + "1" * 70,
]


def save(folder: Path, family: str, kind: str) -> Path:
    """A model of the family whose vocabulary is of the kind, two rows longer than it needs to be."""
    save_model(folder, family)
    tokenizer, eos, bos = _TOKENIZERS[kind]()
    tokenizer.save(str(folder / "tokenizer.json"))
    names: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, "pad_token": eos}
    (folder / "tokenizer_config.json").write_text(json.dumps(names | ({"bos_token": bos} if bos else {})))
    config = json.loads((folder / "config.json").read_text())
    ids = {"eos_token_id": tokenizer.token_to_id(eos), "bos_token_id": tokenizer.token_to_id(bos) if bos else None}
    (folder / "config.json").write_text(json.dumps(config | ids | {"pad_token_id": ids["eos_token_id"]}))
    for name in ("generation_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    return folder


def _byte_level(cut: Any, specials: list[str], *, ignore_merges: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=382,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_LEARNT, trainer)
    return tokenizer


def _gpt2() -> tuple[Tokenizer, str, str]:
    return _byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>"]), "<|endoftext|>", ""


def _digits() -> tuple[Tokenizer, str, str]:
    cut = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    return _byte_level(pre_tokenizers.Sequence(cut), ["<|unused0|>", "<|endoftext|>"]), "<|endoftext|>", ""


def _llama3() -> tuple[Tokenizer, str, str]:
    words = Regex(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    cut = [
        pre_tokenizers.Split(words, "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    # bos 0 and eos 1 are what early conversions of LLaMA wrote by mistake, and are not believed (core/models/folder_profile.py)
    specials = ["<|reserved|>", "<|begin_of_text|>", "<|eot_id|>"]
    tokenizer = _byte_level(pre_tokenizers.Sequence(cut), specials, ignore_merges=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 1)]
    )
    return tokenizer, "<|eot_id|>", "<|begin_of_text|>"


def _llama2() -> tuple[Tokenizer, str, str]:
    """As SentencePiece's models are converted: a merge for every pair that makes a piece, best pieces first."""
    learnt = Tokenizer(models.BPE())
    learnt.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learnt.train_from_iterator(_LEARNT, trainers.BpeTrainer(vocab_size=100, show_progress=False, limit_alphabet=60))
    found = sorted(learnt.get_vocab(), key=learnt.get_vocab().__getitem__)
    # Which of two equally frequent pairs is learnt differs from run to run: a piece of two pairs is always there this way.
    first, second, third = [piece for piece in found if len(piece) == 1][:3]
    pieces = list(dict.fromkeys([first + second, second + third, first + second + third, *found]))
    specials = ["<unk>", "<s>", "</s>"]
    names = [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    merges = [
        (piece[:place], piece[place:])
        for piece in pieces
        for place in range(1, len(piece))
        if piece[:place] in vocabulary and piece[place:] in vocabulary
    ]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = learnt.normalizer
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(specials)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer, "</s>", "<s>"


_TOKENIZERS = {"gpt-2": _gpt2, "smollm": _digits, "llama-bpe": _llama3, "llama-2": _llama2}
