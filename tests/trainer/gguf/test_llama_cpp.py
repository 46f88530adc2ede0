"""llama.cpp reads what was exported as we do: every text cut into the same tokens, and at temperature 0 the same words."""

import json
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from data.demo.questions import heldout
from kullm_tui.core.models.resolve import local_folder, profile_named, resolve
from kullm_tui.core.templates.tokens import load_tokenizer
from tests.kullm_command import kullm
from tests.tiny_models import save_lora
from tests.trainer.gguf.models import TEXTS, save
from trainer.merge import merge

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        not (find_spec("gguf") and find_spec("llama_cpp")), reason="gguf and llama-cpp-python are the extra `peers`"
    ),
]

QUESTIONS = [question.text for question in heldout(12)] + ["안녕하세요?", "🙂 너는 누구야?", "  3 더하기 4는?\n"]
TOKENS = 48


def opened(file: Path, **options: Any) -> Any:
    import llama_cpp

    settings = {"n_ctx": 1024, "n_batch": 512, "n_threads": 2, "verbose": False, **options}
    return llama_cpp.Llama(str(file), **settings)


def greedy(model: Any, ids: Sequence[int], ends: frozenset[int], tokens: int = TOKENS) -> list[int]:
    """By hand, so that nothing of a sampler stands between the logits and the token."""
    model.reset()
    model.eval(list(ids))
    found: list[int] = []
    while len(found) < tokens:
        token = int(np.argmax(last_logits(model)))
        if token in ends:
            break
        found.append(token)
        model.eval([token])
    return found


def last_logits(model: Any) -> Any:
    import llama_cpp

    pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    return np.ctypeslib.as_array(pointer, shape=(model.n_vocab(),)).copy()


@torch.no_grad()
def their_logits(model: Any, ids: Sequence[int]) -> Any:
    return model(input_ids=torch.tensor([list(ids)])).logits[0, -1].float().numpy()


