"""lm-evaluation-harness from outside: what it is called with, what it may not see, what its files mean. It is not needed for this."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluator.harness import (
    KOBEST,
    Asked,
    checked_tasks,
    harness_command,
    harness_environment,
    read_results,
    result_lines,
    write_tokenizer,
)
from kullm_tui.core.errors import KullmError, UsageError

ASKED = Asked(("kobest_boolq", "kobest_copa"), "evaluated", "http://127.0.0.1:8377/v1", Path("/tok,en=izer"), 1024)
# As lm-evaluation-harness 0.4.13 writes them, shortened.
RESULTS: dict[str, Any] = {
    "results": {
        "kobest_boolq": {
            "alias": "kobest_boolq", "acc,none": 0.5, "acc_stderr,none": 0.0133, "f1,none": 0.334, "f1_stderr,none": "N/A",
        },
        "kobest_hellaswag": {"acc_norm,none": 0.4, "acc_norm_stderr,none": 0.02, "perplexity,none": 9.5, "perplexity_stderr,none": 0.5},
    },
    "n-shot": {"kobest_boolq": 5, "kobest_hellaswag": 0},
    "n-samples": {"kobest_boolq": {"original": 1404, "effective": 1404}, "kobest_hellaswag": {"original": 500, "effective": 20}},
    "versions": {"kobest_boolq": 1.0},
}  # fmt: skip


def model_args(command: list[str]) -> dict[str, Any]:
    arguments: dict[str, Any] = json.loads(command[command.index("--model_args") + 1])
    return arguments


def test_it_is_a_child_that_sees_only_installed_modules_and_asks_the_completions_route() -> None:
    command = harness_command(ASKED, Path("out"), Path("cache"))
    assert command[:4] == [sys.executable, "-P", "-m", "lm_eval"]
    assert command[command.index("--tasks") + 1] == "kobest_boolq,kobest_copa"
    arguments = model_args(command)
    assert arguments["base_url"] == "http://127.0.0.1:8377/v1/completions"
    assert (arguments["tokenizer"], arguments["tokenized_requests"], arguments["max_length"]) == (
        "/tok,en=izer",
        True,
        1024,
    )
    assert not {"--num_fewshot", "--limit", "--apply_chat_template", "--include_path"} & set(command)


def test_the_key_goes_through_the_environment_and_nothing_for_this_machine_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    monkeypatch.setenv("NO_PROXY", "intra.example")
    environment = harness_environment("sk-of-the-server")
    assert environment["OPENAI_API_KEY"] == "sk-of-the-server"
    assert environment["NO_PROXY"] == "intra.example,127.0.0.1,localhost"
    assert environment["HF_EVALUATE_OFFLINE"] == "1"
    assert not any("sk-of" in part for part in harness_command(ASKED, Path("out"), Path("cache")))


def test_a_question_begins_with_bos_only_where_no_template_writes_it() -> None:
    def begins(**more: Any) -> bool:
        asked = Asked(("t",), "m", "http://h/v1", Path("/t"), 512, begins_with_bos=True, **more)
        return bool(model_args(harness_command(asked, Path("o"), Path("c")))["add_bos_token"])

    assert begins()
    assert not begins(chat=True)


def test_tasks_are_names_and_never_options() -> None:
    assert checked_tasks("kobest") == KOBEST
    assert checked_tasks(" kobest_copa , arc_easy,kobest_copa") == ("kobest_copa", "arc_easy")
    for bad in ("", ",", "--trust_remote_code", "a b", "a;b"):
        with pytest.raises(UsageError):
            checked_tasks(bad)


def test_what_the_harness_lacks_is_asked_for_by_our_own_file() -> None:
    asked = replace(ASKED, tasks=(*checked_tasks("klue"), "kmmlu_redux", "kobest_copa"))
    command = harness_command(asked, Path("out"), Path("cache"))
    *ours, theirs = command[command.index("--tasks") + 1].split(",")
    assert theirs == "kobest_copa"
    assert [Path(one).stem for one in ours] == ["klue_nli", "klue_sts", "klue_ynat", "kmmlu_redux"]
    assert all(f"task: {Path(one).stem}\n" in Path(one).read_text(encoding="utf-8") for one in ours)


def test_results_are_read_with_their_intervals(tmp_path: Path) -> None:
    folder = tmp_path / "evaluated"
    folder.mkdir()
    (folder / "results_2026-11-21.json").write_text(json.dumps(RESULTS))
    boolq, hellaswag = read_results(tmp_path)
    accuracy, f1 = boolq.metrics
    assert (boolq.items, boolq.shots, accuracy.name, accuracy.value) == (1404, 5, "acc", 0.5)
    assert accuracy.interval is not None
    assert round(accuracy.interval.low, 3) == 0.474  # Wilson for 702 of 1404
    assert f1.interval is None
    norm, perplexity = hellaswag.metrics
    assert norm.interval is not None
    assert (round(norm.interval.low, 3), hellaswag.items) == (0.219, 20)  # Wilson for 8 of 20
    assert perplexity.interval is not None
    assert perplexity.interval.high == pytest.approx(9.5 + 1.96 * 0.5, abs=1e-3)
    assert result_lines([boolq])[1] == ["kobest_boolq", "acc", "0.500", "0.474–0.526", "1404", "5"]


def test_a_group_has_the_items_of_all_its_tasks_and_the_harness_own_error(tmp_path: Path) -> None:
    """As of CLIcK, whose groups hold groups."""
    told = {
        "results": {"click": {"acc,none": 0.6, "acc_stderr,none": 0.01}, "click_lang": {}, "click_text": {"acc,none": 0.5}},
        "group_subtasks": {"click": ["click_lang", "click_cul"], "click_lang": ["click_text"], "loop": ["loop"]},
        "n-samples": {"click_text": {"original": 285, "effective": 40}, "click_cul": {"original": 60, "effective": 60}},
    }  # fmt: skip
    (tmp_path / "results_1.json").write_text(json.dumps(told))
    click, lang, text = read_results(tmp_path)

    assert (click.items, lang.items, text.items) == (100, 40, 40)
    assert click.metrics[0].interval is not None
    assert click.metrics[0].interval.high == pytest.approx(0.6196, abs=1e-4)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"results": {"t": 3}}'])
def test_results_that_cannot_be_read_are_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(KullmError, match="읽을 수 없어요"):
        read_results(tmp_path)
    (tmp_path / "results_1.json").write_text(text)
    with pytest.raises(KullmError, match="읽을 수 없어요"):
        read_results(tmp_path)


def test_the_tokenizers_folder_holds_the_template_that_the_model_is_asked_in(tmp_path: Path) -> None:
    source, target = tmp_path / "model", tmp_path / "tokenizer"
    source.mkdir()
    target.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "chat_template.jinja", "model.safetensors"):
        (source / name).write_text(name)
    write_tokenizer(source, target, "{{ messages }}")
    assert (target / "chat_template.jinja").read_text() == "{{ messages }}"
    assert sorted(file.name for file in target.iterdir()) == [
        "chat_template.jinja", "config.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
