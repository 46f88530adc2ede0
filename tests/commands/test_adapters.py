"""`kullm adapters`: what is there, what comes in, what goes, and what becomes a whole model."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.hub_uploads import TOKEN, upload_server
from tests.kullm_command import Terminal, kullm, start
from tests.tiny_models import Shape, save_lora, save_model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base, and an adapter over it with its template."""
    folder = tmp_path_factory.mktemp("trained")
    base = save_model(folder / "base")
    adapter = save_lora(folder / "adapter", base)
    (adapter / "kullm.toml").write_text(f'base = "{base}"\ntemplate = "kullm-v2"\n')
    return base, adapter


def test_an_empty_list_says_how_to_get_one(tmp_path: Path) -> None:
    done = kullm(tmp_path, "adapters", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "kullm train" in done.stderr


def test_an_imported_adapter_is_listed_with_what_it_is(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    base, adapter = trained
    done = kullm(tmp_path, "adapters", "import", str(adapter), "--name", "mine")
    assert done.returncode == 0
    assert done.stdout == f'kullm ask -m {base} --adapter mine "안녕하세요?"\n'
    listed = kullm(tmp_path, "adapters", "list").stdout
    assert listed.startswith("mine")
    assert all(fact in listed for fact in (str(base), "kullm-v2", "LoRA r4", "MB"))
    facts = json.loads(kullm(tmp_path, "adapters", "list", "--json").stdout)
    assert (facts["name"], facts["base"], facts["template"], facts["run"]) == ("mine", str(base), "kullm-v2", None)
    assert facts["bytes"] > 1000


def test_without_a_name_the_folders_own_is_taken_and_numbered(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    for name in ("adapter-1", "adapter-2"):
        assert f"--adapter {name} " in kullm(tmp_path, "adapters", "import", str(trained[1])).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("import", "./no/such"), 1, "경로를 확인"),
        (("import", "."), 1, "온전한 PEFT 어댑터가 없어요"),
        (("remove", "none", "--yes"), 1, "'none' 어댑터가 없어요"),
        (("merge", "none", "--to", "x"), 1, "'none' 어댑터가 없어요"),
        (("merge", "none"), 2, "빠진 인자가 있어요: --to"),
        (("export-gguf", "none", "--type", "q2_k"), 2, "q2_k"),
        (("import",), 2, "빠진 인자가 있어요"),
        (("fly",), 2, "list"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = kullm(tmp_path, "adapters", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pipe_removes_only_with_yes(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    kullm(tmp_path, "adapters", "import", str(trained[1]), "--name", "mine")
    done = kullm(tmp_path, "adapters", "remove", "mine")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert kullm(tmp_path, "adapters", "remove", "mine", "--yes").returncode == 0
    assert kullm(tmp_path, "adapters", "list").stdout == ""


@pytest.mark.parametrize(("answer", "left"), [("n\n", 1), ("네\n", 0)])
def test_a_terminal_asks_before_removing(tmp_path: Path, trained: tuple[Path, Path], answer: str, left: int) -> None:
    kullm(tmp_path, "adapters", "import", str(trained[1]), "--name", "mine")
    terminal = Terminal(tmp_path, "adapters", "remove", "mine")
    terminal.waits_for("지울까요?")
    terminal.types(answer)
    assert terminal.ends() == left
    assert len(list((tmp_path / "adapters").iterdir())) == left


def test_a_merged_adapter_is_a_model_folder_and_its_progress_stays_off_a_pipe(
    tmp_path: Path, trained: tuple[Path, Path]
) -> None:
    kullm(tmp_path, "adapters", "import", str(trained[1]), "--name", "mine")
    done = kullm(tmp_path, "adapters", "merge", "mine", "--to", "merged")
    assert (done.returncode, done.stdout) == (0, f'kullm ask -m {tmp_path / "merged"} "안녕하세요?"\n')
    assert "%" not in done.stderr
    assert {"config.json", "model.safetensors", "tokenizer.json", "kullm.toml"} <= {
        file.name for file in (tmp_path / "merged").iterdir()
    }


def test_a_merged_model_goes_to_the_hub_with_its_card(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    merging = ("adapters", "merge", str(trained[1]), "--to", "merged", "--push", "me/merged")
    with upload_server() as hub:
        more = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        unasked = kullm(tmp_path, *merging, env=more)
        assert (unasked.returncode != 0, "--yes" in unasked.stderr) == (True, True)
        assert not hub.requests
        assert not (tmp_path / "merged").exists()
        done = kullm(tmp_path, *merging, "--yes", env=more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"{hub.url}/me/merged"
        assert (hub.kinds, hub.private) == ({"me/merged": "models"}, {"me/merged": True})
        folder = tmp_path / "merged"
        assert hub.files["me/merged"] == {path.name: path.read_bytes() for path in folder.iterdir()}
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlanguage:\n- ko\n")
    assert all(fact in card for fact in ("LoRA r4", "kullm-v2", "apply_chat_template", '["###"]'))
    assert TOKEN not in done.stdout + done.stderr + card


def test_without_a_token_nothing_is_merged_for_the_hub(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    done = kullm(tmp_path, "adapters", "merge", str(trained[1]), "--to", "merged", "--push", "me/merged", "--yes")
    assert (done.returncode, "kullm keys set HF_TOKEN" in done.stderr) == (1, True)
    assert not (tmp_path / "merged").exists()


def test_an_adapter_of_another_base_is_told_in_the_merges_own_words(tmp_path: Path, trained: tuple[Path, Path]) -> None:
    other = save_model(tmp_path / "other", shape=Shape(hidden=32))
    done = kullm(tmp_path, "adapters", "merge", str(trained[1]), "--base", str(other), "--to", "merged")
    assert done.returncode == 1
    assert "학습되었지만" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "merged").exists()


def test_ctrl_c_ends_a_merge_and_leaves_nothing(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base", shape=Shape(hidden=1024, layers=12, heads=8))
    adapter = save_lora(tmp_path / "adapter", base)
    merge = start(tmp_path, "adapters", "merge", str(adapter), "--base", str(base), "--to", str(tmp_path / "out" / "m"))
    deadline = time.monotonic() + 240
    while not (tmp_path / "out" / ".m.merging").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    merge.send_signal(signal.SIGINT)
    _, told = merge.communicate(timeout=240)
    assert merge.returncode in (130, 0), told  # the merge may have been quicker
    assert [file.name for file in (tmp_path / "out").iterdir()] == ([] if merge.returncode else ["m"])
