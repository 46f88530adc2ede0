"""Preference pairs, token for token: two documents with one prompt, and what becomes of pairs that teach nothing or the wrong thing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.models.prompting import Prompting
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.records import BadRecord, Message
from kullm_tui.core.templates.tokens import encode, load_tokenizer
from tests.trainer.sets import EOS, QUESTION, REPLY, json_lines, recipe_of, row, tokenizer_folder
from trainer.dataset.held_out import evaluation_rows, training_rows
from trainer.dataset.labels import Example, Labelling, labelling_of
from trainer.dataset.pairs import paired_examples
from trainer.dataset.prompt_rows import PromptRow, read_prompt_row
from trainer.dataset.show import rendered, shown
from trainer.dataset.sources import Rejection, Row, records
from trainer.dataset.tokens import tokenised
from trainer.recipe import PreferenceLoss, Recipe

WRONG = "부산입니다."
ASKED = (Message("user", QUESTION),)
PAIR = PromptRow(ASKED, REPLY, WRONG)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("base"))


def pairing(base: Path, source: Path | str = "rows.jsonl", *, sft_weight: float = 0.0, **data: Any) -> Recipe:
    recipe = recipe_of(base, source, **data)
    return replace(recipe, train=replace(recipe.train, kind="dpo"), preference=PreferenceLoss(sft_weight=sft_weight))


def labelling(base: Path, **more: Any) -> Labelling:
    return labelling_of(pairing(base, **more), base)


def made(record: Any, how: Labelling) -> Example | Rejection:
    (one,) = paired_examples([Row(7, record)], how)
    return one


def documents(example: Example | Rejection) -> list[tuple[list[int], list[int]]]:
    """Of each its prompt and its reply; every trained token stands behind every other."""
    assert isinstance(example, Example)
    assert example.rejected_at
    found = []
    for part in (slice(0, example.rejected_at), slice(example.rejected_at, None)):
        ids, trained = list(example.ids[part]), list(example.trained[part])
        assert trained == sorted(trained)
        found.append((ids[: trained.index(True)], ids[trained.index(True) :]))
    return found


def asked_for(base: Path, *messages: Message) -> list[int]:
    """The prompt as answering sends it."""
    tokenizer = load_tokenizer(base)
    prompt = Prompting(base, resolve(str(base)).profile, tokenizer).prompt(list(messages), "kullm-v2")
    return list(encode(prompt, tokenizer, bos=None).ids)


def test_a_pair_is_two_documents_with_the_prompt_of_answering_and_the_replies_trained(base: Path) -> None:
    (prompt, chosen), (again, rejected) = documents(made(PAIR, labelling(base)))
    tokenizer = load_tokenizer(base)
    assert prompt == again == asked_for(base, *ASKED)
    assert tokenizer.decode(chosen, skip_special_tokens=False) == REPLY + EOS
    assert tokenizer.decode(rejected, skip_special_tokens=False) == WRONG + EOS


def test_earlier_replies_are_the_prompts_and_are_not_trained(base: Path) -> None:
    talk = (Message("user", "안녕하세요?"), Message("assistant", "반갑습니다."), *ASKED)
    (prompt, chosen), (again, _) = documents(made(PromptRow(talk, REPLY, WRONG), labelling(base)))
    assert prompt == again == asked_for(base, *talk)
    assert load_tokenizer(base).decode(chosen) == REPLY


def merging_tokenizer(folder: Path) -> Path:
    """Its tokens run over the end of a prompt, as those of some real ones do where a reply begins with a blank or a line's end."""
    tokenizer_folder(folder, eos_token_id=0, pad_token_id=0)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([f"응답:\n{REPLY}"] * 50, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_reply_that_would_merge_with_the_prompt_takes_nothing_of_it(tmp_path: Path) -> None:
    """The trap of tokenising prompt and reply together: the prompt's tail would be dropped from what is trained."""
    base = merging_tokenizer(tmp_path / "merging")
    how = labelling(base)
    prompt = asked_for(base, *ASKED)
    text = how.tokenizer.decode(prompt) + REPLY
    assert how.tokenizer.encode(text).ids[: len(prompt)] != prompt  # together they merge
    (chosen_prompt, chosen), (rejected_prompt, _) = documents(made(PAIR, how))
    assert chosen_prompt == rejected_prompt == prompt
    assert how.tokenizer.decode(chosen, skip_special_tokens=False) == REPLY + EOS


@pytest.mark.parametrize("record", [PromptRow(ASKED, REPLY, WRONG * 40), PromptRow(ASKED, REPLY * 40, WRONG)])
def test_a_pair_with_a_reply_that_is_cut_is_left_out(base: Path, record: PromptRow) -> None:
    """The trap of the end: whoever adds an end token behind a cut reply teaches to end there."""
    how = labelling(base)
    length = len(documents(made(PAIR, how))[0][0]) + 60
    assert isinstance(made(PAIR, replace(how, cutoff=length)), Example)
    found = made(record, replace(how, cutoff=length))
    assert isinstance(found, Rejection)
    assert found.reason == "cut"


def test_two_replies_that_say_the_same_are_no_pair(base: Path) -> None:
    found = made(PromptRow(ASKED, REPLY, REPLY), labelling(base))
    assert isinstance(found, Rejection)
    assert found.reason == "equal"


@pytest.mark.parametrize(
    "form",
    [
        {"prompt": [{"role": "user", "content": QUESTION}], "chosen": REPLY, "rejected": WRONG},
        {"prompt": QUESTION, "chosen": REPLY, "rejected": WRONG},
        {
            "prompt": [{"role": "user", "content": QUESTION}],
            "chosen": [{"role": "assistant", "content": REPLY}],
            "rejected": [{"role": "assistant", "content": WRONG}],
        },
        {"instruction": QUESTION, "input": "", "chosen": REPLY, "rejected": WRONG},
        {
            "conversations": [{"from": "human", "value": QUESTION}],
            "chosen": {"from": "gpt", "value": REPLY},
            "rejected": {"from": "gpt", "value": WRONG},
        },
    ],
    ids=["ours", "a text", "TRL's", "LLaMA-Factory's alpaca", "LLaMA-Factory's ShareGPT"],
)
def test_each_form_of_a_pair_is_read_as_the_same(base: Path, tmp_path: Path, form: dict[str, Any]) -> None:
    file = json_lines(tmp_path / "pairs.jsonl", [form])
    assert [one.record for one in records(pairing(base, file).data) if isinstance(one, Row)] == [PAIR]


def test_a_prompts_input_and_system_text_are_read() -> None:
    prompt = [{"role": "system", "content": "짧게."}, {"role": "user", "content": "요약해 줘", "input": "긴 글"}]
    read = read_prompt_row({"prompt": prompt, "chosen": REPLY}, {})
    assert read == PromptRow((Message("system", "짧게."), Message("user", "요약해 줘", "긴 글")), REPLY)


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": REPLY},
        {"prompt": [], "chosen": REPLY},
        {"prompt": [{"role": "assistant", "content": "?"}], "chosen": REPLY},
        {"prompt": QUESTION, "chosen": 5},
        {"prompt": QUESTION, "chosen": [], "rejected": WRONG},
        {"prompt": QUESTION, "chosen": REPLY, "rejected": {"from": "gpt"}},
    ],
)
def test_a_row_that_is_no_pair_says_why(row: dict[str, Any]) -> None:
    with pytest.raises(BadRecord):
        read_prompt_row(row, {})


