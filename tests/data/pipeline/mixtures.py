"""A mixture with a bit of everything, small: what is read twice, cannot be read, is limited, held out, evaluated on, or said nearly twice."""

import json
import random
from pathlib import Path
from typing import Any

_SYLLABLES = [chr(code) for code in range(ord("가"), ord("힣"), 11)]
_ASKED = {
    "instruction": "평가에만 쓰는 긴 질문을 여기에 하나 적어 둡니다. 무엇인가요?",
    "input": "",
    "output": "모릅니다.",
}
MIXTURE = """summary = "여러 가지"
seed = 3
held_out = 0.1
[steps]
decontaminate = ["questions.jsonl"]
paper = false
[[sources]]
name = "first"
file = "first.jsonl"
language = "ko"
[[sources]]
name = "second"
file = "second.jsonl"
language = "ko"
rows = 60
[outputs]
first-only = ["first"]
both = ["first", "second"]
"""


def written(home: Path, mixture: str = MIXTURE) -> Path:
    """Its name is `mixed`, of a home."""
    folder = home / "mixtures"
    folder.mkdir(parents=True)
    chance = random.Random(1)
    first = [_said(chance, number) for number in range(120)]
    first += [_nearly(one) for one in first[:20]]
    lines = [
        _line(one) for one in (*first, first[7], _ASKED, _said(chance, 500, "I do not know about it at all. " * 8))
    ]
    lines.insert(5, '{"instruction": "끊긴 줄')
    (folder / "first.jsonl").write_text("".join(f"{line}\n" for line in lines))
    second = [_said(chance, number) for number in range(200, 300)]
    (folder / "second.jsonl").write_text("".join(f"{_line(one)}\n" for one in second))
    question = {"id": 1, "instruction": _ASKED["instruction"], "instances": [{"input": "", "output": "모릅니다."}]}
    (home / "questions.jsonl").write_text(_line(question) + "\n")
    (folder / "mixed.toml").write_text(mixture.replace("questions.jsonl", str(home / "questions.jsonl")))
    return home


def _said(chance: random.Random, number: int, output: str = "") -> dict[str, str]:
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(60)]
    return {"instruction": f"{number}번을 설명해 주세요.", "input": "", "output": output or " ".join(words)}


def _nearly(one: dict[str, str]) -> dict[str, str]:
    first, *others = one["output"].split()
    return {**one, "output": " ".join([first, "다른", *others])}


def _line(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False)
