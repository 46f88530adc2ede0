"""`kullm adapters export-gguf`: an adapter in its base as one file for llama.cpp, and a Modelfile for Ollama."""

import argparse
from pathlib import Path
from typing import Any, get_args

from kullm_tui.commands.adapters.child import INTERRUPTED, run_child
from kullm_tui.commands.adapters.pair import add_arguments as add_pair
from kullm_tui.commands.adapters.pair import pair_of
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.extras import require_gguf, require_local
from kullm_tui.core.language import say
from kullm_tui.core.models.gguf_type import GgufType
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    parser.add_argument(
        "--type",
        choices=get_args(GgufType),
        default="f16",
        help=say("가중치의 정밀도 (기본 f16)", "the precision of the weights (f16)"),
    )
    parser.add_argument(
        "--out", metavar="PATH", help=say("새 파일 (기본: ./이름-정밀도.gguf)", "the new file (./NAME-TYPE.gguf)")
    )
    parser.add_argument("--json", action="store_true", help=say("만든 것을 JSON 하나로", "what was made, as one JSON"))


def run(args: argparse.Namespace) -> int:
    require_local()
    require_gguf()
    pair = pair_of(args)
    out = paths.typed(args.out or f"{pair.adapter.name}-{args.type}.gguf").absolute()
    made: dict[str, Any] = {}
    code = run_child(
        [
            *("trainer.gguf.export", str(pair.folder), str(out), "--type", args.type),
            *("--adapter", str(pair.adapter.folder), "--profile", pair.prompted),
        ],
        say("내보내는 중", "exporting"),
        heard=lambda step: made.update(step.get("made", {})),
    )
    if code == INTERRUPTED:
        return code
    if args.json:
        print(terminal_safe_json(made))
        return code
    _tell(made, pair.adapter.name)
    return code


def _tell(made: dict[str, Any], name: str) -> None:
    narration = Narration()
    size = size_text(made["bytes"])
    narration.note(say(f"내보냈어요({made['architecture']}, {size}).", f"Exported ({made['architecture']}, {size})."))
    print(terminal_safe(made["file"]))
    if made["modelfile"]:
        narration.note(say("Ollama에서는 이렇게 써요:", "In Ollama:"))
        narration.note(f"  ollama create {name} -f {Path(made['modelfile'])}")
    else:
        narration.note(
            say(
                "모델 자신의 대화 템플릿을 쓰므로 Modelfile은 만들지 않았어요. 템플릿은 파일 안에 있어요.",
                "The model's own chat template is in the file; no Modelfile was made, since Ollama has another language for templates.",
            )
        )
    if made["stop"]:
        stops = ", ".join(map(repr, made["stop"]))
        narration.note(
            say(
                f"GGUF에는 멈춤 문자열을 적을 자리가 없어요. llama.cpp로 바로 쓸 때는 stop에 넣어 주세요: {stops}",
                f"A GGUF file has no place for stop strings. To llama.cpp itself, give them as stop: {stops}",
            )
        )
