"""The chat's model: kept, rolled back, and never lost on the way."""

import json
import shutil
from pathlib import Path

import pytest

from kullm_tui.core import habits
from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.models.adapters import import_adapter, remove_adapter
from kullm_tui.core.models.profiles import shipped_profiles
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.before_after import sides
from kullm_tui.feedback.keeping import chat_model, keep_model, roll_back
from kullm_tui.ui.conversation.settings import Session, last_used, remember

pytestmark = pytest.mark.usefixtures("store")  # a home of the test's own


@pytest.fixture
def mine(store: Store, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: ARG001 - in its home
    """An adapter of the user's own over the demo's base."""
    folder = tmp_path_factory.mktemp("trained") / "mine"
    shutil.copytree(shipped_profiles()["demo-koalpaca"].folder, folder)
    (folder / "kullm.toml").write_text('template = "koalpaca-v1.1"\nbase = "demo-base"\n')
    return import_adapter(folder, "mine").name


def test_what_is_kept_answers_and_rolling_back_brings_back_what_was_before(mine: str) -> None:
    set_value("model", "demo-kovicuna")
    assert keep_model(mine).before == "demo-kovicuna"
    assert load_config().model == "demo-base+mine"
    assert keep_model("demo-kullm").before == "demo-base+mine"
    assert roll_back().now == "demo-base+mine"
    assert roll_back().now == "demo-kovicuna"
    assert load_config().model == "demo-kovicuna"
    with pytest.raises(UsageError, match="되돌릴 것이 없어요"):
        roll_back()


@pytest.mark.usefixtures("mine")
def test_what_the_app_was_used_with_comes_back_too() -> None:
    """Nothing stood in the configuration: the model had been chosen in the app."""
    session = Session("demo-base", "mine", system="짧게", decoding={"temperature": 0.5})
    remember(session, "")
    assert chat_model(load_config()) == "demo-base+mine"
    keep_model("demo-kullm")
    assert last_used(load_config().model).model == "demo-kullm"
    remember(Session("demo-kullm"), "demo-kullm")  # the app was used since
    assert roll_back().now == "demo-base+mine"
    assert last_used(load_config().model) == session


def test_kept_twice_is_kept_once(mine: str) -> None:
    keep_model(mine)
    assert not keep_model("mine").changes
    roll_back()
    assert load_config().model == ""


def test_a_model_chosen_since_is_not_taken_away(mine: str) -> None:
    keep_model(mine)
    set_value("model", "demo-kovicuna")
    with pytest.raises(UsageError, match="demo-kovicuna"):
        roll_back()
    assert load_config().model == "demo-kovicuna"


def test_what_cannot_answer_is_not_kept_and_changes_nothing(tmp_path: Path) -> None:
    for name in ("none-such", "demo-base+none-such", "polyglot-ko-5.8b"):
        with pytest.raises(KullmError):
            keep_model(name)
    assert load_config().model == ""
    assert not (tmp_path / "kept-models.json").exists()


def test_what_was_before_and_is_gone_by_now_is_told_and_what_answers_stays(mine: str) -> None:
    keep_model(mine)
    keep_model("demo-kullm")
    remove_adapter(mine)
    with pytest.raises(KullmError, match="mine"):
        roll_back()
    assert load_config().model == "demo-kullm"


def test_an_adapter_whose_base_is_gone_says_so_wherever_it_is_named(mine: str, tmp_path: Path) -> None:
    gone = tmp_path / "models" / "gone"
    (tmp_path / "adapters" / mine / "kullm.toml").write_text(f'template = "koalpaca-v1.1"\nbase = "{gone}"\n')
    for refuse in (keep_model, lambda name: sides("demo-kullm", name, Config())):
        with pytest.raises(KullmError, match="베이스가 이제 없어요.*models/gone"):
            refuse(mine)
    assert load_config().model == ""


def test_a_damaged_memory_is_no_memory(tmp_path: Path, mine: str) -> None:
    keep_model(mine)
    memory = habits.recalled("kept-models.json")
    (tmp_path / "kept-models.json").write_text(json.dumps({"kept": [*memory["kept"], {"model": 3}, "x"]}))
    assert roll_back().before == "demo-base+mine"
    (tmp_path / "kept-models.json").write_text("{")
    with pytest.raises(UsageError):
        roll_back()
