"""Folders made to hurt: what is no file, configs of absurd size, adapters that would grow. Refused by what they say, before it is done."""

import json
import os
import socket
from pathlib import Path

import pytest
import torch

from kullm_tui.core.errors import AdapterError, KullmError, WeightsError
from kullm_tui.core.models.folder_profile import profile_of_folder
from kullm_tui.core.models.prompting import chat_template_of
from kullm_tui.core.templates.tokens import load_tokenizer
from kullm_tui.engine.vocabulary import Vocabulary
from kullm_tui.weights.adapter_files import read_adapter
from kullm_tui.weights.files import open_checkpoint, pickled_tensors_of
from kullm_tui.weights.footprint import footprint
from kullm_tui.weights.loading import load_model
from kullm_tui.weights.progress import LoadCancelled
from kullm_tui.weights.skeleton import build_skeleton
from tests import tiny_models
from tests.weights.conftest import CPU

NO_FILES = ("fifo", "zero", "socket", "folder")
READ = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tiny_models.save_model(tmp_path / "tiny", "gpt_neox")
    monkeypatch.chdir(made)  # a socket's name has to be short
    return made


def _instead(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    else:
        path.mkdir()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", READ)
def test_what_is_no_regular_file_never_holds_up_a_load(folder: Path, name: str, kind: str) -> None:
    profile = profile_of_folder(folder, "tiny")
    _instead(folder / name, kind)

    def load() -> None:
        build_skeleton(folder, "bf16")
        load_tokenizer(folder)
        chat_template_of(folder, {})
        Vocabulary(folder, profile)

    if kind == "folder" and name == "generation_config.json":
        return  # nothing opens a folder
    with pytest.raises(KullmError):
        load()


def _configured(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("layers", [200_000, 2_000_000_000])
def test_a_config_of_more_layers_than_its_weights_hold_is_stopped(folder: Path, layers: int) -> None:
    _configured(folder, num_hidden_layers=layers)
    made = 0

    def count() -> bool:
        nonlocal made
        made += 1
        return False

    with pytest.raises(WeightsError, match="layers"):
        footprint(folder, "4bit", CPU, cancelled=count)
    assert made < 50_000  # of millions of parts


@pytest.mark.parametrize("kind", ["gpt_neo", "gpt_bigcode"])
def test_a_mask_of_positions_by_positions_is_not_begun(folder: Path, kind: str) -> None:
    _configured(folder, model_type=kind, max_position_embeddings=100_000, n_positions=100_000)
    with pytest.raises(WeightsError, match="100000"):
        footprint(folder, "4bit", CPU)


def test_a_load_is_called_off_while_the_model_is_built(folder: Path) -> None:
    asked = iter(range(1_000_000))

    with pytest.raises(LoadCancelled):
        load_model(folder, precision="4bit", device=CPU, progress=lambda _: None, cancelled=lambda: next(asked) > 5)
    assert next(asked) == 7
    assert build_skeleton(folder, "4bit").model  # no hook stays behind


def test_a_tokenizer_of_three_million_entries_is_not_begun(folder: Path) -> None:
    vocabulary = {f"{number:x}": number for number in range(3_000_000)}
    table = {"version": "1.0", "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "0"}}
    (folder / "tokenizer.json").write_text(json.dumps(table))
    with pytest.raises(WeightsError):
        load_tokenizer(folder)


def _adapter(folder: Path, tensors: dict[str, torch.Tensor], *, legacy: bool = False) -> Path:
    folder.mkdir()
    options = {"peft_type": "LORA", "r": 4, "target_modules": ["query_key_value"], "base_model_name_or_path": "x"}
    (folder / "adapter_config.json").write_text(json.dumps(options))
    torch.save(tensors, folder / "adapter_model.bin", _use_new_zipfile_serialization=not legacy)
    return folder


KEY = "base_model.model.gpt_neox.layers.0.attention.query_key_value.lora_A.weight"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("strides", [(0, 0), (0, 1)])
def test_an_adapter_of_ten_kilobytes_never_becomes_gigabytes(
    tmp_path: Path, legacy: bool, strides: tuple[int, int]
) -> None:
    wide = torch.as_strided(torch.zeros(31_000 // 31), (31_000, 1_000), strides)
    folder = _adapter(tmp_path / "bomb", {KEY: wide}, legacy=legacy)
    assert (folder / "adapter_model.bin").stat().st_size < 10_240
    with pytest.raises(AdapterError):
        read_adapter(folder)


def test_many_names_for_one_storage_are_counted(tmp_path: Path) -> None:
    one = torch.zeros(1_000)
    torch.save({f"t{number}": one for number in range(10_000)}, tmp_path / "many.bin")
    with pytest.raises(WeightsError, match="tells of more"):
        pickled_tensors_of(tmp_path / "many.bin")


def test_tied_weights_in_a_pickle_are_read(tmp_path: Path) -> None:
    one = torch.randn(30, 40)
    torch.save({"embed": one, "head": one}, tmp_path / "pytorch_model.bin")
    assert {tensor.shape for tensor in open_checkpoint(tmp_path).tensors.values()} == {(30, 40)}


@pytest.mark.parametrize("harm", [b"\x96" + b"\xff" * 7 + b"\x0f", b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR."])
def test_a_pickle_cannot_ask_for_room(tmp_path: Path, harm: bytes) -> None:
    file = tmp_path / "harm.bin"
    torch.save({"a": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    file.write_bytes(b"\x80\x05" + harm + file.read_bytes())
    with pytest.raises(WeightsError):
        pickled_tensors_of(file)
