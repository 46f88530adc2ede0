"""The prompt that is shown is the one that is sent: the previewed ids are those that the engine tokenises, for screen and verb."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from kullm_tui.core.errors import ContextOverflow, ModelNotFound
from kullm_tui.core.models.preview import Preview, preview
from kullm_tui.core.models.stack import stack_of
from kullm_tui.core.records import Message
from kullm_tui.engine.vocabulary import Vocabulary
from tests.kullm_command import kullm

ASKED = [Message("user", "안녕")]
BARE = "{% for m in messages %}{{ m.content }}{% endfor %}"
WITH_ENDS = "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    (tmp_path / "home").mkdir()
    return tmp_path


def model_at(folder: Path, *, template: str = "", named: str = "", adds_bos: bool = True, **config: Any) -> str:
    """A folder with a tokenizer of a few words, which begins a text with <s> and has two tokens that could end a reply."""
    folder.mkdir(parents=True)
    known = {word: number for number, word in enumerate(("?", "<s>", "</s>", "<end>", "안녕", "네"))}
    tokenizer = Tokenizer(WordLevel(known, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in ("<s>", "</s>", "<end>")])
    if adds_bos:
        tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"model_type": "gpt_neox", "max_position_embeddings": 256, **config}
    (folder / "config.json").write_text(json.dumps(facts))
    settings = {"bos_token": "<s>", "eos_token": "</s>", **({"chat_template": template} if template else {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if named:
        (folder / "kullm.toml").write_text(f'template = "{named}"\n')
    return str(folder)


def engine_ids(model: str, told: list[Message] | tuple[Message, ...], adapter: str = "") -> tuple[int, ...]:
    stack = stack_of(model, adapter)
    vocabulary = Vocabulary(stack.folder, stack.profile)
    return vocabulary.encode(vocabulary.prompt(told, stack.profile.template), stack.profile.template)


def shown(home: Path, model: str, *more: str) -> Any:
    return json.loads(kullm(home, "models", "show", model, "--prompt", "안녕", "--json", *more).stdout)


def agrees(home: Path, model: str, *, adapter: str = "") -> Preview:
    found = preview(model, ASKED, adapter=adapter)
    assert found.ids == engine_ids(model, ASKED, adapter)
    verb = shown(home / "home", f"{model}+{adapter}" if adapter else model)
    assert (verb["prompt"], tuple(verb["tokens"]), verb["template"]) == (found.text, found.pieces, found.template)
    return found


def test_a_template_that_writes_no_first_token_gets_none(home: Path) -> None:
    """The verb once put the tokenizer's own first token there, which is not sent."""
    found = agrees(home, model_at(home / "model", template=BARE))
    assert found.pieces == ("안녕",)


def test_what_ends_a_reply_is_what_the_generation_settings_say(home: Path) -> None:
    model = model_at(home / "model", template=WITH_ENDS, eos_token_id=3)
    assert agrees(home, model).text.endswith("<end>")


def test_a_first_token_that_the_tokenizer_does_not_add_is_spelled_where_a_template_wants_it(home: Path) -> None:
    """The verb once left it out, since the tokenizer alone would."""
    assert agrees(home, model_at(home / "model", named="llama-2", adds_bos=False)).text.startswith("<s>")
    assert agrees(home, model_at(home / "other", named="vicuna-1.1")).pieces[0] == "<s>"


def test_an_adapter_is_shown_by_its_bases_tokenizer_and_template_not_its_own(home: Path) -> None:
    """The verb once read the tokenizer that lies beside the adapter's weights; the engine reads the base's."""
    base = model_at(home / "base", template=BARE)
    adapter = Path(model_at(home / "adapter", template="x {{ messages[0].content }}"))
    (adapter / "config.json").unlink()
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))
    assert agrees(home, str(adapter)).text == "안녕"
    assert agrees(home, base, adapter=str(adapter)).text == "안녕"


def test_a_profiles_adapter_over_a_model_is_shown_with_its_own_template(home: Path) -> None:
    """The screen once looked for it among the user's own alone, and showed the base's template."""
    assert agrees(home, "demo-base", adapter="demo-kullm").template == "kullm-v2"


def test_an_adapter_over_an_adapter_is_shown_over_the_base(home: Path) -> None:
    """The screen once showed the template of the adapter that is not used."""
    folder = home / "silent"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    found = agrees(home, "demo-kullm", adapter=str(folder))
    assert found.template == preview("demo-base", ASKED).template != "kullm-v2"


def test_the_input_and_the_system_text_stand_where_the_engine_puts_them(home: Path) -> None:
    asked = [Message("system", "네"), Message("user", "안녕", "네")]
    for named in ("kullm-v2", "koalpaca-v1.1", "plain"):
        model = model_at(home / named, named=named)
        found = preview(model, asked)
        assert found.ids == engine_ids(model, asked)
        assert shown(home / "home", model, "--system", "네", "--input", "네")["prompt"] == found.text


def test_turns_that_do_not_fit_are_left_out_and_forms_that_were_not_trained_are_told() -> None:
    turns = [Message("system", "짧게")]
    for number in range(80):
        turns += [
            Message("user", f"{number}번째 물음이에요. 길게 써서 문맥을 채워요."),
            Message("assistant", "네, 그렇습니다."),
        ]
    found = preview("demo-kullm", [*turns, Message("user", "마지막")])
    assert found.dropped_turns > 0
    assert "".join(found.pieces).endswith("### 응답:\n")
    assert len(found.pieces) < found.context
    assert found.ids == engine_ids("demo-kullm", found.messages)
    assert sum("학습하지 않은" in note for note in found.notes) == 2


def test_a_question_that_the_engine_refuses_is_not_shown_as_if_it_were_sent(home: Path) -> None:
    model = model_at(home / "model", template=BARE)
    with pytest.raises(ContextOverflow):
        preview(model, [Message("user", "안녕 " * 300)])
    assert "질문을 줄이거나" in kullm(home / "home", "models", "show", model, "--prompt", "안녕 " * 300).stderr


def test_before_the_files_are_here_the_text_is_shown_without_tokens() -> None:
    found = preview("kullm-5.8b", ASKED)
    assert found.text.endswith("### 명령어:\n안녕\n\n### 응답:\n")
    assert (found.ids, found.pieces) == ((), ())
    with pytest.raises(ModelNotFound, match="models pull kullm3"):
        preview("kullm3", ASKED)


def test_an_endpoint_shows_the_messages() -> None:
    found = preview("openai/gpt-4o", ASKED)
    assert (found.pieces, found.text, [message.content for message in found.messages]) == ((), "", ["안녕"])
