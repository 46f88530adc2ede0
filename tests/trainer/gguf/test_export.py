"""An export has its name when it is whole; what it was told to leave alone it leaves alone."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kullm_tui.core.errors import NoSpace, WeightsError
from tests.kullm_command import kullm
from tests.tiny_models import Shape, save_lora, save_model

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(find_spec("gguf") is None, reason="gguf is the extra `gguf`"),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    base = save_model(folder / "base", shape=Shape(hidden=512, layers=8, heads=8))
    adapter = save_lora(folder / "adapter", base)
    (adapter / "kullm.toml").write_text(f'base = "{base}"\ntemplate = "kullm-v2"\n')
    return base, adapter


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_export_that_is_ended_leaves_nothing_under_its_name_and_the_next_one_works(
    tmp_path: Path, pair: tuple[Path, Path], number: signal.Signals
) -> None:
    base, adapter = pair
    out = tmp_path / "out" / "one.gguf"
    command = [sys.executable, "-P", "-m", "trainer.gguf.export", str(base), str(out), "--adapter", str(adapter)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert child.stdout
    assert json.loads(child.stdout.readline())["total"] > 0  # it writes
    child.send_signal(number)
    child.stdout.close()
    code, whole = child.wait(timeout=240), ["one.Modelfile", "one.gguf"]
    left = sorted(file.name for file in out.parent.iterdir() if not file.name.startswith("."))
    assert left == ([] if code else whole)  # the export may have been quicker
    for name in left:
        (out.parent / name).unlink()
    assert subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=240, check=False).returncode == 0
    assert sorted(file.name for file in out.parent.iterdir()) == whole


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.gguf.export import export

    monkeypatch.setattr("trainer.merge_place._SPARE_BYTES", 10**18)
    with pytest.raises(NoSpace):
        export(pair[0], tmp_path / "out" / "one.gguf", "f16", adapter=pair[1])
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_there_already_is_not_written_over(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    from trainer.gguf.export import export

    for name in ("one.gguf", "one.Modelfile"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(WeightsError):
            export(pair[0], tmp_path / "one.gguf", "f16", adapter=pair[1])
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()


def test_the_shell_says_what_was_made(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    done = kullm(tmp_path, "adapters", "export-gguf", str(pair[1]), "--type", "q8_0", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["file"] == str(tmp_path / "adapter-q8_0.gguf")
    assert told["bytes"] == Path(told["file"]).stat().st_size
    assert (told["architecture"], told["template"], told["stop"], told["type"]) == (
        "gptneox",
        "kullm-v2",
        ["###"],
        "q8_0",
    )
    assert Path(told["modelfile"]).read_text().startswith("FROM ./adapter-q8_0.gguf\n")
    again = kullm(tmp_path, "adapters", "export-gguf", str(pair[1]), "--type", "q8_0")
    assert (again.returncode, "이미 있어요" in again.stderr) == (1, True)
    bloom = save_model(tmp_path / "bloom", "bloom")
    other = save_lora(tmp_path / "other", bloom)
    refused = kullm(tmp_path, "adapters", "export-gguf", str(other), "--base", str(bloom), "--out", "b.gguf")
    assert (refused.returncode, "bloom" in refused.stderr, "Traceback" in refused.stderr) == (1, True, False)
    assert not (tmp_path / "b.gguf").exists()