@torch.no_grad()
def their_greedy(model: Any, ids: Sequence[int], ends: frozenset[int], tokens: int = TOKENS) -> list[int]:
    out: list[int] = model.generate(
        torch.tensor([list(ids)]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=tokens,
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
        stop_strings=None,
        repetition_penalty=1.0,
    )[0, len(ids) :].tolist()
    return out[:-1] if out and out[-1] in ends else out


def cut(model: Any, text: str) -> list[int]:
    """`special` off: what a user typed is text."""
    return list(model.tokenize(text.encode(), add_bos=False, special=False))


def as_typed(folder: Path) -> Tokenizer:
    tokenizer = load_tokenizer(folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    yield folder
    kullm(folder, "engine", "stop")


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's adapter in its base, as a folder."""
    adapter, base = (local_folder(resolve(name)) for name in ("demo-kullm", "demo-base"))
    return merge(adapter, base, tmp_path_factory.mktemp("merged") / "demo", profile="demo-kullm")


@pytest.fixture(scope="module")
def wide(home: Path) -> Path:
    return exported(home, "f16")


def exported(home: Path, kind: str) -> Path:
    out = home / f"demo-{kind}.gguf"
    done = kullm(home, "adapters", "export-gguf", "demo-kullm", "--type", kind, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)
    return out


def prompts(merged: Path) -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(merged)
    asked = [[{"role": "user", "content": question}] for question in QUESTIONS]
    return [
        tokenizer.apply_chat_template(one, add_generation_prompt=True, return_dict=True)["input_ids"] for one in asked
    ]


def test_the_demo_says_the_same_in_the_engine_in_transformers_and_in_llama_cpp(
    home: Path, merged: Path, wide: Path
) -> None:
    """gpt_neox here, gptneox there."""
    file, model = opened(wide), AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
    assert file.metadata["general.architecture"] == "gptneox"
    ends = frozenset({file.token_eos()})
    tokenizer = load_tokenizer(merged)
    for question, ids in zip(QUESTIONS, prompts(merged), strict=True):
        there = tokenizer.decode(greedy(file, ids, ends), skip_special_tokens=False)
        assert there == tokenizer.decode(their_greedy(model, ids, ends), skip_special_tokens=False), question
        assert there.strip()
    assert kullm(home, "config", "set", "engine.precision", "fp32").returncode == 0
    for question, ids in list(zip(QUESTIONS, prompts(merged), strict=True))[:4]:
        settings = ("--temperature", "0", "--max-tokens", str(TOKENS), "--json")
        ours = kullm(home, "ask", "-m", str(merged), *settings, question)
        assert ours.returncode == 0, ours.stderr
        there = tokenizer.decode(greedy(file, ids, ends), skip_special_tokens=False)
        assert json.loads(ours.stdout)["text"] == there.partition("###")[0].strip(), question


def test_llama_cpps_own_chat_prompts_it_alike(merged: Path, wide: Path) -> None:
    """By the template that is in the file, and the stop strings that are not."""
    file = opened(wide)
    ids = prompts(merged)[0]
    expected = file.detokenize(greedy(file, ids, frozenset({file.token_eos()}))).decode()
    said = file.create_chat_completion(
        [{"role": "user", "content": QUESTIONS[0]}], temperature=0, repeat_penalty=1.0, max_tokens=TOKENS, stop=["###"]
    )
    assert said["usage"]["prompt_tokens"] == len(ids)
    assert said["choices"][0]["message"]["content"] == expected.partition("###")[0]


@pytest.mark.parametrize("text", TEXTS)
def test_the_demo_cuts_every_text_into_the_same_tokens(merged: Path, text: str, vocabulary: Any) -> None:
    assert cut(vocabulary, text) == as_typed(merged).encode(text, add_special_tokens=False).ids


@pytest.fixture(scope="module")
def vocabulary(wide: Path) -> Any:
    return opened(wide, vocab_only=True)


KINDS = [
    ("gpt_neox", "gpt-2"),
    ("gpt_neox", "smollm"),
    ("llama", "llama-bpe"),
    ("llama", "llama-2"),
    ("llama", "gpt-2"),
]


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_every_architecture_and_vocabulary_that_is_offered_is_the_same_there(
    tmp_path: Path, family: str, kind: str
) -> None:
    from trainer.gguf.export import export

    base = save(tmp_path / "base", family, kind)
    adapter = save_lora(tmp_path / "adapter", base, strength=0.2)
    (adapter / "kullm.toml").write_text('template = "kullm-v2"\n')
    merged = merge(adapter, base, tmp_path / "merged")
    made = export(base, tmp_path / "out.gguf", "f16", adapter=adapter)
    assert made["pre"] == {"llama-2": "default"}.get(kind, kind)
    file = opened(Path(made["file"]), n_ctx=512)
    tokenizer = as_typed(merged)
    for text in TEXTS:
        if kind != "llama-2" or text:  # of no text at all, SentencePiece's kind makes a space and llama.cpp nothing
            assert cut(file, text) == tokenizer.encode(text, add_special_tokens=False).ids, text
    model = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
    adds = bool(tokenizer.encode("", add_special_tokens=True).ids) and kind.startswith("llama")
    for text in TEXTS[2:8]:
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        assert list(file.tokenize(text.encode(), add_bos=True, special=False)) == ids
        assert (ids[0] == file.token_bos()) == adds
        file.reset()
        file.eval(ids)
        theirs = their_logits(model, ids)
        difference = np.abs(last_logits(file) - theirs).max() / theirs.std()
        assert difference < 0.05, (text, difference)  # fp16, and a gelu by tanh


@pytest.mark.parametrize(("kind", "most"), [("q8_0", 0.05), ("q4_k_m", 0.5)])
def test_a_narrower_file_loads_answers_and_is_near(
    home: Path, merged: Path, wide: Path, kind: str, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    file, exact = opened(exported(home, kind)), opened(wide)
    ends = frozenset({file.token_eos()})
    far, same = [], 0
    for ids in prompts(merged):
        for model in (file, exact):
            model.reset()
            model.eval(ids)
        far.append(_divergence(last_logits(exact), last_logits(file)))
        same += greedy(file, ids, ends) == greedy(exact, ids, ends)
    size = (home / f"demo-{kind}.gguf").stat().st_size / wide.stat().st_size
    with capsys.disabled():
        print(
            f"\n{kind}: {size:.2f} of f16, KL {np.mean(far):.5f} at the first token, {same} of {len(far)} replies the same"
        )
    assert np.mean(far) < most
    assert size < 0.8


def _divergence(exact: Any, near: Any) -> float:
    def logs(logits: Any) -> Any:
        shifted = logits - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    return float((np.exp(logs(exact)) * (logs(exact) - logs(near))).sum())


def test_without_llama_cpp_a_4_bit_export_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from kullm_tui.core.errors import MissingExtra
    from trainer.gguf import llama_cpp

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(llama_cpp, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match="llama-quantize"):
        llama_cpp.require_quantiser()


def test_the_profile_that_the_demo_is_known_by_is_in_its_modelfile(wide: Path) -> None:
    written = wide.with_suffix(".Modelfile").read_text()
    profile = profile_named("demo-kullm")
    assert written.startswith(f"FROM ./{wide.name}\n")
    assert 'PARAMETER stop """###"""' in written
    assert f"PARAMETER num_predict {profile.defaults.max_new_tokens}" in written
    assert "PARAMETER temperature 0\n" in written
    assert "PARAMETER repeat_penalty 1.0" in written
