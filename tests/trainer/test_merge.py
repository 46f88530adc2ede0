"""A merged model says what its base with the adapter says, is made in little memory, and is seen only when it is whole."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from kullm_tui.core.errors import AdapterError, NoSpace, WeightsError
from tests.tiny_models import Shape, save_ia3, save_lora, save_model
from trainer.merge import merge

IDS = torch.tensor([[5, 17, 300, 42, 7, 9, 120, 33]])


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(input_ids=IDS).logits.float()
    return found


def adapted(base: Path, adapter: Path, dtype: torch.dtype = torch.float32) -> Any:
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=dtype), adapter)


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")  # peft, of GPT-2's own layers
@pytest.mark.parametrize("family", ["gpt_neox", "llama", "gpt2", "bloom"])
def test_a_merged_lora_gives_the_logits_of_base_and_adapter(tmp_path: Path, family: str) -> None:
    base = save_model(tmp_path / "base", family)
    adapter = save_lora(tmp_path / "adapter", base)
    model = AutoModelForCausalLM.from_pretrained(merge(adapter, base, tmp_path / "merged"), dtype=torch.float32)
    expected = logits(adapted(base, adapter))
    torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, logits(AutoModelForCausalLM.from_pretrained(base)), atol=0.05)


@pytest.mark.parametrize("family", ["gpt_neox", "llama"])
def test_a_merged_ia3_gives_the_logits_of_base_and_adapter(tmp_path: Path, family: str) -> None:
    base = save_model(tmp_path / "base", family)
    adapter = save_ia3(tmp_path / "adapter", base)
    model = AutoModelForCausalLM.from_pretrained(merge(adapter, base, tmp_path / "merged"), dtype=torch.float32)
    torch.testing.assert_close(logits(model), logits(adapted(base, adapter)), rtol=1e-4, atol=1e-4)


def test_a_bf16_base_is_rounded_once(tmp_path: Path) -> None:
    """The merged weights are the nearest bf16 numbers to the exact sums, and nothing else changes."""
    base = save_model(tmp_path / "base", dtype=torch.bfloat16)
    adapter = save_lora(tmp_path / "adapter", base, strength=0.02)
    merged = AutoModelForCausalLM.from_pretrained(merge(adapter, base, tmp_path / "merged"), dtype=torch.bfloat16)
    exact = adapted(base, adapter).merge_and_unload()  # in fp32
    for name, weight in merged.state_dict().items():
        assert torch.equal(weight, exact.state_dict()[name].bfloat16()), name
    torch.testing.assert_close(logits(merged), logits(exact), rtol=0.1, atol=0.15)


def test_rank_and_strength_by_pattern_are_read_as_peft_reads_them(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base)
    options = {"rank_pattern": {"layers.1.attention.query_key_value": 2}, "alpha_pattern": {"dense": 3}}
    config = LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules=["query_key_value", "dense"], **options)
    peft = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in peft.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3)
    peft.save_pretrained(tmp_path / "adapter")
    merged = AutoModelForCausalLM.from_pretrained(merge(tmp_path / "adapter", base, tmp_path / "merged"))
    torch.testing.assert_close(logits(merged), logits(peft), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pickled", [False, True])
def test_a_base_in_several_files_is_merged_whole(tmp_path: Path, pickled: bool) -> None:
    base = save_model(tmp_path / "base", shard_bytes=150_000, pickled=pickled)
    assert len(list(base.glob("*model-*-of-*"))) > 1
    adapter = save_lora(tmp_path / "adapter", base)
    model = AutoModelForCausalLM.from_pretrained(merge(adapter, base, tmp_path / "merged"))
    torch.testing.assert_close(logits(model), logits(adapted(base, adapter)), rtol=1e-4, atol=1e-4)


def test_a_large_checkpoint_is_written_in_shards_with_an_index(tmp_path: Path) -> None:
    from kullm_tui.weights.files import TensorReader, open_checkpoint
    from trainer.merge_files import INDEX, write_checkpoint

    base = save_model(tmp_path / "base")
    checkpoint = open_checkpoint(base)
    out = tmp_path / "out"
    out.mkdir()
    sizes: list[int] = []
    read = TensorReader(checkpoint)
    write_checkpoint(
        out, checkpoint.tensors.values(), lambda one: read.read(one.key), wrote=sizes.append, shard_bytes=100_000
    )
    (out / "config.json").write_bytes((base / "config.json").read_bytes())
    assert len(list(out.glob("model-*.safetensors"))) > 1
    assert json.loads((out / INDEX).read_text())["metadata"]["total_size"] == sum(sizes)
    assert torch.equal(
        logits(AutoModelForCausalLM.from_pretrained(out)), logits(AutoModelForCausalLM.from_pretrained(base))
    )


def test_the_tokenizer_comes_along_with_the_template_of_the_training(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    adapter = save_lora(tmp_path / "adapter", base)
    (adapter / "kullm.toml").write_text('base = "polyglot-ko-5.8b"\ntemplate = "kullm-v2"\n')
    merged = merge(adapter, base, tmp_path / "merged")
    tokenizer = AutoTokenizer.from_pretrained(merged)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "안녕?"}], tokenize=False, add_generation_prompt=True
    )
    assert prompt.endswith("### 명령어:\n안녕?\n\n### 응답:\n")
    assert (merged / "kullm.toml").read_text() == 'template = "kullm-v2"\n'


def test_a_base_that_is_quantised_already_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    base = save_model(tmp_path / "base")
    adapter = save_lora(tmp_path / "adapter", base)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "awq"}}))
    with pytest.raises(WeightsError, match="이미 양자화된"):
        merge(adapter, base, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_an_adapter_of_another_base_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    other = save_model(tmp_path / "other", shape=Shape(hidden=32))
    with pytest.raises(AdapterError):
        merge(save_lora(tmp_path / "adapter", other), base, tmp_path / "out" / "merged")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_what_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    adapter = save_lora(tmp_path / "adapter", base)
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "mine.txt").write_text("x")
    with pytest.raises(WeightsError):
        merge(adapter, base, tmp_path / "merged")
    assert (tmp_path / "merged" / "mine.txt").read_text() == "x"


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.merge_place._SPARE_BYTES", 10**18)  # more than any disk has
    base = save_model(tmp_path / "base")
    with pytest.raises(NoSpace):
        merge(save_lora(tmp_path / "adapter", base), base, tmp_path / "out" / "merged")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """A base of about 240 MB with an adapter on every one of its layers."""
    folder = tmp_path_factory.mktemp("large")
    base = save_model(folder / "base", shape=Shape(hidden=1024, layers=14, heads=8), dtype=torch.bfloat16)
    adapter = save_lora(folder / "adapter", base)
    return base, adapter, sum(file.stat().st_size for file in base.glob("*.safetensors"))


_PEAK = """
import resource, sys
from pathlib import Path
from trainer.merge import merge
merge(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
_IDLE = """
import resource
import trainer.merge
from transformers import GPTNeoXForCausalLM
from peft.utils.other import get_pattern_key
print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def _peak(code: str, *arguments: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return int(done.stdout.split("PEAK")[1])


def test_memory_holds_a_few_tensors_whatever_the_model_weighs(tmp_path: Path, large: tuple[Path, Path, int]) -> None:
    base, adapter, size = large
    assert size > 200_000_000
    beside = _peak(_PEAK, adapter, base, tmp_path / "merged") - _peak(_IDLE)
    assert beside < 0.35 * size


def test_a_merge_that_is_ended_leaves_nothing_and_the_next_one_works(
    tmp_path: Path, large: tuple[Path, Path, int]
) -> None:
    base, adapter, _ = large
    to = tmp_path / "out" / "merged"
    command = [sys.executable, "-P", "-m", "trainer.merge", str(adapter), str(base), str(to)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for number, left in ((signal.SIGTERM, []), (signal.SIGKILL, [".merged.merging", ".merged.merging.lock"])):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert child.stdout
        assert json.loads(child.stdout.readline())["total"] > 0  # it writes
        child.send_signal(number)
        child.stdout.close()
        child.wait(timeout=240)
        assert sorted(file.name for file in to.parent.iterdir()) == left
    began = time.time()
    merge(adapter, base, to)
    assert [file.name for file in to.parent.iterdir()] == ["merged"]
    assert to.stat().st_mtime > began - 1  # files have a coarser clock
