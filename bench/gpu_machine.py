"""The device that everything else is measured on: its name, how fast it multiplies and copies, what is installed."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

import torch
from gpu_setup import Setup
from report import Row

from trainer.estimate.machines import gpu_named, processor_name
from trainer.model.attention import runs_varlen

_PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "bitsandbytes",
    "trl",
    "datasets",
    "huggingface_hub",
    "numpy",
)
_WIDTHS = (64, 128, 256)  # of a head


def machine(setup: Setup) -> Iterator[Sequence[Row]]:
    name, memory = _device(setup.device)
    versions = {package: _version(package) for package in _PACKAGES}
    yield [
        Row(
            "device",
            f"{name}, {memory / 2**30:.0f} GiB",
            None,
            "",
            None,
            {"cuda": torch.version.cuda, "memory": memory},
        ),
        Row(
            "versions",
            ", ".join(f"{package} {versions[package]}" for package in _PACKAGES[:5]),
            None,
            "",
            None,
            versions,
        ),
    ]
    product, copy, gpu = setup.product_rate(), setup.copy_rate(), gpu_named(name)
    yield [
        _speed("a large product : data sheet", product, gpu.bf16_flops if gpu else 0, 1e12, "TFLOP/s"),
        _speed("copying : data sheet", copy, gpu.bandwidth if gpu else 0, 1e9, "GB/s"),
    ]
    runs = {width: runs_varlen(setup.device, width, torch.bfloat16) for width in _WIDTHS}
    shared = runs_varlen(setup.device, _WIDTHS[1], torch.bfloat16, 4)
    told = ", ".join([*(f"{width}: {_yes(found)}" for width, found in runs.items()), f"shared keys: {_yes(shared)}"])
    yield [Row("documents attend in one kernel, heads of", told, None, "", None)]


def _device(device: torch.device) -> tuple[str, int]:
    if device.type == "cuda":
        facts = torch.cuda.get_device_properties(device)
        return facts.name, facts.total_memory
    from kullm_tui.core.memory import host_total

    return processor_name(), host_total()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def _speed(title: str, found: float, sheet: float, unit: float, name: str) -> Row:
    known = f" : {sheet / unit:,.0f}" if sheet else ""
    return Row(
        title, f"{found / unit:,.3g}{known} {name}", found / sheet if sheet else None, "", None, {"found": found}
    )


def _yes(found: bool) -> str:
    return "yes" if found else "no"
