"""An adapter in its base, or a model, as one GGUF file with its Modelfile: `python -P -m trainer.gguf.export BASE OUT --type T [--adapter A]`.

Nothing is merged on disk first: each tensor is read, given its adapter, rearranged, rounded and written. The file has its name when it is
whole, after its Modelfile has. Lines of JSON on stdout say how far it is, the last one what was made; a fault is told on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from kullm_tui.core.errors import WeightsError
from kullm_tui.core.files import sync_folder
from kullm_tui.core.language import say
from kullm_tui.core.models.gguf_type import GgufType, modelfile_of
from kullm_tui.core.models.modelfile import modelfile
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.prompting import Prompting
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.tokens import load_tokenizer
from kullm_tui.weights.skeleton import read_config
from trainer.gguf.file import Model, Rounding, bytes_of, write
from trainer.gguf.layout import layout_of
from trainer.gguf.llama_cpp import quantise_to_q4, require_quantiser
from trainer.gguf.vocabulary import read_vocabulary
from trainer.merge import open_merging
from trainer.merge_beside import prompted_profile, write_beside
from trainer.merge_place import drafted, require_space, told

_FOUR_BIT_SHARE = 0.32  # of fp16; a little more than Q4_K_M takes
_WIDE, _NARROW, _FILES = "wide.gguf", "narrow.gguf", "files"

Tell = Callable[[dict[str, Any]], None]


def export(
    base: Path,
    out: Path,
    kind: GgufType,
    *,
    adapter: Path | None = None,
    profile: str = "",
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """What was made. Nothing stands under its name unless it is whole."""
    if kind == "q4_k_m":
        require_quantiser()
    beside = modelfile_of(out)
    _require_free(beside)
    prompted = prompted_profile(profile, adapter, base)
    with drafted(out) as draft:
        (draft / _FILES).mkdir()
        template = write_beside(draft / _FILES, adapter, base, profile=prompted)
        model = _model(base, adapter, draft / _FILES, prompted, out.stem)
        rounding: Rounding = "q8_0" if kind == "q8_0" else "f16"
        wide = bytes_of(model, rounding)
        require_space(draft, round(wide * (1 + (_FOUR_BIT_SHARE if kind == "q4_k_m" else 0))))
        made = _weights(model, draft, kind, rounding, wide, tell)
        text = _modelfile(model, prompted, out.name)
        if text:
            (draft / beside.name).write_text(text, encoding="utf-8")
            (draft / beside.name).rename(beside)
        made.rename(out)
    sync_folder(out.parent)
    return {
        "file": str(out),
        "type": kind,
        "bytes": out.stat().st_size,
        "architecture": model.layout.architecture,
        "pre": model.vocabulary.pre,
        "template": template,
        "stop": list(prompted.stop),
        "modelfile": str(beside) if text else None,
    }


def _require_free(beside: Path) -> None:
    if beside.exists():
        raise WeightsError(
            say(
                f"이미 있어요: {beside}. 다른 이름을 고르거나 먼저 지우세요.",
                f"{beside} exists already. Choose another name, or remove it first.",
            )
        )


def _model(base: Path, adapter: Path | None, files: Path, profile: Profile, name: str) -> Model:
    config = read_config(base)
    layout = layout_of(config, base)
    return Model(
        name=name,
        folder=base,
        config=config,
        layout=layout,
        vocabulary=read_vocabulary(files, config.vocab_size),
        merging=open_merging(base, adapter),
        prompting=Prompting(files, profile, load_tokenizer(files)),
        licence=profile.licence,
    )


def _weights(model: Model, draft: Path, kind: GgufType, rounding: Rounding, total: int, tell: Tell) -> Path:
    done = 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        tell({"done": done, "total": total})

    wide = draft / _WIDE
    write(wide, model, rounding, wrote=wrote)
    if kind == "q4_k_m":
        tell({"quantising": True})
        quantise_to_q4(wide, draft / _NARROW)
        wide = draft / _NARROW
    with wide.open("rb") as file:
        os.fsync(file.fileno())
    return wide


def _modelfile(model: Model, profile: Profile, name: str) -> str:
    if profile.template not in TEMPLATES:
        return ""
    prompting = model.prompting
    return modelfile(profile, name, eos_token=prompting.eos_token, bos_token=prompting.bos_token)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.gguf.export")
    parser.add_argument("base", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--type", choices=get_args(GgufType), default="f16")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--profile", default="")
    args = parser.parse_args()

    def make() -> None:
        made = export(args.base, args.out, args.type, adapter=args.adapter, profile=args.profile, tell=_print)
        _print({"made": made})

    return told(make)


def _print(step: dict[str, Any]) -> None:
    print(json.dumps(step, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
