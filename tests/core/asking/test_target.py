"""One way from a name to whom to ask, for every verb and screen: each test is a name that two of them once took differently."""

import json
from pathlib import Path

import pytest

from evaluator.systems import answering_again, answering_system
from kullm_tui.core import paths
from kullm_tui.core.asking.target import resolve, split_adapter
from kullm_tui.core.compare.resolve import entrants
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.errors import AdapterError, ModelNotFound, UsageError
from kullm_tui.core.models.adapters import import_adapter
from kullm_tui.core.models.stack import stack_of
from kullm_tui.ui.conversation.asking import target_of
from kullm_tui.ui.conversation.settings import Session
from tests.architecture.project import ROOT
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer

DEMO = ROOT / "kullm_tui" / "demo" / "adapters"
FAR = EndpointSettings("far", "http://127.0.0.1:9/v1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def adapter_at(folder: Path, *, base: str = "demo-base", template: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    (folder / "kullm.toml").write_text(f'base = "{base}"\n' + (f'template = "{template}"\n' if template else ""))
    return folder


def model_at(folder: Path) -> str:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "gpt_neox"}')
    return str(folder)


def test_an_adapter_is_refused_at_an_endpoint_wherever_it_is_named() -> None:
    adapter_at(paths.adapters_dir() / "mine")
    config = Config(endpoints=(FAR,))
    for refused in (
        lambda: resolve("far/gpt", [FAR], adapter="mine"),
        lambda: resolve("far/gpt+mine", [FAR]),
        lambda: target_of(Session("far/gpt", "mine"), (FAR,)),
        lambda: answering_system("far/gpt", config, {}, adapter="mine"),
        lambda: entrants(["far/gpt+mine", "demo-kullm"], [FAR]),
    ):
        with pytest.raises(UsageError, match="어댑터를 빼거나, 이 컴퓨터에 있는 베이스 모델"):
            refused()


def test_ask_sends_nothing_to_an_endpoint_with_an_adapter_over_it(home: Path) -> None:
    with OpenAIServer() as server:
        (home / "home").mkdir(exist_ok=True)
        (home / "home" / "config.toml").write_text(
            f'endpoints = [{{name = "far", base_url = "{server.base_url}"}}]\n', encoding="utf-8"
        )
        adapter_at(home / "home" / "adapters" / "mine")
        done = kullm(home / "home", "ask", "-m", "far/gpt", "--adapter", "mine", "안녕?")
        assert done.returncode == 2
        assert "어댑터를 빼거나" in done.stderr
        assert not server.requests


@pytest.mark.parametrize("name", ["far/gpt+vision", "openai/gpt+vision"])
def test_a_plus_in_the_name_of_a_model_at_an_endpoint_belongs_to_the_name(name: str) -> None:
    assert split_adapter(name, [FAR]) == (name, "")
    assert entrants(["far/gpt+vision", "far/gpt"], [FAR])[0].target.model == "gpt+vision"


def test_a_plus_in_a_folder_of_either_side_does_not_cut_it(home: Path) -> None:
    model, adapter = model_at(home / "a+b"), adapter_at(home / "run+1" / "best+last")
    adapter_at(paths.adapters_dir() / "mine")
    assert split_adapter(model) == (model, "")
    assert split_adapter(f"{model}+mine") == (model, "mine")
    assert split_adapter(f"demo-base+{adapter}") == ("demo-base", str(adapter))
    assert split_adapter(f"{model}+{adapter}") == (model, str(adapter))
    assert split_adapter("demo-base+./run+1/best+last") == ("demo-base", "./run+1/best+last")
    assert resolve("demo-base+./run+1/best+last", ()).adapter == str(adapter)


def test_an_adapters_own_name_stands_over_its_base_for_everyone() -> None:
    adapter_at(paths.adapters_dir() / "mine", template="kullm-v2")
    for name in ("mine", "+mine", "demo-base+mine", "demo-kullm+mine"):
        target = resolve(name, ())
        assert (target.model, target.adapter, target.template) == ("demo-base", "mine", "kullm-v2"), name
        assert answering_system(name, Config(), {})[1].name == "demo-base+mine"
        assert target_of(Session(name), ())[0] == target


def test_an_adapter_over_an_adapter_is_prompted_as_the_engine_prompts_it() -> None:
    """The base of the first counts: its template too, where the second says none."""
    (adapter_at(paths.adapters_dir() / "silent") / "kullm.toml").unlink()
    engine = stack_of("demo-kullm", "silent").profile.template
    assert resolve("demo-kullm", (), adapter="silent").template == engine == resolve("demo-base", ()).template
    assert resolve("demo-kullm", ()).template != engine


def test_a_profiles_adapter_brings_its_template_as_in_the_engine() -> None:
    engine = stack_of("demo-base", "demo-kullm").profile.template
    assert resolve("demo-base", (), adapter="demo-kullm").template == engine == "kullm-v2"


def test_a_run_with_an_adapters_folder_is_taken_up_from_another_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_adapter(DEMO / "kullm", "mine")
    (paths.adapters_dir() / "mine").rename(home / "folder")
    target, system = answering_system("demo-base+./folder", Config(), {})
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    assert answering_again(system, Config()) == target


def test_what_is_no_name_is_told_with_what_to_do() -> None:
    adapter_at(paths.adapters_dir() / "orphan", base="nothing/known-here+x")
    with pytest.raises(AdapterError, match=r"베이스\+orphan"):
        resolve("orphan", ())
    with pytest.raises(AdapterError, match=r"베이스\+nothing"):
        resolve("+nothing", ())
    with pytest.raises(AdapterError, match="'none' 어댑터가 없어요"):
        resolve("demo-base+none", ())
    with pytest.raises(ModelNotFound, match=r"kullm\+"):
        resolve("kullm+", ())
    with pytest.raises(ModelNotFound, match="no-model"):
        resolve("no-model+none", ())
    assert split_adapter("owner/name+./folder") == ("owner/name", "./folder")
