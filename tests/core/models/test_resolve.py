import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import ConfigError, KullmError, ModelNotFound
from kullm_tui.core.hub.cache import repository_folder
from kullm_tui.core.models.profiles import save_profile
from kullm_tui.core.models.resolve import is_downloaded, local_folder, profile_named, resolve

NEOX = {"model_type": "gpt_neox", "vocab_size": 500, "max_position_embeddings": 256, "eos_token_id": 3}
COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("KULLM_LANG", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **files: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def downloaded(repository: str, config: Mapping[str, Any]) -> Path:
    folder = repository_folder(repository)
    snapshot = write(folder / "snapshots" / COMMIT, config=config)
    (snapshot / "model.safetensors").write_bytes(b"x")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    return snapshot


def test_a_profile_that_is_not_downloaded_says_how_to_fetch_it() -> None:
    ref = resolve("kullm-5.8b")
    assert (ref.kind, ref.folder, ref.profile.template) == ("profile", None, "kullm-v2")
    with pytest.raises(ModelNotFound, match=r"kullm models pull kullm-5\.8b"):
        local_folder(ref)


def test_a_downloaded_profile_is_found_in_the_hub_cache() -> None:
    snapshot = downloaded("nlpai-lab/kullm-polyglot-5.8b-v2", NEOX)
    ref = resolve("kullm-5.8b")
    assert local_folder(ref) == snapshot
    assert is_downloaded(profile_named("kullm-5.8b"))
    assert ref.profile.context == 2048


def test_a_context_that_no_profile_states_comes_from_the_files() -> None:
    assert resolve("qwen3-4b").profile.context == 0
    downloaded("Qwen/Qwen3-4B", {"model_type": "qwen3", "max_position_embeddings": 40960})
    assert resolve("qwen3-4b").profile.context == 40960


def test_an_unknown_name_names_the_nearest() -> None:
    for ask in (resolve, profile_named):
        with pytest.raises(ModelNotFound, match=r"Did you mean koalpaca-5\.8b"):
            ask("koalpaka-5.8b")
    with pytest.raises(ModelNotFound, match="no model ''"):
        resolve("")


def test_a_folder_is_described_by_its_files(home: Path) -> None:
    folder = write(home / "mine", config=NEOX, generation_config={"eos_token_id": [3, 5]})
    ref = resolve(str(folder))
    assert (ref.kind, ref.folder) == ("folder", folder)
    assert (ref.profile.template, ref.profile.eos, ref.profile.context) == ("plain", (3, 5), 256)
    assert resolve("./mine").folder == folder
    assert local_folder(resolve("mine")) == folder


def test_a_folder_with_a_chat_template_uses_it(home: Path) -> None:
    folder = write(home / "mine", config=NEOX, tokenizer_config={"chat_template": "{{ messages }}"})
    assert resolve(str(folder)).profile.template == "tokenizer"
    other = write(home / "other", config=NEOX)
    (other / "chat_template.jinja").write_text("{{ messages }}")
    assert resolve(str(other)).profile.template == "tokenizer"


def test_a_folder_may_name_its_template(home: Path) -> None:
    folder = write(home / "mine", config=NEOX, tokenizer_config={"chat_template": "{{ messages }}"})
    (folder / "kullm.toml").write_text('template = "kullm-v2"\n')
    profile = resolve(str(folder)).profile
    assert (profile.template, profile.stop, profile.defaults.num_beams) == ("kullm-v2", ("###",), 1)
    assert profile.eos == (3,)
    (folder / "kullm.toml").write_text('templat = "kullm-v2"\n')
    with pytest.raises(ConfigError, match="Did you mean template"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("config", "ids"),
    [
        ({"model_type": "gpt_neox", "vocab_size": 30080, "bos_token_id": 0, "eos_token_id": 0}, (None, (2,), 2)),
        ({"model_type": "gpt_neox", "vocab_size": 50432, "eos_token_id": 0}, (None, (0,), None)),
        ({"model_type": "llama", "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}, (1, (2,), 0)),
        ({"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": -1}, (None, (2,), None)),
    ],
)
def test_wrong_ids_of_known_families_are_put_right(home: Path, config: Mapping[str, Any], ids: object) -> None:
    profile = resolve(str(write(home / "mine", config=config))).profile
    assert (profile.bos, profile.eos, profile.pad) == ids


def test_an_adapters_folder_finds_the_profile_of_its_base(home: Path) -> None:
    base = {"base_model_name_or_path": "EleutherAI/polyglot-ko-5.8b", "peft_type": "LORA"}
    profile = resolve(str(write(home / "mine", adapter_config=base))).profile
    assert (profile.kind, profile.base) == ("adapter", "polyglot-ko-5.8b")
    assert (profile.context, profile.eos, profile.pad) == (2048, (2,), 2)


def test_an_adapters_folder_may_stand_on_a_folder(home: Path) -> None:
    base = write(home / "base", config=NEOX)
    folder = write(home / "mine", adapter_config={"base_model_name_or_path": str(base)})
    (folder / "kullm.toml").write_text('template = "koalpaca-v1.1"\n')
    profile = resolve(str(folder)).profile
    assert (profile.base, profile.template, profile.context, profile.eos) == (str(base), "koalpaca-v1.1", 256, (3,))


def test_an_adapter_whose_base_is_nowhere_or_itself_is_no_endless_search(home: Path) -> None:
    folder = write(home / "mine", adapter_config={"base_model_name_or_path": str(home / "mine")})
    assert resolve(str(folder)).profile.context == 0
    save_profile("loop", {"kind": "adapter", "repository": "a/b", "base": "loop"})
    assert resolve("loop").profile.base == "loop"


def test_a_folder_without_a_model_and_a_broken_one_are_told(home: Path) -> None:
    (home / "empty").mkdir()
    with pytest.raises(ModelNotFound, match=r"neither config\.json"):
        resolve(str(home / "empty"))
    (home / "empty" / "config.json").write_text('{"model_type"')
    with pytest.raises(KullmError, match="cut short or not JSON"):
        resolve(str(home / "empty"))
    for missing in ("/no/such/folder", "./nothing", "~/nothing-at-all"):
        with pytest.raises(ModelNotFound, match="no folder"):
            resolve(missing)


def test_a_repository_that_a_profile_speaks_of_is_prompted_as_it_says() -> None:
    ref = resolve("nlpai-lab/KULLM-polyglot-12.8b-v2")
    assert (ref.kind, ref.profile.template, ref.profile.eos) == ("repository", "kullm-v2", (2,))


def test_another_repository_is_described_once_it_is_here() -> None:
    assert resolve("someone/model").profile.template == "plain"
    with pytest.raises(ModelNotFound, match="kullm models pull someone/model"):
        local_folder(resolve("someone/model"))
    snapshot = downloaded("someone/model", NEOX)
    ref = resolve("someone/model")
    assert (ref.folder, ref.profile.context, ref.profile.repository) == (snapshot, 256, "someone/model")


def test_an_endpoint_takes_the_model_behind_the_slash() -> None:
    endpoints = [EndpointSettings("lab", "https://lab.example/v1", "LAB_KEY")]
    profile = resolve("lab/meta/llama", endpoints=endpoints).profile
    assert (profile.kind, profile.endpoint, profile.model, profile.key) == (
        "endpoint",
        "https://lab.example/v1",
        "meta/llama",
        "LAB_KEY",
    )
    with pytest.raises(ModelNotFound, match="lab/MODEL"):
        resolve("lab", endpoints=endpoints)
    shipped = resolve("openai/gpt-4o")
    assert (shipped.kind, shipped.profile.model) == ("endpoint", "gpt-4o")
    assert shipped.profile.endpoint == "https://api.openai.com/v1"
    assert resolve("hyperclovax").profile.model == "HCX-007"
    with pytest.raises(ModelNotFound, match="lives at an endpoint"):
        local_folder(shipped)


def test_a_folder_of_the_users_that_moved_away_is_told(home: Path) -> None:
    folder = write(home / "mine", config=NEOX)
    save_profile("mine-too", {"folder": str(folder), "template": "kullm-v2"})
    assert local_folder(resolve("mine-too")) == folder
    assert resolve("mine-too").profile.context == 256
    (folder / "config.json").unlink()
    folder.rmdir()
    with pytest.raises(ModelNotFound, match="is gone"):
        local_folder(resolve("mine-too"))
