"""A study small enough for a test: two mixtures of a few rows, two steps of training, a handful of questions; all of it real."""

from pathlib import Path

_MIXTURE = """
[steps]
decontaminate = []
paper = false
strict = false
duplicates = 0

[[sources]]
name = "demo"
rows = 24

[[sources]]
name = "demo-koalpaca"
rows = 24

[outputs]
long = ["demo"]
both = ["demo", "demo-koalpaca"]
"""
_STUDY = """
mixture = "parts.toml"
questions = "demo"
limit = 6
models = ["demo-base"]
decoding = "greedy"
known = true
{more}

[[bases]]
name = "tiny"
recipe = "demo-kullm"
set = ["train.minutes=0", "train.max_steps={steps}", "train.batch=8", "model.precision=fp32", "data.evaluate=0", "train.samples=[]"]
"""


def small_study(folder: Path, *, more: str = "", steps: int = 2) -> Path:
    (folder / "parts.toml").write_text(_MIXTURE, encoding="utf-8")
    file = folder / "small.toml"
    file.write_text(_STUDY.format(more=more, steps=steps), encoding="utf-8")
    return file
