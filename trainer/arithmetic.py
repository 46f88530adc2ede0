"""In which arithmetic a base of some precision is multiplied. Torch-free."""

from kullm_tui.core.processor import processor


def arithmetic(precision: str) -> str:
    return "fp32" if precision == "fp32" else "bf16"


def arithmetic_here(precision: str) -> str:
    """On this machine's processor: one without products of bf16 multiplies a bf16 base in fp32 (`wide_layers`)."""
    slow = precision == "bf16" and processor().level != "avx512-bf16"
    return "fp32" if slow else arithmetic(precision)


def alternatives_here() -> tuple[str, ...]:
    """What `auto` may become on this machine's processor. Over fp32 arithmetic a narrow base is never the faster one."""
    return ("fp32", "bf16") if arithmetic_here("bf16") == "bf16" else ("fp32",)
