"""`kullm engine status|stop|logs`: the engine of this machine, seen and ended."""

import argparse
import json
import sys
from collections import deque
from typing import Any

from kullm_tui.core.endpoints.local_engine import EngineFiles, EngineState, running_engine, stop_engine
from kullm_tui.core.errors import EngineGone
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe

_ANSWER_SECONDS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    status = actions.add_parser("status", help=say("올라와 있는 모델과 메모리", "what is loaded, and its memory"))
    status.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))
    actions.add_parser("stop", help=say("엔진을 끝내요", "end the engine"))
    logs = actions.add_parser("logs", help=say("엔진의 기록", "what the engine had to say"))
    logs.add_argument(
        "-n",
        "--lines",
        type=int,
        default=50,
        metavar="N",
        help=say("마지막 몇 줄 (기본 50)", "how many of the last lines (50 unless told)"),
    )


def run(args: argparse.Namespace) -> int:
    if args.action == "status":
        return _status(as_json=args.json)
    if args.action == "stop":
        return _stop()
    return _logs(args.lines)


def _status(*, as_json: bool) -> int:
    state = running_engine()
    if state is None:
        if as_json:
            print(json.dumps({"status": "stopped"}))
        else:
            print(
                say(
                    "엔진이 실행 중이 아니에요. 처음 질문할 때 시작해요.",
                    "No engine is running. The first question starts one.",
                )
            )
        return 0
    health = _health(state)
    if as_json:
        print(json.dumps(health, ensure_ascii=False))
        return 0
    working = health["active_requests"]
    print(
        say(
            f"엔진 {health['version']} (pid {state.pid}), 답변 {working}개 진행 중",
            f"engine {health['version']} (pid {state.pid}), {working} replies running",
        )
    )
    for model in health["loaded"]:
        print(terminal_safe(f"  {model['model']}  {model['precision']}  {model['bytes'] / 1e9:.2f} GB"))
    return 0


def _health(state: EngineState) -> dict[str, Any]:
    import httpx2

    try:
        answer = httpx2.get(
            f"{state.url}/health", headers={"Authorization": f"Bearer {state.token}"}, timeout=_ANSWER_SECONDS
        )
        answer.raise_for_status()
        health: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise EngineGone(
            say(
                "엔진이 대답하지 않아요. `kullm engine stop`으로 끝낸 뒤 다시 시도하세요.",
                "The engine does not answer. End it with `kullm engine stop` and try again.",
            )
        ) from error
    return health


def _stop() -> int:
    if stop_engine():
        print(say("엔진을 끝냈어요.", "The engine has ended."), file=sys.stderr)
    else:
        print(say("실행 중인 엔진이 없어요.", "No engine was running."), file=sys.stderr)
    return 0


def _logs(lines: int) -> int:
    log = EngineFiles().log
    if not log.exists():
        print(say("아직 기록이 없어요.", "There is no log yet."), file=sys.stderr)
        return 0
    with log.open(encoding="utf-8", errors="replace") as text:
        for line in deque(text, maxlen=max(lines, 0)):
            print(terminal_safe(line).rstrip())
    return 0
