"""The user's adapters: kept whole under a name, listed with what their files say, gone when removed."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from kullm_tui.commands.main import main
from kullm_tui.core import paths
from kullm_tui.core.asking.target import base_of, resolve
from kullm_tui.core.errors import AdapterError, UsageError
from kullm_tui.core.models.adapters import (
    adapter_named,
    free_name,
    import_adapter,
    list_adapters,
    prompted_as,
    publish_adapter,
    remove_adapter,
)
from kullm_tui.core.models.resolve import profile_named


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("KULLM_LANG", "ko")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return adapter_folder(tmp_path / "artifacts")


def adapter_folder(folder: Path, *, base: str = "EleutherAI/polyglot-ko-5.8b", facts: bool = True) -> Path:
    folder.mkdir(parents=True)
    options = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(options))
    (folder / "adapter_model.safetensors").write_bytes(b"x" * 1000)
    if facts:
        (folder / "kullm.toml").write_text('base = "polyglot-ko-5.8b"\ntemplate = "kullm-v2"\n')
    return folder


def test_a_published_adapter_is_listed_with_its_base_template_method_and_run(trained: Path) -> None:
    publish_adapter(trained, "mine", run="01ABC", recipe="kullm-paper-5.8b")
    (listed,) = list_adapters()
    assert (listed.name, listed.base, listed.template, listed.method) == (
        "mine",
        "polyglot-ko-5.8b",
        "kullm-v2",
        "LoRA r8",
    )
    assert (listed.run, listed.recipe) == ("01ABC", "kullm-paper-5.8b")
    assert listed.bytes > 1000
    assert listed.folder == paths.adapters_dir() / "mine"


def test_a_published_adapter_outlives_the_folder_it_came_from(trained: Path) -> None:
    adapter = publish_adapter(trained, "mine")
    for file in trained.iterdir():
        file.unlink()
    assert (adapter.folder / "adapter_model.safetensors").read_bytes() == b"x" * 1000


def test_an_adapter_without_facts_is_known_by_what_peft_wrote(tmp_path: Path) -> None:
    import_adapter(adapter_folder(tmp_path / "plain", facts=False), "plain")
    adapter = adapter_named("plain")
    assert adapter.base == "polyglot-ko-5.8b"  # the profile of the repository that peft named
    assert adapter.template == ""


def test_training_states_and_folders_are_left_behind(trained: Path) -> None:
    (trained / "optimizer.pt").write_bytes(b"o" * 5000)
    (trained / "checkpoint-5").mkdir()
    (trained / ".hidden").write_text("x")
    folder = import_adapter(trained, "mine").folder
    assert {file.name for file in folder.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "kullm.toml",
        "made.json",
    }


def test_an_archive_is_imported_as_a_folder_is(trained: Path, tmp_path: Path) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in trained.iterdir():
            packed.write(file, f"packed/{file.name}")
    assert import_adapter(archive, "packed").template == "kullm-v2"


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_folder_that_is_no_whole_adapter_is_refused_and_leaves_nothing(trained: Path, missing: str) -> None:
    (trained / missing).unlink()
    with pytest.raises(AdapterError, match="온전한 PEFT 어댑터가 없어요"):
        import_adapter(trained, "mine")
    assert list(paths.adapters_dir().iterdir()) == []


def test_a_name_that_is_taken_is_refused_and_the_old_one_stays(trained: Path, tmp_path: Path) -> None:
    publish_adapter(trained, "mine", run="first")
    with pytest.raises(AdapterError, match="이미 있어요"):
        publish_adapter(adapter_folder(tmp_path / "other"), "mine", run="second")
    assert adapter_named("mine").run == "first"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "이름", ".hidden", "A", "-x"])
def test_a_name_that_is_no_name_is_refused(trained: Path, name: str) -> None:
    with pytest.raises(UsageError, match="어댑터의 이름은"):
        import_adapter(trained, name)


def test_a_free_name_takes_the_first_number_that_nobody_has(trained: Path) -> None:
    assert free_name("kullm-paper-5.8b") == "kullm-paper-5.8b-1"
    publish_adapter(trained, "kullm-paper-5.8b-1")
    assert free_name("kullm-paper-5.8b") == "kullm-paper-5.8b-2"
    assert free_name("내 레시피 A") == "a-1"


def test_an_unknown_name_hints_at_the_nearest(trained: Path) -> None:
    publish_adapter(trained, "polite-1")
    with pytest.raises(AdapterError, match="혹시 polite-1인가요"):
        adapter_named("polite-2")


def test_a_removed_adapter_is_gone_from_list_and_disk(trained: Path) -> None:
    publish_adapter(trained, "mine")
    assert remove_adapter("mine").name == "mine"
    assert list_adapters() == []
    assert list(paths.adapters_dir().iterdir()) == []
    with pytest.raises(AdapterError):
        remove_adapter("mine")


def test_a_broken_adapter_does_not_hide_the_others(trained: Path, tmp_path: Path) -> None:
    publish_adapter(trained, "good")
    publish_adapter(adapter_folder(tmp_path / "other"), "bad")
    (paths.adapters_dir() / "bad" / "kullm.toml").write_text("template = [")
    (paths.adapters_dir() / "bad" / "adapter_config.json").write_text("{")
    assert [adapter.name for adapter in list_adapters()] == ["bad", "good"]


def test_a_base_is_prompted_as_its_adapter_was_trained(trained: Path) -> None:
    base = profile_named("polyglot-ko-5.8b")
    profile = prompted_as(base, publish_adapter(trained, "mine").folder)
    assert (base.template, profile.template) == ("plain", "kullm-v2")
    assert profile.repository == base.repository
    assert profile.eos == base.eos


def test_an_adapter_that_says_nothing_leaves_the_base_as_it_is(tmp_path: Path) -> None:
    base = profile_named("polyglot-ko-5.8b")
    assert prompted_as(base, adapter_folder(tmp_path / "plain", facts=False)) == base


def test_a_name_goes_to_the_engine_as_it_is_and_brings_its_template_and_base(trained: Path) -> None:
    publish_adapter(trained, "mine")
    target = resolve("polyglot-ko-5.8b", (), adapter="mine")
    assert (target.model, target.adapter, target.template) == ("polyglot-ko-5.8b", "mine", "kullm-v2")
    assert resolve("polyglot-ko-5.8b", ()).template == "plain"
    assert base_of("mine") == "polyglot-ko-5.8b"
    assert base_of("elsewhere") == ""


@pytest.mark.parametrize("base", ["openai", "gpt-5.6-sol", "openai/gpt-4o", "hcx-007", "lab/model"])
def test_an_adapter_that_names_an_endpoint_as_its_base_sends_nothing_there(base: str) -> None:
    """Whoever wrote its files does not decide where the questions of its users go."""
    adapter_folder(paths.adapters_dir() / "strange", base=base, facts=False)
    paths.config_file().write_text('[[endpoints]]\nname = "lab"\nbase_url = "http://lab.example/v1"\n')

    assert base_of("strange") == ""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("adapter_config.json", b"[" * 100_000),
        ("made.json", b'{"made": 1e300}'),
        ("made.json", b'{"made": NaN}'),
        ("made.json", b'{"made": ' + b"9" * 4000 + b"}"),
        ("kullm.toml", b"a = " + b"[" * 100_000),
        ("kullm.toml", b"\xff\xfe"),
        ("kullm.toml", b"base = 7"),
    ],
    ids=["nested", "far", "nan", "digits", "deep-toml", "no-text", "kind"],
)
def test_whatever_lies_in_an_adapter_it_is_listed_and_can_be_removed(
    tmp_path: Path, file: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = import_adapter(adapter_folder(tmp_path / "source"), "odd")
    (adapter.folder / file).write_bytes(content)

    assert main(["adapters", "list"]) == 0
    assert "odd" in capsys.readouterr().out
    assert main(["adapters", "list", "--json"]) == 0
    assert main(["adapters", "remove", "odd", "--yes"]) == 0
    assert not adapter.folder.exists()


def test_a_folder_without_an_adapter_is_listed_as_broken_and_can_be_removed(capsys: pytest.CaptureFixture[str]) -> None:
    folder = paths.adapters_dir() / "이름 없음 (1)"
    folder.mkdir()

    assert main(["adapters", "list"]) == 0
    assert "깨짐" in capsys.readouterr().out
    assert main(["adapters", "remove", folder.name, "--yes"]) == 0
    assert not folder.exists()


def test_an_archive_that_is_no_adapter_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    source = adapter_folder(tmp_path / "source")
    (source / "adapter_config.json").write_bytes(b"[" * 100_000)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", source)

    with pytest.raises(AdapterError):
        import_adapter(Path(archive), "odd")

    assert list(paths.adapters_dir().iterdir()) == []
