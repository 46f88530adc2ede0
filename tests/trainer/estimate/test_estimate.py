"""The plan's arithmetic against what is known of published models, and its promises about what would fit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.errors import ModelNotFound, UsageError
from trainer.estimate.estimate import Plan, fullest_micro_batch, memory_on, plan_facts, plan_run
from trainer.estimate.fit import changes_that_fit
from trainer.estimate.machines import Machine, gpu_named, known_gpus, machine_named, this_machine
from trainer.estimate.memory import activation_bytes, base_bytes
from trainer.estimate.shape import ModelShape, shape_of, shape_of_config, trainable_parameters
from trainer.estimate.time import duration_of, flops_per_token, measured_speeds
from trainer.estimate.tokens import Lengths, lengths_of, recorded_lengths
from trainer.recipe import DataChoice, Method, ModelChoice, Recipe, Training, load_recipe

PAPER = "kullm-paper-12.8b"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("KULLM_LANG", "ko")


def recipe(base: str = "polyglot-ko-5.8b", *, method: Method | None = None, **train: float) -> Recipe:
    return Recipe(
        name="test",
        model=ModelChoice(base=base),
        data=DataChoice(source="nlpai-lab/kullm-v2"),
        method=method or Method(),
        train=Training(**train),  # type: ignore[arg-type]
    )


def plan(on: str, *, base: str = "polyglot-ko-12.8b", **train: float) -> Plan:
    return plan_run(recipe(base, **train), machine_named(on))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base", "billions"),
    [
        ("polyglot-ko-1.3b", 1.33),
        ("polyglot-ko-3.8b", 3.81),
        ("polyglot-ko-5.8b", 5.89),
        ("polyglot-ko-12.8b", 12.9),
        ("EleutherAI/polyglot-ko-12.8b", 12.9),
        ("huggyllama/llama-7b", 6.74),
        ("huggyllama/llama-13b", 13.0),
        ("kullm3", 10.7),
    ],
)
def test_models_that_were_never_downloaded_have_their_published_size(base: str, billions: float) -> None:
    known = shape_of(base)
    assert known.recorded
    assert known.shape.parameters / 1e9 == pytest.approx(billions, rel=0.005)
    assert known.download_bytes > 1.9 * known.shape.parameters


def test_a_model_of_this_disk_is_read_from_its_config(tmp_path: Path) -> None:
    from tests.tiny_models import build_model, save_model

    for family in ("gpt_neox", "llama", "gpt2", "bloom", "qwen2", "mistral"):
        model = build_model(family)
        known = shape_of(str(save_model(tmp_path / family, family)))
        assert not known.recorded
        assert known.shape.parameters == pytest.approx(model.num_parameters(), rel=0.01), family
        linears = {
            tuple(p.shape) for n, p in model.named_parameters() if ".0." in n and n.endswith("weight") and p.dim() == 2
        }
        for name, (rows, columns) in known.shape.matrices.items():
            assert (rows, columns) in linears or (columns, rows) in linears, (family, name)


def test_an_unknown_model_that_is_not_here_names_the_way_to_fetch_it() -> None:
    with pytest.raises(ModelNotFound, match="kullm models pull someone/nothing"):
        shape_of("someone/nothing")


def test_trained_parameters_are_those_that_peft_makes() -> None:
    neox, llama = shape_of("polyglot-ko-5.8b").shape, shape_of("huggyllama/llama-7b").shape
    assert trainable_parameters(neox, Method(kind="ia3")) == 802_816  # KOAT's, as published
    assert trainable_parameters(shape_of("polyglot-ko-12.8b").shape, Method(rank=16)) == 13_107_200
    assert trainable_parameters(llama, Method(rank=8)) == 4_194_304
    assert trainable_parameters(llama, Method(kind="llama-adapter", adapter_layers=30)) == 30 * (10 * 4096 + 1)
    assert trainable_parameters(neox, Method(kind="full")) == neox.parameters
    everything = Method(rank=8, targets=("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"))
    assert trainable_parameters(neox, everything) == 28 * 8 * (4 * 4096 + 2 * 4096 + 2 * 5 * 4096)


def test_trained_parameters_agree_with_peft_itself(tmp_path: Path) -> None:
    import peft

    from tests.tiny_models import build_model, save_model

    for family in ("gpt_neox", "llama", "bloom"):
        shape = shape_of(str(save_model(tmp_path / family, family))).shape
        for method, config in (
            (Method(rank=4), peft.LoraConfig(r=4, task_type="CAUSAL_LM")),
            (Method(kind="ia3"), peft.IA3Config(task_type="CAUSAL_LM")),
        ):
            model = peft.get_peft_model(build_model(family), config)
            assert trainable_parameters(shape, method) == model.get_nb_trainable_parameters()[0], (family, method)


def test_arithmetic_per_token_is_the_published_one() -> None:
    """51.0 GFLOP for 12.8B and 23.1 for 5.8B with every token trained; attention comes on top."""
    all_tokens = Lengths(1, 1.0, 0.0, 1, 1.0, "measured")
    for base, giga in (("polyglot-ko-12.8b", 51.0), ("polyglot-ko-5.8b", 23.1)):
        shape = shape_of(base).shape
        assert flops_per_token(recipe(base), shape, all_tokens) / 1e9 == pytest.approx(giga, rel=0.01)
        full = flops_per_token(recipe(base, method=Method(kind="full")), shape, all_tokens)
        assert full == pytest.approx(6 * (shape.parameters - shape.vocab * shape.hidden), rel=0.005)


def test_recomputing_everything_adds_one_forward() -> None:
    shape = shape_of("polyglot-ko-5.8b").shape
    lengths = recorded_lengths(recipe())
    more = flops_per_token(recipe(recompute=1.0), shape, lengths) / flops_per_token(recipe(), shape, lengths)
    assert more == pytest.approx(1.5, abs=0.03)


def test_activations_of_polyglot_are_what_was_measured() -> None:
    """24.1·d bytes for each token and layer: 4.9 MB a token for 12.8B, 2.8 for 5.8B."""
    assert activation_bytes(recipe(), shape_of("polyglot-ko-12.8b").shape) == pytest.approx(4.9e6, rel=0.03)
    assert activation_bytes(recipe(), shape_of("polyglot-ko-5.8b").shape) == pytest.approx(2.8e6, rel=0.03)


def test_a_4_bit_base_keeps_its_embeddings_in_16_bits() -> None:
    shape = shape_of("polyglot-ko-12.8b").shape
    four = replace(recipe(), model=ModelChoice(base="polyglot-ko-12.8b", precision="4bit"))
    embeddings = 2 * 2 * shape.vocab * shape.hidden
    assert base_bytes(four, shape) == pytest.approx(7.1e9, rel=0.03)
    assert base_bytes(four, shape) > 0.51 * shape.linear_parameters + embeddings


def test_the_paper_fits_four_large_cards_and_takes_hours() -> None:
    paper = plan("4xA100-80GB", epochs=5, batch=256)
    assert paper.fit.fits
    assert paper.steps == 5 * 597
    assert paper.tokens.value == pytest.approx(5 * 152_630 * 208, rel=0.01)
    assert (paper.tokens.basis, paper.duration.seconds.basis) == ("recorded", "assumed")
    assert 3 < paper.duration.seconds.value / 3600 < 6


def test_a_24_gb_card_needs_two_changes_for_12_8b_and_the_advice_fits() -> None:
    tight = plan("1xRTX3090", batch=256)
    assert not tight.fit.fits
    (change,) = tight.fit.advice.changes
    assert not change.single
    assert change.settings[0] == "model.precision=4bit"
    assert plan_run(change.recipe, tight.machine).fit.fits
    assert tight.fit.advice.card


def test_one_change_is_named_where_one_is_enough_the_mildest_first() -> None:
    fitting = plan("1xA100-40GB", batch=256, micro_tokens=8192)
    settings = [change.settings for change in fitting.fit.advice.changes]
    assert settings[0] == ("train.micro_tokens=2048",) or settings[0] == ("train.micro_tokens=1024",)
    assert any(setting[0].startswith("train.recompute=") for setting in settings)
    assert (
        settings.index(("model.precision=4bit",)) == len(settings) - 1
        if ("model.precision=4bit",) in settings
        else True
    )
    for change in fitting.fit.advice.changes:
        assert change.single
        assert plan_run(change.recipe, fitting.machine).fit.fits, change.settings


def test_a_run_that_fits_gets_no_advice() -> None:
    assert plan("1xH200", base="polyglot-ko-1.3b").fit.advice.changes == ()


def test_nothing_is_promised_where_nothing_helps() -> None:
    tiny = Machine("1xtoy", 1, 10**9, known_gpus()["T4"])
    fit = plan_run(recipe("polyglot-ko-12.8b"), tiny).fit
    assert not fit.fits
    assert fit.advice.changes == ()
    assert fit.advice.card == "1xA100-80GB" or fit.advice.card


def test_the_advice_sets_what_the_command_line_takes() -> None:
    for on in ("1xRTX4090", "1xA100-40GB"):
        for change in plan(on, batch=256, micro_tokens=8192).fit.advice.changes:
            again = load_recipe(PAPER, change.settings)
            assert (again.model.precision, again.train.micro_tokens) is not None


def test_more_cards_share_the_time_and_not_the_base() -> None:
    one, four = plan("1xA100-80GB"), plan("4xA100-80GB")
    assert one.duration.seconds.value == pytest.approx(4 * four.duration.seconds.value, rel=0.01)
    assert one.fit.memory.parts["base"] == four.fit.memory.parts["base"]
    assert "exchange" in four.fit.memory.parts
    assert "exchange" not in one.fit.memory.parts


def test_a_micro_batch_is_never_fuller_than_the_data_and_never_shorter_than_its_longest_row() -> None:
    lengths = lengths_of([100] * 8, 500)
    machine = machine_named("2xL4")
    assert fullest_micro_batch(recipe(batch=8, micro_tokens=4096), lengths, machine) == 400
    assert fullest_micro_batch(recipe(batch=8, micro_tokens=64), lengths, machine) == 100
    long = recorded_lengths(recipe())
    assert fullest_micro_batch(recipe(batch=256, micro_tokens=4096), long, machine) == 4096


def test_lengths_of_the_recorded_set_have_the_recorded_mean() -> None:
    lengths = recorded_lengths(recipe())
    assert (lengths.rows, lengths.basis) == (152_630, "recorded")
    assert lengths.mean == pytest.approx(208, abs=0.5)
    assert lengths.mean < lengths.seen_length < 512


def test_what_was_not_recorded_is_called_assumed() -> None:
    other = replace(recipe(), data=DataChoice(source="nlpai-lab/kullm-v2", cutoff=1024))
    assert recorded_lengths(other).basis == "assumed"
    assert recorded_lengths(other).mean > 208
    assert recorded_lengths(replace(recipe(), data=DataChoice(source="mine.jsonl"))).basis == "assumed"


def test_held_out_rows_and_limits_are_not_trained() -> None:
    def rows(**choice: float) -> int:
        data = DataChoice(source="nlpai-lab/kullm-v2", **choice)  # type: ignore[arg-type]
        return recorded_lengths(replace(recipe(), data=data)).rows

    assert rows(limit=1000) == 1000
    assert rows(limit=1000, evaluate=0.1) == 900
    assert rows(limit=1000, evaluate=50) == 950


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("4xA100-80GB", "A100-80GB", 4),
        ("4 x a100 80gb", "A100-80GB", 4),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB", 1),
        ("NVIDIA GeForce RTX 4090", "RTX4090", 1),
        ("8×H100", "H100-80GB", 8),
        ("1xRTX3090", "RTX3090", 1),
        ("3090", "RTX3090", 1),
        ("NVIDIA H100 80GB HBM3", "H100-80GB", 1),
        ("NVIDIA H200", "H200", 1),
        ("Tesla T4", "T4", 1),
        ("Tesla V100-SXM2-16GB", "V100-16GB", 1),
        ("NVIDIA L40S", "L40S", 1),
    ],
)
def test_machines_are_known_by_their_usual_spellings(text: str, name: str, count: int) -> None:
    machine = machine_named(text)
    assert machine.gpu
    assert (machine.gpu.name, machine.count) == (name, count)


@pytest.mark.parametrize("text", ["", "0xA100", "4x", "A1000-80GB", "엔비디아", "x"])
def test_an_unknown_machine_is_wrong_usage_and_the_known_ones_are_listed(text: str) -> None:
    with pytest.raises(UsageError, match="A100-80GB"):
        machine_named(text)


def test_every_card_of_the_table_is_found_by_its_own_name() -> None:
    for name, gpu in known_gpus().items():
        assert gpu_named(name) == gpu
        assert 8e9 < gpu.memory_bytes < 300e9
        assert 5e12 < gpu.bf16_flops < 5e15


def test_this_machine_has_memory_and_a_name() -> None:
    machine = this_machine()
    assert machine.here
    assert machine.memory_bytes > 10**9


def test_a_block_is_measured_once_and_kept() -> None:
    asked: list[Any] = []

    def measure(facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        asked.append(facts)
        return {kind: {"block": 0.5, "rest": 1.0, "tokens": 1000} for kind in facts["precisions"]}

    shape, lengths, cpu = shape_of("polyglot-ko-5.8b").shape, recorded_lengths(recipe()), machine_named("cpu")
    first = duration_of(recipe(), shape, lengths, cpu, tokens=10**6, measure=measure)
    assert first.tokens_per_second.value == pytest.approx(1000 / (1.0 + 28 * 0.5))
    assert first.seconds.basis == "measured"
    again = duration_of(recipe(epochs=9, learning_rate=1e-5), shape, lengths, cpu, tokens=10**6, measure=measure)
    assert again.seconds == first.seconds
    assert len(asked) == 1
    other = replace(recipe(), model=ModelChoice(base="polyglot-ko-5.8b", precision="fp32"))
    duration_of(other, shape, lengths, cpu, tokens=10**6, measure=measure)
    assert len(asked) == 2


def test_a_processor_that_cannot_be_measured_is_assumed_and_asked_again() -> None:
    shape, lengths, cpu = shape_of("polyglot-ko-5.8b").shape, recorded_lengths(recipe()), machine_named("cpu")
    guess = duration_of(recipe(), shape, lengths, cpu, tokens=10**6, measure=lambda _: None)
    assert guess.seconds.basis == "assumed"
    asked = lambda _: {"bf16": {"block": 1.0, "rest": 1.0, "tokens": 58}}  # noqa: E731
    assert measured_speeds(recipe(), shape, lengths, asked) == {"bf16": 2.0}


def test_a_plan_is_one_json_object_with_a_basis_for_every_figure() -> None:
    facts = json.loads(json.dumps(plan_facts(plan("4xA100-80GB"))))
    bases = {"computed", "measured", "recorded", "assumed"}
    assert {part["basis"] for part in facts["memory"]["parts"].values()} <= bases
    assert {part["basis"] for part in facts["disk"].values()} <= bases
    assert facts["tokens"]["basis"] == "recorded"
    assert facts["memory"]["total"] == pytest.approx(sum(p["value"] for p in facts["memory"]["parts"].values()), abs=8)


def test_a_quantised_base_is_opened_matrix_by_matrix() -> None:
    shape = shape_of("polyglot-ko-5.8b").shape
    four = replace(recipe(recompute=1.0), model=ModelChoice(base="polyglot-ko-5.8b", precision="4bit"))
    machine = machine_named("1xRTX4090")
    with_base = memory_on(four, shape, machine, recorded_lengths(four)).parts["passing"].value
    plain = memory_on(recipe(recompute=1.0), shape, machine, recorded_lengths(recipe())).parts["passing"].value
    assert with_base - plain == 2 * 4096 * 16384


def test_gated_blocks_and_tied_heads_are_counted() -> None:
    config = {
        "model_type": "qwen2",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 100,
        "tie_word_embeddings": True,
    }
    shape = shape_of_config(config)
    assert shape.key_width == 32
    assert shape.linear_parameters == 2 * (64 * 64 * 2 + 2 * 32 * 64 + 3 * 64 * 128)
    assert shape.other_parameters < 2 * 100 * 64
    assert isinstance(shape, ModelShape)


def test_advice_is_only_given_for_what_does_not_fit() -> None:
    machine = machine_named("1xRTX4090")
    assert changes_that_fit(recipe(), machine, lambda *_: machine.memory_bytes).changes == ()
    assert changes_that_fit(recipe(), machine, lambda *_: machine.memory_bytes + 1).changes == ()


def test_a_plan_measures_nothing_where_something_else_stands_in_for_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the recipe leaves its precision and its steps to the machine."""

    def measured(_facts: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("trainer.estimate.time._measure", measured)
    plan = plan_run(load_recipe("demo-kullm"), machine_named("cpu"), measure=lambda _facts: None)
    assert plan.duration.seconds.basis == "assumed"


def test_a_pair_takes_the_room_of_two_rows_and_attends_within_each() -> None:
    single = lengths_of([200] * 1000, 100_000)
    pairs = lengths_of([400] * 1000, 200_000, pairs=1000)
    assert pairs.seen_length == single.seen_length
    votes = load_recipe("dpo-votes-24gb", ["data.evaluate=0", "train.micro_tokens=600", "train.batch=64"])
    machine = machine_named("1xRTX4090")
    assert fullest_micro_batch(votes, pairs, machine) == 600
    assert fullest_micro_batch(votes, lengths_of([400, 1000], 700, pairs=2), machine) == 1000
    assert recorded_lengths(votes).longest == 2 * votes.data.cutoff


def test_the_reference_of_pairs_takes_a_forward_over_all_of_them_before_the_first_step() -> None:
    pairs = lengths_of([400] * 1000, 200_000, pairs=1000)
    votes = load_recipe("dpo-votes-24gb", ["data.evaluate=0"])
    machine = machine_named("1xRTX4090")
    plain = replace(votes, train=replace(votes.train, kind="sft"))
    seconds = [plan_run(each, machine, lengths=pairs).duration.seconds.value for each in (votes, plain)]
    assert 1.4 < seconds[0] / seconds[1] < 1.55  # LoRA's forward is about half of what a step takes
    assert plan_run(votes, machine, lengths=pairs).fit.fits


def test_advice_never_makes_the_micro_batch_shorter_than_a_pair() -> None:
    votes = load_recipe("dpo-votes-4xa100")
    advice = plan_run(votes, machine_named("1xRTX4090")).fit.advice
    assert advice.changes
    for change in advice.changes:
        assert change.recipe.train.micro_tokens >= 2 * change.recipe.data.cutoff
