"""A tokenizer's folder and files of rows, as small as the real ones are large."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.core.templates.test_tokens import polyglot_like
from trainer.recipe import DataChoice, ModelChoice, Recipe

EOS = "<|endoftext|>"
QUESTION, REPLY = "대한민국의 수도는 어디인가요?", "서울입니다."


def tokenizer_folder(folder: Path, **config: Any) -> Path:
    """Polyglot's kind: byte-level, no bos, and pad is eos."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = polyglot_like()
    tokenizer.save(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id(EOS)
    facts = {"model_type": "gpt2", "eos_token_id": end, "pad_token_id": end, "vocab_size": 500, **config}
    (folder / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def row(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "instruction": QUESTION, "input": "", "output": REPLY, **fields}


def numbered(count: int) -> list[dict[str, Any]]:
    return [row(instruction=f"{number}번째 질문입니다.", output=f"{number}번째 답변입니다.") for number in range(count)]


def json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
    return path


def recipe_of(base: Path, source: Path | str, *, template: str = "kullm-v2", **data: Any) -> Recipe:
    return Recipe(
        name="test",
        model=ModelChoice(base=str(base), template=template),
        data=DataChoice(**{"cutoff": 2048, **data, "source": str(source)}),
    )
