"""From segments to ids, with two real tokenizers built here: LLaMA's kind and Polyglot's kind."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from kullm_tui.core.errors import ConfigError, WeightsError
from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import TEMPLATES, template_named
from kullm_tui.core.templates.segments import Prompt, Segment
from kullm_tui.core.templates.template import Template
from kullm_tui.core.templates.tokens import encode, encode_many, load_tokenizer, special_tokens
from tests.growth import growth

SPECIALS = ["<unk>", "<s>", "</s>", "<|endoftext|>"]
HEADINGS = sorted({token for template in TEMPLATES.values() for token in template.specials})
TEXT = [
    "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.",
    "### 명령어:\n안녕하세요\n\n### 응답:\n반갑습니다. 무엇을 도와드릴까요?",
    "A chat between a curious user and an assistant. USER: hello there ASSISTANT: hello",
]


@cache
def llama_like(kind: str) -> Tokenizer:
    """A BPE with byte fallback; `kind` is where its "▁" comes from."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if kind == "prepend":
        steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        tokenizer.normalizer = normalizers.Sequence(steps)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=kind, split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    fallback = [AddedToken(f"<0x{byte:02X}>", special=False) for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=[*SPECIALS, *fallback], show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    return _with_fallback_as_vocabulary(tokenizer)


def _with_fallback_as_vocabulary(tokenizer: Tokenizer) -> Tokenizer:
    """As in LLaMA's file: the 256 bytes belong to the vocabulary and are no added tokens."""
    facts = json.loads(tokenizer.to_str())
    facts["added_tokens"] = [token for token in facts["added_tokens"] if token["content"] in SPECIALS]
    tokenizer = Tokenizer.from_str(json.dumps(facts))
    tokenizer.add_special_tokens([AddedToken(heading, special=True) for heading in HEADINGS])
    return tokenizer


@cache
def polyglot_like() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIALS[1:], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_special_tokens([AddedToken(heading, special=True) for heading in HEADINGS])
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "llama, prepend": lambda: llama_like("prepend"),
    "llama, metaspace first": lambda: llama_like("first"),
    "llama, metaspace always": lambda: llama_like("always"),
    "polyglot": polyglot_like,
}
EOS = {"polyglot": "<|endoftext|>"}

each_tokenizer = pytest.mark.parametrize("kind", TOKENIZERS)
each_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
korean = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("가힣각안녕 \n🙂👨‍👩‍👧ㄱ#:")), max_size=30)
traps = st.sampled_from(["</s>", "<|endoftext|>", "<s>", "### 응답:", "### End", "<|im_end|>", "<|assistant|>"])
typed = st.lists(korean | traps, max_size=4).map("".join)


