"""What a system's answers are kept under follows the files that made them."""

import shutil
from pathlib import Path

from evaluator.answers import target_system
from evaluator.decodings import DECODINGS
from evaluator.system_files import files_of
from kullm_tui.core.asking.target import Target
from kullm_tui.core.models.adapters import add_to_card, import_adapter, remove_adapter
from kullm_tui.core.models.resolve import resolve
from tests.architecture.project import ROOT

DEMO = ROOT / "kullm_tui" / "demo" / "adapters"


def test_a_retrained_adapter_of_the_same_name_is_told_from_the_old_one() -> None:
    target = Target("demo-base", "demo-base", "plain", None, "mine")
    import_adapter(DEMO / "kullm", "mine")
    first, again = (target_system(target, {}) for _ in range(2))
    assert first == again
    remove_adapter("mine")
    import_adapter(DEMO / "kullm", "mine")  # the same files, another day
    assert target_system(target, {}) == first
    remove_adapter("mine")
    import_adapter(DEMO / "kovicuna", "mine")
    assert target_system(target, {}) != first


def test_who_is_to_answer_alone_is_another_system_than_who_answers_in_company() -> None:
    target = Target("demo-base", "demo-base", "plain", None)
    greedy, exact = (target_system(target, DECODINGS[name]) for name in ("greedy", "exact"))
    assert exact.source["decoding"] == {**greedy.source["decoding"], "alone": True}


def test_a_models_folder_is_known_by_what_decides_its_answers(tmp_path: Path) -> None:
    base = resolve("demo-base").folder
    assert base
    folder = tmp_path / "model"
    shutil.copytree(base, folder)
    before = files_of(str(folder))
    (folder / "README.md").write_text("a word about it")
    assert files_of(str(folder)) == before
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert files_of(str(folder)) != before


def test_the_precision_that_a_model_runs_in_is_part_of_the_system() -> None:
    target = Target("demo-base", "demo-base", "plain", None)
    assert target_system(target, {}, precision="4bit") != target_system(target, {}, precision="bf16")


def test_what_was_found_of_an_adapter_since_is_no_part_of_what_answers() -> None:
    adapter = import_adapter(DEMO / "kullm", "mine")
    target = Target("demo-base", "demo-base", "plain", None, "mine")
    before = target_system(target, {})
    add_to_card(adapter, {"before_after": [{"before": "demo-kullm"}]})
    assert target_system(target, {}) == before
