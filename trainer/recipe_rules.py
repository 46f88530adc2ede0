"""What each key of a recipe may hold, and which choices exclude each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from data.sources.columns import column_names
from kullm_tui.core import rules
from kullm_tui.core.language import say
from kullm_tui.core.templates.registry import TEMPLATES

OF_THE_PROFILE = "profile"
OF_THE_TOKENIZER = "chat"


def checked_recipe(tables: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """The values that pass, by table; every fault is added to the list."""
    values = rules.checked(tables, _TOP, "", faults, known=("name",))
    for name, keys in _RULES.items():
        values[name] = rules.checked(values.get(name, {}), keys, f"{name}.", faults)
    for name, key in (("model", "base"), ("data", "source")):
        given = tables.get(name, {})
        if isinstance(given, Mapping) and key not in given:
            faults.append(f"{name}.{key}: {say('빠져 있어요', 'is missing')}")
    faults += _excluded(values["model"], values["method"])
    if values["train"].get("kind") == "dpo":
        faults += _excluded_from_pairs(values["model"], values["data"])
    return values


def _excluded(model: Mapping[str, Any], method: Mapping[str, Any]) -> list[str]:
    full = method.get("kind") == "full"
    found = []
    if full and model.get("precision") in ("8bit", "4bit"):
        found.append(
            "model.precision: "
            + say(
                '모든 가중치를 학습할 때(method.kind = "full")는 bf16이나 fp32여야 해요',
                'must be bf16 or fp32 where all weights are trained (method.kind = "full")',
            )
        )
    if model.get("init") == "scratch" and not full:
        found.append(
            "model.init: "
            + say(
                'scratch는 모든 가중치를 학습할 때(method.kind = "full")만 쓸 수 있어요',
                'scratch goes only with method.kind = "full"',
            )
        )
    return found


def _excluded_from_pairs(model: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    found = []
    if data.get("loss") == "all":
        found.append(
            "data.loss: "
            + say(
                '선호 쌍으로 학습할 때(train.kind = "dpo")는 output이어야 해요. 질문은 두 답에 똑같아요',
                'must be output with train.kind = "dpo": the prompt of both replies is the same',
            )
        )
    if model.get("init") == "scratch":
        found.append(
            "model.init: "
            + say(
                'scratch는 선호 쌍으로 학습할 때(train.kind = "dpo") 쓸 수 없어요',
                'scratch does not go with train.kind = "dpo"',
            )
        )
    return found


def _filled(value: object) -> str:
    text = rules.text(value)
    if not text.strip():
        raise rules.Fault(say("비어 있어요", "is empty"))
    return text


def _sources(value: object) -> str | tuple[str, ...]:
    """One, or a list of several."""
    if not isinstance(value, list):
        return _filled(value)
    return as_source(list(map(_filled, value or [""])))


def as_source(sources: Sequence[str]) -> str | tuple[str, ...]:
    """A single one is no list, so that it is the same recipe however it is written."""
    return sources[0] if len(sources) == 1 else tuple(sources)


def _prose(value: object) -> str:
    """Text of any number of lines."""
    if not isinstance(value, str):
        raise rules.Fault(say("글이어야 해요", "must be text"))
    return value


def _template(value: object) -> str:
    known = [*TEMPLATES, OF_THE_PROFILE, OF_THE_TOKENIZER]
    if isinstance(value, str) and value in known:
        return value
    hint = rules.did_you_mean(str(value), known)
    raise rules.Fault(say(f"그런 템플릿이 없어요.{hint}", f"is no template.{hint}"))


def _evaluate(value: object) -> float | int | str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and value:
        return _filled(value)
    if is_number and (0 <= value < 1 or (isinstance(value, int) and value >= 1)):  # type: ignore[operator]
        return value  # type: ignore[return-value]
    raise rules.Fault(
        say(
            "1보다 작은 비율, 행의 수(정수), 또는 파일이어야 해요",
            "must be a share below 1, a whole number of rows, or a file",
        )
    )


def _decimal(low: float, high: float) -> rules.Rule:
    """A number, always as a float: 5 and 5.0 are the same recipe."""
    rule = rules.number(low, high)
    return lambda value: float(rule(value))


def _betas(value: object) -> tuple[float, float]:
    inside = _decimal(0, 0.999999)
    if not isinstance(value, list) or len(value) != 2:
        raise rules.Fault(say("수 두 개의 목록이어야 해요", "must be a list of two numbers"))
    return inside(value[0]), inside(value[1])


_MANY = 1_000_000_000
_TOP: Mapping[str, rules.Rule] = {
    "summary": rules.text,
    "summary_en": rules.text,
    "source": _prose,
    "source_en": _prose,
    "notes": _prose,
    "notes_en": _prose,
    "model": rules.table,
    "data": rules.table,
    "method": rules.table,
    "train": rules.table,
    "preference": rules.table,
}
_RULES: Mapping[str, Mapping[str, rules.Rule]] = {
    "model": {
        "base": _filled,
        "template": _template,
        "precision": rules.one_of("auto", "fp32", "bf16", "8bit", "4bit"),
        "init": rules.one_of("pretrained", "scratch"),
        "adapter": rules.text,
    },
    "data": {
        "source": _sources,
        "split": _filled,
        "columns": column_names,
        "cutoff": rules.whole(8, 1_000_000),
        "loss": rules.one_of("output", "all"),
        "evaluate": _evaluate,
        "limit": rules.whole(0, _MANY),
        "evaluate_limit": rules.whole(0, _MANY),
    },
    "method": {
        "kind": rules.one_of("lora", "ia3", "llama-adapter", "full"),
        "rank": rules.whole(1, 4096),
        "alpha": _decimal(1e-3, 100_000),
        "dropout": _decimal(0, 0.95),
        "targets": rules.texts,
        "adapter_len": rules.whole(1, 10_000),
        "adapter_layers": rules.whole(0, 10_000),
    },
    "preference": {
        "loss": rules.one_of("sigmoid", "sigmoid_norm"),
        "beta": _decimal(1e-4, 1000),
        "sft_weight": _decimal(0, 1000),
        "label_smoothing": _decimal(0, 0.49),
    },
    "train": {
        "kind": rules.one_of("sft", "dpo"),
        "epochs": _decimal(1e-4, 100_000),
        "max_steps": rules.whole(0, _MANY),
        "minutes": _decimal(0, 1_000_000),
        "batch": rules.whole(1, 1_000_000),
        "micro_tokens": rules.whole(16, 100_000_000),
        "learning_rate": _decimal(1e-12, 100),
        "schedule": rules.one_of("cosine", "linear", "constant"),
        "warmup": _decimal(0, _MANY),
        "weight_decay": _decimal(0, 100),
        "betas": _betas,
        "eps": _decimal(1e-20, 1),
        "clip": _decimal(0, 1_000_000),
        "seed": rules.whole(0, 2**32 - 1),
        "packing": rules.truth,
        "compile": rules.truth,
        "recompute": _decimal(0, 1),
        "eval_every": rules.whole(0, _MANY),
        "save_every": rules.whole(0, _MANY),
        "keep": rules.whole(1, 10_000),
        "patience": rules.whole(0, _MANY),
        "samples": rules.texts,
        "spike": _decimal(0, 1_000_000),
    },
}
