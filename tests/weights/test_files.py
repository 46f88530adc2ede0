import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch

from kullm_tui.core.errors import WeightsError
from kullm_tui.weights.files import TensorReader, open_checkpoint
from tests import tiny_models


def _folder(tmp_path: Path, **settings: object) -> Path:
    return tiny_models.save_model(tmp_path / "m", "gpt_neox", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(share: float, pickled: bool, tmp_path: Path) -> None:
    folder = _folder(tmp_path, pickled=pickled)
    file = folder / ("pytorch_model.bin" if pickled else "model.safetensors")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(WeightsError, match="truncated or damaged.*Copy the folder from its source again"):
        open_checkpoint(folder)


def test_a_truncated_file_of_the_hub_is_fetched_again_by_its_repository(tmp_path: Path) -> None:
    folder = tiny_models.save_model(tmp_path / "models--skt--kogpt2" / "snapshots" / "abc", "gpt_neox")
    (folder / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(WeightsError, match="truncated or damaged.*`kullm models pull skt/kogpt2`"):
        open_checkpoint(folder)


def test_a_file_that_the_disk_does_not_give_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to("/proc/self/mem")
    with pytest.raises(WeightsError, match="model.safetensors could not be read or written.*No such device"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1 << 40]}},
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
        {"a": "no"},
        [],
    ],
)
def test_a_header_that_lies_is_refused(header: object, tmp_path: Path) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    with pytest.raises(WeightsError, match="truncated or damaged"):
        open_checkpoint(tmp_path)


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(WeightsError, match="truncated or damaged"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("pickled", [False, True])
def test_a_missing_shard_is_named(pickled: bool, tmp_path: Path) -> None:
    folder = _folder(tmp_path, shard_bytes=100_000, pickled=pickled)
    shard = sorted(folder.glob("*-00002-of-*"))[0]
    shard.unlink()
    with pytest.raises(WeightsError, match=f"{shard.name} is missing"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "a\\b", ""])
def test_an_index_that_points_outside_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(WeightsError, match="outside the folder"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"weight_map": 3}', '{"weights": {}}'])
def test_an_index_that_is_no_index_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(WeightsError, match="index cannot be read"):
        open_checkpoint(tmp_path)


def test_links_into_the_hub_cache_are_followed(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    blob = tmp_path / "blobs" / "abc"
    blob.parent.mkdir()
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    assert open_checkpoint(folder).tensors


class _Mischief:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("plain", [False, True])
def test_a_pickle_with_code_is_refused_and_its_code_never_runs(plain: bool, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    payload = {"weight": torch.ones(2), "extra": _Mischief(marker)}
    path = tmp_path / "pytorch_model.bin"
    if plain:
        path.write_bytes(pickle.dumps(_Mischief(marker), protocol=2))
    else:
        torch.save(payload, path)
    with pytest.raises(WeightsError, match="carries code|truncated or damaged"):
        open_checkpoint(tmp_path)
    assert not marker.exists()


def test_pickles_of_the_older_layout_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(4.0)}, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    checkpoint = open_checkpoint(tmp_path)
    assert torch.equal(TensorReader(checkpoint).read("a"), torch.arange(4.0))


def test_safetensors_are_preferred_over_a_pickle(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    torch.save({"a": torch.ones(1)}, folder / "pytorch_model.bin")
    assert not open_checkpoint(folder).pickled


def test_an_adapter_taken_for_a_model_is_called_an_adapter(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(WeightsError, match="is an adapter"):
        open_checkpoint(tmp_path)


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model.safetensors"):
        open_checkpoint(tmp_path)
