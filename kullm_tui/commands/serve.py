"""`kullm serve`: the engine as a server of its own, for other programs and other machines."""

import argparse
import os
import sys

from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.extras import require_local
from kullm_tui.core.language import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        default=[],
        metavar="[NAME=]MODEL",
        help=say("서버로 열 모델과 그 이름 (여러 번 쓸 수 있어요)", "a model to offer, and its name (repeatable)"),
    )
    parser.add_argument(
        "--adapter",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help=say(
            "첫 모델 위의 어댑터를 NAME이라는 모델로 함께 열어요",
            "offers an adapter over the first model as the model NAME",
        ),
    )
    parser.add_argument("--host", default="127.0.0.1", help=say("요청을 받을 주소", "the address to listen on"))
    parser.add_argument("--port", type=int, default=8377, help=say("포트 (0: 빈 포트)", "the port (0: any free one)"))
    parser.add_argument(
        "--api-key-file",
        metavar="FILE",
        help=say(
            "키가 적힌 파일 (없으면 KULLM_API_KEY, 그것도 없으면 새로 만들어요)",
            "the key's file (else KULLM_API_KEY, else one is made)",
        ),
    )
    parser.add_argument(
        "--json", action="store_true", help=say("주소를 JSON 한 줄로 알려요", "announce the address as one JSON line")
    )


def run(args: argparse.Namespace) -> int:
    require_local()
    models = args.model or [load_config().model]
    if not models[0]:
        raise ConfigError(
            say(
                "서버로 열 모델을 -m으로 정하세요. 예: kullm serve -m kullm-5.8b",
                "Choose a model to serve with -m, as in: kullm serve -m kullm-5.8b",
            )
        )
    command = [sys.executable, "-P", "-m", "kullm_tui.engine", "--host", args.host, "--port", str(args.port)]
    for option, values in (("--model", models), ("--adapter", args.adapter)):
        command += [part for value in values for part in (option, value)]
    if args.api_key_file:
        command += ["--api-key-file", args.api_key_file]
    if args.json:
        command.append("--json")
    sys.stdout.flush()
    os.execv(command[0], command)  # the server takes this process over: its signals, its terminal, its exit code
