"""Token for token: what is trained of a row, in every template, and what becomes of rows that cannot be trained."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.models.prompting import Prompting
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.records import Dialogue, Instruction, Message, Record
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.tokens import encode
from tests.core.templates.test_tokens import polyglot_like
from tests.trainer.sets import EOS, QUESTION, REPLY, recipe_of, tokenizer_folder
from trainer.dataset.labels import Example, Labelling, examples, labelling_of, pieces
from trainer.dataset.sources import Rejection, Row

each_template = pytest.mark.parametrize("template", sorted(TEMPLATES))
ASKED = Instruction("", QUESTION, "", REPLY)
# What these put between the reply and the end of text, and train too.
ENDINGS = {**dict.fromkeys(("chatml", "mpt-7b-chat", "mpt-30b-chat"), "<|im_end|>"), "dolly": "\n\n### End"}
TALK = (
    Message("user", "안녕하세요?"),
    Message("assistant", "반갑습니다."),
    Message("user", QUESTION),
    Message("assistant", REPLY),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("base"))


def labelling(base: Path, template: str = "kullm-v2", **data: Any) -> Labelling:
    return labelling_of(recipe_of(base, "rows.jsonl", template=template, **data), base)


def one(record: Record, how: Labelling) -> Example | Rejection:
    (made,) = examples([Row(7, record)], how)
    return made


def example(record: Record, how: Labelling) -> Example:
    made = one(record, how)
    assert isinstance(made, Example)
    return made


def text_of(made: Example, *, trained: bool) -> str:
    ids = [token for token, mark in zip(made.ids, made.trained, strict=True) if bool(mark) == trained]
    return str(polyglot_like().decode(ids, skip_special_tokens=False))


@each_template
def test_the_prompt_is_what_answering_sends_and_the_reply_ends_with_eos(base: Path, template: str) -> None:
    made = example(ASKED, labelling(base, template))
    asked = Prompting(base, resolve(str(base)).profile, polyglot_like())
    prompt = encode(asked.prompt([Message("user", QUESTION)], template), polyglot_like(), bos=None).ids
    assert made.ids[: len(prompt)] == prompt
    assert made.trained == (False,) * len(prompt) + (True,) * (len(made.ids) - len(prompt))
    assert made.ids[-1] == polyglot_like().token_to_id(EOS)
    reply = text_of(made, trained=True)
    assert reply.strip() in (REPLY + ENDINGS.get(template, "") + EOS, f"{REPLY} {EOS}")
    assert reply.count(EOS) == 1
    assert not made.cut


@each_template
def test_loss_on_all_trains_every_token_but_the_first(base: Path, template: str) -> None:
    output, everything = (
        example(ASKED, labelling(base, template)),
        example(ASKED, labelling(base, template, loss="all")),
    )
    assert everything.ids == output.ids
    assert everything.trained == (False,) + (True,) * (len(output.ids) - 1)


@each_template
def test_of_several_turns_only_the_replies_are_trained(base: Path, template: str) -> None:
    trained = text_of(example(Dialogue("", TALK), labelling(base, template)), trained=True)
    # KoAlpaca writes earlier replies under another heading than the one that answering begins behind
    assert ("반갑습니다." in trained) == (template != "koalpaca-v1.1")
    assert trained.replace(f" {EOS}", EOS).endswith(REPLY + ENDINGS.get(template, "") + EOS)
    assert "안녕하세요?" not in trained
    assert QUESTION not in trained


LITERAL = {
    "kullm-v2": (
        "아래는 작업을 설명하는 명령어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. 요청을 적절히 완료하는 응답을 작성하세요."
        "\n\n### 명령어:\n번역하세요\n\n### 입력:\n고마워\n\n### 응답:\n",
        "Thanks<|endoftext|>",
    ),
    "kullm-paper": (
        "아래는 작업을 설명하는 지시어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. 요청을 적절히 완료하는 응답을 작성하세요."
        "\n\n### 지시어:\n번역하세요\n\n### 입력:\n고마워\n\n### 응답:\n",
        "Thanks<|endoftext|>",
    ),
    "koalpaca-v1.1": ("### 질문: 번역하세요\n\n### 맥락: 고마워\n\n### 답변:", " Thanks<|endoftext|>"),
    "koat": ("번역하세요\n\n고마워\n\n정답:", " Thanks<|endoftext|>"),
}


@pytest.mark.parametrize("template", LITERAL)
def test_the_literal_text_of_a_row(base: Path, template: str) -> None:
    made = example(Instruction("", "번역하세요", "고마워", "Thanks"), labelling(base, template))
    assert (text_of(made, trained=False), text_of(made, trained=True)) == LITERAL[template]


def test_every_reply_of_a_vicuna_dialogue_ends_with_eos(base: Path) -> None:
    made = example(Dialogue("", TALK), labelling(base, "vicuna-1.1"))
    assert text_of(made, trained=True) == f" 반갑습니다.{EOS} {REPLY}{EOS}"


def test_a_cut_reply_has_no_eos_and_is_counted(base: Path) -> None:
    whole = example(ASKED, labelling(base))
    for cutoff in range(len(whole.ids) - 5, len(whole.ids)):
        made = example(ASKED, labelling(base, cutoff=cutoff))
        assert made.cut
        assert made.ids == whole.ids[:cutoff]
        assert polyglot_like().token_to_id(EOS) not in made.ids
    assert not example(ASKED, labelling(base, cutoff=len(whole.ids))).cut


@pytest.mark.parametrize("loss", ["output", "all"])
def test_a_prompt_that_leaves_no_room_for_its_reply_is_rejected(base: Path, loss: str) -> None:
    whole = example(ASKED, labelling(base))
    prompt = list(whole.trained).index(True)
    rejected = one(ASKED, labelling(base, cutoff=prompt, loss=loss))
    assert isinstance(rejected, Rejection)
    assert (rejected.number, rejected.reason) == (7, "too-long")
    assert isinstance(one(ASKED, labelling(base, cutoff=prompt + 1, loss=loss)), Example)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Instruction("", QUESTION, "", ""), "empty"),
        (Instruction("", QUESTION, "", " \n"), "empty"),
        (Instruction("", "", "", REPLY), "empty"),
        (Dialogue("", TALK[:1]), "empty"),
        (Dialogue("", (*TALK[:2], Message("user", ""), TALK[3])), "empty"),
        (Dialogue("", (Message("assistant", REPLY),)), "empty"),
        (Instruction("", QUESTION, "", "깨진 \ud83d 글자"), "unreadable"),
        (Instruction("", QUESTION, "", "가" * 200_001), "too-many-characters"),
    ],
)
def test_what_cannot_be_trained_is_rejected(base: Path, record: Record, reason: str) -> None:
    rejected = one(record, labelling(base))
    assert isinstance(rejected, Rejection)
    assert rejected.reason == reason


def test_a_question_given_as_input_alone_is_trained(base: Path) -> None:
    assert QUESTION in text_of(example(Instruction("", "", QUESTION, REPLY), labelling(base)), trained=False)


def test_turns_outside_question_and_reply_are_left_out(base: Path) -> None:
    how = labelling(base, "vicuna-1.1")
    around = (Message("assistant", "먼저 하는 말"), *TALK, Message("user", "답이 없는 질문"))
    assert example(Dialogue("", around), how).ids == example(Dialogue("", TALK), how).ids


def test_a_typed_end_token_stays_text(base: Path) -> None:
    made = example(Instruction("", f"{EOS}가 무엇인가요?", "", f"{EOS}는 끝입니다."), labelling(base))
    end = polyglot_like().token_to_id(EOS)
    assert list(made.ids).count(end) == 1
    assert made.ids[-1] == end


def test_a_million_characters_are_refused_before_anything_reads_them(base: Path) -> None:
    how = replace(labelling(base), tokenizer=None)  # type: ignore[arg-type]  # whoever would read them fails
    refused = one(Instruction("", QUESTION, "", "가나다라 " * 200_000), how)
    assert isinstance(refused, Rejection)
    assert refused.reason == "too-many-characters"


def test_a_batch_is_labelled_as_its_rows_alone(base: Path) -> None:
    how = labelling(base)
    rows = [Row(place, Instruction("", f"{QUESTION} {place}", "", REPLY * (place % 3))) for place in range(50)]
    assert examples(rows, how) == [examples([row], how)[0] for row in rows]


def test_a_base_without_an_end_token_is_refused(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path, eos_token_id=None, pad_token_id=None)
    with pytest.raises(ConfigError, match="eos"):
        one(ASKED, labelling(folder))


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BARE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
STRICT = "{{ raise_exception('system only') }}"


def chat_folder(folder: Path, template: str, **config: Any) -> Path:
    tokenizer_folder(folder, **config)
    settings = {"chat_template": template, "eos_token": EOS}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_a_tokenizers_own_template_is_trained_to_its_end_of_turn(tmp_path: Path) -> None:
    end = polyglot_like().token_to_id("<|im_end|>")
    how = labelling(chat_folder(tmp_path, CHATML, eos_token_id=end), "chat")
    assert text_of(example(Dialogue("", TALK), how), trained=True) == f"반갑습니다.<|im_end|>{REPLY}<|im_end|>"


def test_a_template_that_ends_no_reply_gets_an_eos(tmp_path: Path) -> None:
    made = example(ASKED, labelling(chat_folder(tmp_path, BARE), "chat"))
    assert made.ids[-1] == polyglot_like().token_to_id(EOS)
    assert made.trained[-1]


def test_a_row_that_the_tokenizers_template_refuses_is_rejected(tmp_path: Path) -> None:
    rejected = one(ASKED, labelling(chat_folder(tmp_path, STRICT), "chat"))
    assert isinstance(rejected, Rejection)
    assert rejected.reason == "template"


def test_a_base_without_a_chat_template_is_refused(base: Path) -> None:
    with pytest.raises(ConfigError, match="chat template"):
        one(ASKED, labelling(base, "chat"))


def test_the_profiles_template_is_the_default(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path)
    (folder / "kullm.toml").write_text('template = "koalpaca-v1.1"\n', encoding="utf-8")
    assert labelling(folder, "profile").template == "koalpaca-v1.1"


@each_template
def test_the_pieces_spell_the_tokens(base: Path, template: str) -> None:
    how = labelling(base, template)
    made = example(ASKED, how)
    spelled = pieces(Row(7, ASKED), made, how)
    assert [piece.trained for piece in spelled] == list(made.trained)
    assert "".join(piece.text for piece in spelled) == polyglot_like().decode(list(made.ids), skip_special_tokens=False)


def test_the_wording_tells_templates_apart(base: Path) -> None:
    wordings = {labelling(base, template).wording for template in TEMPLATES}
    assert len(wordings) > len(TEMPLATES) - 4  # some differ in their stop strings alone
    assert labelling(base).wording == replace(labelling(base), cutoff=9).wording