def pair_lines(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"prompt": f"{number}번째 질문", "chosen": f"{number}이에요.", "rejected": f"{number}이 아니에요.", **more}
        for number in range(count)
    ]


def test_the_set_on_disk_has_the_pairs_and_the_rows_beside_them(base: Path, tmp_path: Path) -> None:
    file = json_lines(tmp_path / "pairs.jsonl", [*pair_lines(3), row(), *pair_lines(1, rejected=None)])
    recipe = pairing(base, file, sft_weight=0.1)
    expected = paired_examples(
        [one for one in records(recipe.data) if isinstance(one, Row)], labelling_of(recipe, base)
    )
    for tokens in (tokenised(recipe, base), tokenised(recipe, base)):  # made, and mapped again
        assert tokens.facts.pairs == 3
        found = [tokens.example(place) for place in range(len(tokens))]
        assert [(tuple(one.ids), tuple(one.trained), one.rejected_at) for one in found] == [
            (one.ids, one.trained, one.rejected_at)  # type: ignore[union-attr]
            for one in expected
        ]
    without = tokenised(pairing(base, file), base)
    assert (without.facts.pairs, without.facts.examples, without.facts.rejected) == (3, 3, {"unpaired": 2})


def test_rows_with_a_prompt_of_their_own_can_be_learnt_from_as_plain_rows(base: Path, tmp_path: Path) -> None:
    tokens = tokenised(recipe_of(base, json_lines(tmp_path / "pairs.jsonl", pair_lines(3))), base)
    assert (tokens.facts.pairs, tokens.facts.examples) == (0, 3)
    first = tokens.example(0)
    trained = [int(token) for token, mark in zip(first.ids, first.trained, strict=True) if mark]
    assert load_tokenizer(base).decode(trained) == "0이에요."


def test_a_file_without_pairs_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no preference pair"):
        tokenised(pairing(base, json_lines(tmp_path / "rows.jsonl", [row()]), sft_weight=1.0), base)


@pytest.mark.parametrize("evaluate", [0.3, 10])
def test_a_prompt_stands_on_one_side_only(base: Path, tmp_path: Path, evaluate: float) -> None:
    """However it is spaced, whatever is answered, as a pair or as a row."""
    lines = [line for number in range(40) for line in _answered_thrice(number)]
    data = pairing(base, json_lines(tmp_path / "pairs.jsonl", lines), evaluate=evaluate).data

    def asked(rows: Any) -> set[str]:
        return {" ".join(one.record.messages[0].content.split()) for one in rows}

    training, held_out = asked(training_rows(data, by_prompt=True)), asked(evaluation_rows(data, by_prompt=True))
    assert len(training | held_out) == 40
    assert len(held_out) >= 4
    assert not training & held_out


def _answered_thrice(number: int) -> list[dict[str, Any]]:
    question = f"{number}번째 질문"
    return [
        {"prompt": question, "chosen": "가", "rejected": "나"},
        {"prompt": f" {number}번째  질문\n", "chosen": "다", "rejected": "라"},
        {"instruction": question, "input": "", "output": "마"},
    ]


def test_both_sides_of_a_pair_are_shown_and_what_is_left_out_says_why(base: Path, tmp_path: Path) -> None:
    lines = [*pair_lines(1), {"prompt": "?", "chosen": "같아요", "rejected": "같아요"}]
    recipe = pairing(base, json_lines(tmp_path / "pairs.jsonl", lines))
    seen = [rendered(one, marked_by_terminal=False) for one in shown(recipe, base, 5)]
    assert ["(chosen)" in seen[0], "(rejected)" in seen[1], "not trained" in seen[2]] == [True] * 3
    assert "⟦0이에요." in seen[0]
    assert "⟦0이 아니에요." in seen[1]
