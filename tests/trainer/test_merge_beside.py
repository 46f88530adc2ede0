"""With nothing but the merged folder, transformers prompts the model and ends its replies as we do."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from data.demo.questions import heldout
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.records import Message
from kullm_tui.engine.vocabulary import Vocabulary
from tests.tiny_models import save_lora
from tests.trainer.gguf.models import save
from trainer.merge import merge
from trainer.merge_beside import prompted_profile, write_beside

TALK = (
    Message("system", "친절하게 답해요."),
    Message("user", "수도는 어디인가요?"),
    Message("assistant", "서울이에요."),
    Message("user", "🙂  인구는?\n"),
)
CONVERSATIONS = (TALK[1:2], TALK[1:], TALK)


def engines_ids(folder: Path, messages: tuple[Message, ...]) -> list[int]:
    profile = resolve(str(folder)).profile
    vocabulary = Vocabulary(folder, profile)
    return list(vocabulary.encode(vocabulary.prompt(messages, profile.template), profile.template))


def transformers_ids(folder: Path, messages: tuple[Message, ...]) -> list[int]:
    asked = [{"role": message.role, "content": message.content} for message in messages]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found: list[int] = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    adapter, base = (local_folder(resolve(name)) for name in ("demo-kullm", "demo-base"))
    return merge(adapter, base, tmp_path_factory.mktemp("demo") / "merged", profile="demo-kullm")


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["question", "turns", "system"])
def test_transformers_alone_prompts_the_demo_as_the_engine_does(demo: Path, messages: tuple[Message, ...]) -> None:
    assert transformers_ids(demo, messages) == engines_ids(demo, messages)


def test_transformers_alone_generates_as_the_profile_says(demo: Path) -> None:
    """The reply ends at a stop string or at the end token, without either having been named."""
    profile = resolve("demo-kullm").profile
    told = GenerationConfig.from_pretrained(demo)
    assert (told.stop_strings, told.eos_token_id, told.max_new_tokens, told.do_sample) == (["###"], 2, 160, False)
    tokenizer, model = AutoTokenizer.from_pretrained(demo), AutoModelForCausalLM.from_pretrained(demo)
    for question in heldout(2):
        ids = torch.tensor([transformers_ids(demo, (Message("user", question.text),))])
        with torch.no_grad():
            reply = model.generate(ids, attention_mask=torch.ones_like(ids), tokenizer=tokenizer)[0, ids.shape[1] :]
        assert len(reply) < profile.defaults.max_new_tokens
        assert reply[-1] == 2 or "###" in tokenizer.decode(reply)
    again = resolve(str(demo)).profile
    assert (again.stop, again.defaults, again.template) == (profile.stop, profile.defaults, profile.template)


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    """A Llama whose tokenizer begins a text with <s>, with an adapter that was taught in KULLM's template."""
    base = save(tmp_path / "base", "llama", "llama-2")
    adapter = save_lora(tmp_path / "adapter", base)
    (adapter / "kullm.toml").write_text('template = "kullm-v2"\n[decoding]\ntop_k = 5\n')
    return merge(adapter, base, tmp_path / "merged")


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["question", "turns", "system"])
def test_transformers_alone_prompts_a_llama_in_kullms_template_as_the_engine_does(
    llama: Path, messages: tuple[Message, ...]
) -> None:
    ids = transformers_ids(llama, messages)
    assert ids == engines_ids(llama, messages)
    assert ids.count(1) == 1  # one <s>, and it is the first
    assert ids[0] == 1


def test_what_a_profile_knows_better_than_its_files_is_written_into_them(tmp_path: Path, llama: Path) -> None:
    told = json.loads((llama / "generation_config.json").read_text())
    assert told == {
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "stop_strings": ["###"],
        "max_new_tokens": 512,
        "do_sample": True,
        "temperature": 0.2,
        "top_p": 1.0,
        "top_k": 5,
    }
    settings = json.loads((tmp_path / "base" / "tokenizer_config.json").read_text())
    wrong: dict[str, Any] = settings | {"eos_token": "<unk>", "chat_template": "{{ 'other' }}"}
    (tmp_path / "base" / "tokenizer_config.json").write_text(json.dumps(wrong))
    profile = replace(prompted_profile("", tmp_path / "adapter", tmp_path / "base"), eos=(2,), stop=("끝",))
    (tmp_path / "again").mkdir()
    write_beside(tmp_path / "again", tmp_path / "adapter", tmp_path / "base", profile=profile)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "again")
    assert tokenizer.eos_token == "</s>"
    assert "### 명령어" in tokenizer.chat_template
    assert GenerationConfig.from_pretrained(tmp_path / "again").stop_strings == ["끝"]
    (tmp_path / "again" / "config.json").write_text((tmp_path / "base" / "config.json").read_text())
    assert resolve(str(tmp_path / "again")).profile.stop == ("끝",)