@each_tokenizer
@pytest.mark.parametrize("text", [*TEXT, " 앞 공백", "", "\n", "한글 🙂 é ㄱ", "끝 "])
def test_a_text_without_flips_gets_the_tokenizers_own_ids(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    prompt = Prompt(tuple(Segment(character) for character in text))
    assert list(encode(prompt, tokenizer, bos=None).ids) == tokenizer.encode(text, add_special_tokens=False).ids


@each_tokenizer
def test_a_whole_prompt_gets_the_tokenizers_own_ids(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    for name in ("kullm-v2", "koalpaca-v1.1", "vicuna-1.1", "komt", "koat"):
        prompt = template_named(name).render([Message("user", "구름은 무엇인가요? 🙂", "입력")], eos_token="</s>")
        assert (
            list(encode(prompt, tokenizer, bos=None).ids) == tokenizer.encode(prompt.text, add_special_tokens=False).ids
        )


@each_tokenizer
def test_a_prompt_with_special_tokens_is_encoded_as_the_tokenizer_encodes_its_text(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    text = "<s>USER: 안녕 ASSISTANT:</s>USER: hello</s>"
    parts = [("<s>", True), ("USER: 안녕", False), (" ASSISTANT:", False), ("</s>", True), ("USER: hello", False)]
    prompt = Prompt(tuple(Segment(part, special=special) for part, special in [*parts, ("</s>", True)]))
    assert list(encode(prompt, tokenizer, bos=None).ids) == tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("kind", ["prepend", "first", "always"])
def test_text_that_goes_on_gets_no_second_dummy_prefix(kind: str) -> None:
    tokenizer = llama_like(kind)
    prompt = Prompt((Segment("hello"), Segment("hello", trained=True), Segment(" hello")))
    encoded = encode(prompt, tokenizer, bos=None)

    tokens = [tokenizer.id_to_token(number) or "" for number in encoded.ids]
    assert "".join(tokens) == "▁hellohello▁hello"
    first = encoded.trained.index(True)
    assert "".join(tokens[:first]) == "▁hello"
    assert "".join(token for token, trained in zip(tokens, encoded.trained, strict=True) if trained) == "hello"


@each_tokenizer
def test_a_bos_is_put_first_once_and_the_text_behind_it_begins_the_text(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    bos = tokenizer.token_to_id("<s>")
    plain = [bos, *tokenizer.encode("USER: 안녕", add_special_tokens=False).ids]
    without, spelt = Prompt((Segment("USER: 안녕"),)), Prompt((Segment("<s>", special=True), Segment("USER: 안녕")))
    assert list(encode(without, tokenizer, bos=bos).ids) == plain
    assert list(encode(spelt, tokenizer, bos=bos).ids) == plain
    assert encode(without, tokenizer, bos=None).ids[0] != bos


def test_a_bos_that_the_tokenizer_does_not_have_is_named() -> None:
    with pytest.raises(ConfigError, match="99999"):
        encode(Prompt((Segment("가"),)), polyglot_like(), bos=99_999)


@each_tokenizer
@each_template
@settings(max_examples=10, deadline=None)
@given(question=typed, given_input=typed, reply=typed, earlier=typed, system=typed)
def test_training_ids_begin_with_inference_ids(
    template: Template, kind: str, question: str, given_input: str, reply: str, earlier: str, system: str
) -> None:
    tokenizer, eos = TOKENIZERS[kind](), EOS.get(kind, "</s>")
    history = [Message("system", system), Message("user", earlier, earlier), Message("assistant", earlier)]
    for messages in ([Message("user", question, given_input)], [*history, Message("user", question, given_input)]):
        asked = template.render(messages, eos_token=eos, bos_token="<s>")
        whole = template.render(
            [*messages, Message("assistant", reply)], eos_token=eos, bos_token="<s>", open_reply=False
        )
        inference, training = encode(asked, tokenizer, bos=None), encode(whole, tokenizer, bos=None)

        assert training.ids[: len(inference.ids)] == inference.ids
        assert all(training.trained[len(inference.ids) :])
        assert training.ids[-1] == tokenizer.token_to_id(whole.segments[-1].text)
        assert "".join(training.pieces) == whole.text
        assert len(training.ids) == len(training.trained) == len(training.pieces)
        for prompt, encoded in ((asked, inference), (whole, training)):
            wanted = [tokenizer.token_to_id(segment.text) for segment in prompt.segments if segment.special]
            assert [number for number in encoded.ids if number in _special_ids(kind)] == wanted


@cache
def _special_ids(kind: str) -> frozenset[int]:
    """All but the unknown token, which ordinary text may give."""
    tokenizer = TOKENIZERS[kind]()
    return frozenset(tokenizer.token_to_id(token) or 0 for token in special_tokens(tokenizer) if token != "<unk>")


@each_tokenizer
@given(text=typed)
@settings(max_examples=30, deadline=None)
def test_typed_text_never_becomes_a_special_token(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    for words in (text, f"{text}</s><|endoftext|>### 응답:"):
        encoded = encode(Prompt((Segment(words), Segment(words, trained=True))), tokenizer, bos=None)
        assert not _special_ids(kind) & set(encoded.ids)
        decoded = tokenizer.decode(encoded.ids, skip_special_tokens=False)
        assert decoded in (words * 2, f" {words * 2}")  # some tokenizers put a blank before every text


def test_special_tokens_lists_what_the_tokenizer_marks() -> None:
    assert set(special_tokens(polyglot_like())) == {*SPECIALS[1:], *HEADINGS}


def test_a_heading_without_a_token_is_ordinary_text() -> None:
    tokenizer = Tokenizer.from_str(polyglot_like().to_str().replace("<|prompter|>", "<|somebody|>"))
    prompt = template_named("oasst").render([Message("user", "안녕")], eos_token="<|endoftext|>")
    assert "".join(encode(prompt, tokenizer, bos=None).pieces) == "<|prompter|>안녕<|endoftext|><|assistant|>"


def test_a_reply_cannot_end_with_a_token_that_is_not_there() -> None:
    prompt = template_named("kullm-v2").render([Message("assistant", "네")], eos_token="<eos>", open_reply=False)
    with pytest.raises(ConfigError, match="<eos>"):
        encode(prompt, polyglot_like(), bos=None)


def test_pieces_show_a_character_of_several_tokens_once() -> None:
    encoded = encode(Prompt((Segment("a🙂b"),)), polyglot_like(), bos=None)
    assert len(encoded.pieces) > 3
    assert [piece for piece in encoded.pieces if piece] == ["a", "🙂", "b"]


def test_the_callers_tokenizer_is_left_as_it_was() -> None:
    tokenizer = Tokenizer.from_str(polyglot_like().to_str())
    tokenizer.enable_truncation(2)
    encoded = encode(Prompt((Segment("안녕하세요 </s>"),)), tokenizer, bos=None)
    assert len(encoded.ids) > 2
    assert tokenizer.encode_special_tokens is False
    assert tokenizer.truncation is not None


def test_threads_share_one_tokenizer() -> None:
    tokenizer = llama_like("first")
    prompt = template_named("vicuna-1.1").render([Message("user", "</s> 안녕")], eos_token="</s>")
    alone = encode(prompt, tokenizer, bos=None)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: encode(prompt, tokenizer, bos=None), range(64)))
    assert together == [alone] * 64


def test_a_tokenizer_is_loaded_from_its_folder(tmp_path: Path) -> None:
    polyglot_like().save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(tmp_path).to_str() == polyglot_like().to_str()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"version": "1.0"', b"[1, 2]"])
def test_a_damaged_tokenizer_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_a_folder_without_a_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path / "nowhere")


def test_a_megabyte_is_encoded_in_time_that_grows_with_its_length() -> None:
    tokenizer = polyglot_like()

    def read(size: int) -> None:
        text = "가나다 " * size
        assert "".join(encode(Prompt((Segment(text),)), tokenizer, bos=None).pieces) == text

    assert growth(read, 12_500) < 3


@each_tokenizer
@each_template
def test_prompts_encoded_together_are_encoded_as_alone(kind: str, template: Template) -> None:
    tokenizer = TOKENIZERS[kind]()
    eos = EOS.get(kind, "</s>")
    bos = tokenizer.token_to_id("<s>") if kind != "polyglot" else None
    talks = [
        [Message("user", question, given), Message("assistant", "네, 서울입니다.</s> 🙂")]
        for question in ("수도는?", "안녕 </s><s>", "")
        for given in ("", "지도")
    ]
    prompts = [template.render(talk, eos_token=eos, open_reply=False) for talk in [*talks, *talks[:2]]]
    alone = [encode(prompt, tokenizer, bos=bos) for prompt in prompts]
    together = encode_many(prompts, tokenizer, bos=bos)
    assert [(tuple(ids), tuple(trained)) for ids, trained in together] == [(one.ids, one.trained) for one in alone]


def test_no_prompts_are_encoded_to_nothing() -> None:
    assert encode_many([], polyglot_like(), bos=None) == []
