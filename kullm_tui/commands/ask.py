"""`kullm ask`: one question, one answer, streamed; both are kept.

The answer goes to stdout and everything else to stderr. Text of the model's never reaches a terminal unfiltered.
"""

import argparse
import asyncio
import sys
from contextlib import aclosing, closing
from dataclasses import asdict
from typing import Any

from kullm_tui.commands.cli import arguments
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge import option
from kullm_tui.core import paths
from kullm_tui.core.asking.live_reply import LiveReply, Reading, ReplyRequest, watched
from kullm_tui.core.asking.question import Answerer, Committed, open_reply
from kullm_tui.core.asking.target import base_of, resolve
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import DEMO
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import TerminalSafeStream, terminal_safe_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    arguments.add_arguments(parser)
    parser.add_argument(
        "--continue",
        dest="continued",
        action="store_true",
        help=say("마지막 대화를 이어 가요", "go on with the last conversation"),
    )
    parser.add_argument("--json", action="store_true", help=say("JSON 하나로 답해요", "answer with one JSON object"))
    option.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    message = arguments.read(args)
    decoding = arguments.decoding(args)
    config = load_config()
    narration = Narration()
    with Store(paths.database_file()) as store:
        if store.notice and narration.live:
            narration.note(store.notice)
        earlier = _earlier(store, args)
        model = args.model or (earlier and earlier.model) or (args.adapter and base_of(args.adapter)) or config.model
        adapter = args.adapter or (earlier.adapter if earlier and not args.model else None)
        target = resolve(model or DEMO, config.endpoints, adapter=adapter or "")
        if not model:
            _tell_demo(narration)
        if target.adapter:
            decoding["adapter"] = target.adapter
        if target.endpoint:
            obtain_consent(target.endpoint, "kullm ask", leaving="question", agreed_now=args.yes)
        judging = option.prepared(args, "kullm ask", narration)
        conversation = earlier or store.create_conversation(message.content, system=args.system)
        turn = store.add_user_turn(conversation.id, message, parent_id=conversation.leaf_id)
        answerer = Answerer(target.name, target.adapter, target, decoding)
        request, reply = open_reply(store, Committed(conversation, turn), answerer, config.thinking)
        with closing(_Answer(args.json)) as answer:
            try:
                finished = asyncio.run(_show(request, reply, answer, narration))
            finally:
                narration.clear()
    verdict = judging.verdict(message, reply.text, target.name, narration) if judging else None
    if args.json:
        told = {"verdict": option.verdict_facts(verdict)} if verdict else {}
        print(terminal_safe_json({**_result(answerer, reply, finished), **told}))
    elif verdict:
        narration.note(option.verdict_note(verdict))
    _tell_thinking(reply.thinking, finished, narration)
    _tell_limits(finished, narration)
    return 1 if verdict and verdict.status == "error" else 0


class _Answer:
    """Where the answer goes: at once to stdout, or nowhere yet where it is kept for `--json`."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._safe = TerminalSafeStream()
        self._last = "\n"

    def take(self, text: str) -> None:
        self._show(self._safe.feed(text))

    def close(self) -> None:
        self._show(self._safe.close())
        if self._last != "\n":
            self._show("\n")

    def _show(self, text: str) -> None:
        if text and not self._keep:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._last = text[-1]


async def _show(request: ReplyRequest, reply: LiveReply, answer: _Answer, narration: Narration) -> Finished:
    """What a pipe has taken cannot be taken back where it turns out to be something else; what is kept, and `--json`, have each in its place."""
    reading = Reading()
    async with aclosing(watched(request, reply)) as changes:
        async for _ in changes:
            _, news = reading.news(reply)
            if news:
                narration.clear()
                answer.take(news)
            elif reply.is_thinking:
                narration.progress(say("생각하는 중", "thinking"))
            elif reply.waiting and not reply.pieces:
                narration.progress(reply.waiting)
    if fault := reply.fault or reply.unsaved_why:
        raise fault
    return reply.finished or reply.measured()


def _earlier(store: Store, args: argparse.Namespace) -> Conversation | None:
    if not args.continued:
        return None
    if args.system:
        raise UsageError(
            say(
                "--system은 새 대화를 시작할 때만 써요. --continue를 빼고 다시 해 보세요.",
                "--system is for a new conversation. Leave --continue out.",
            )
        )
    earlier = store.latest_conversation()
    if earlier is None:
        raise UsageError(
            say(
                "이어 갈 대화가 없어요. --continue 없이 물어보세요.",
                "there is no conversation to go on with. Leave --continue out.",
            )
        )
    return earlier


def _tell_demo(narration: Narration) -> None:
    """On a machine where no model was chosen yet."""
    narration.note(
        say(
            "정해 둔 모델이 없어 작은 데모 모델이 답해요. `kullm models list`에서 골라 -m 이름을 붙이거나 "
            "`kullm config set model 이름`으로 정해 두세요.",
            "No model is chosen, so the small demo model answers. Pick one from `kullm models list` and give it with -m NAME, "
            "or keep it with `kullm config set model NAME`.",
        )
    )


def _result(answerer: Answerer, reply: LiveReply, finished: Finished) -> dict[str, Any]:
    return {
        "model": answerer.model,
        "adapter": answerer.adapter or None,
        "text": reply.text,
        **({"thinking": reply.thinking} if reply.thinking else {}),
        "finish_reason": finished.reason,
        "usage": asdict(finished.usage),
        "timings": dict(finished.timings),
        "dropped_turns": finished.dropped_turns,
    }


def _tell_thinking(thinking: str, finished: Finished, narration: Narration) -> None:
    """Folded, as in the app, where it is kept."""
    if thinking:
        seconds = int(finished.timings.get("thinking_ms", 0) / 1000)
        narration.aside(
            say(
                f"생각 {seconds}초 · {len(thinking):,}자 (앱에서 펼쳐 볼 수 있어요)",
                f"thought for {seconds} s · {len(thinking):,} characters (the app unfolds them)",
            )
        )


def _tell_limits(finished: Finished, narration: Narration) -> None:
    if finished.dropped_turns:
        narration.note(
            say(
                f"대화가 길어서 앞의 문답 {finished.dropped_turns}개를 빼고 물었어요.",
                f"the conversation is long: its first {finished.dropped_turns} turns were left out.",
            )
        )
    if finished.reason == "length":
        narration.note(
            say(
                "답이 길이 한도에서 멈췄어요. --max-tokens로 늘릴 수 있어요.",
                "the answer stopped at the length limit; --max-tokens raises it.",
            )
        )
