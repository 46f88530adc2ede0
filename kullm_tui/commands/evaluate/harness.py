"""`kullm eval harness`: KoBEST and other multiple-choice tasks, by lm-evaluation-harness against `kullm serve` or a server elsewhere."""

import argparse
import hashlib
import json
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from evaluator.answer_store import System
from evaluator.harness import (
    KOBEST,
    Asked,
    TaskResult,
    checked_tasks,
    harness_command,
    harness_environment,
    read_results,
    require_harness,
    result_lines,
    write_tokenizer,
)
from evaluator.systems import answering_system
from kullm_tui import __version__
from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.evaluate.harness_process import Served, run_child, served
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.asking.target import Target
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import Profile, local_folder, resolve
from kullm_tui.core.paths import cache_dir, private_dir
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_harness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", required=True, metavar="M", help=say("모델, 모델+어댑터, 엔드포인트/모델", "MODEL, MODEL+ADAPTER, ENDPOINT/MODEL"))  # fmt: skip
    parser.add_argument(
        "--tasks",
        default=",".join(KOBEST),
        metavar="T,…",
        help=say("과제 (기본: KoBEST의 다섯)", "the tasks (KoBEST's five unless told)"),
    )
    parser.add_argument(
        "--shots",
        type=whole(0, 999_999),
        metavar="N",
        help=say("보기로 드는 문제의 수", "examples in the prompt"),
    )
    parser.add_argument(
        "--limit",
        type=whole(0, 999_999),
        metavar="N",
        help=say("과제마다 앞의 N개만", "the first N of each task"),
    )
    parser.add_argument(
        "--prompt",
        choices=["plain", "chat"],
        default="plain",
        help=say(
            "plain: 과제의 글 그대로, chat: 모델의 프롬프트 양식으로",
            "plain: the task's own text; chat: in the model's template",
        ),
    )
    parser.add_argument("--tokenizer", metavar="DIR", help=say("토크나이저의 폴더 (엔드포인트일 때)", "the tokenizer's folder, for an endpoint"))  # fmt: skip
    parser.add_argument("--task-folder", metavar="DIR", help=say("자기 과제(.yaml)의 폴더", "a folder with tasks of one's own (.yaml)"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=say("한 과제에 JSON 하나", "one JSON object a task"))
    parser.add_argument("--yes", action="store_true", help=say("이 컴퓨터 밖으로 보내는 데 동의해요", "agree to text leaving this machine"))  # fmt: skip


@dataclass(frozen=True)
class _Subject:
    """What is asked: its profile where it runs here, and where its tokenizer lies."""

    target: Target
    system: System
    profile: Profile | None
    tokenizer: Path
    context: int


def run_harness(args: argparse.Namespace) -> int:
    require_harness()
    tasks = checked_tasks(args.tasks)
    subject = _subject(args)
    narration = Narration()
    if subject.target.endpoint:
        obtain_consent(subject.target.endpoint, "kullm eval harness", leaving="question", agreed_now=args.yes)
    with (
        tempfile.TemporaryDirectory(prefix="kullm-harness-") as folder,
        _server(subject, narration) as server,
    ):
        place = Path(folder)
        asked = Asked(
            tasks,
            server.model,
            server.base_url,
            _tokenizer(subject, place, chat=args.prompt == "chat"),
            subject.context,
            shots=args.shots,
            limit=args.limit,
            chat=args.prompt == "chat",
            begins_with_bos=bool(subject.profile and subject.profile.bos is not None),
            task_folder=paths.typed(args.task_folder).resolve() if args.task_folder else None,
        )
        output = place / "results"
        cache = _answers_cache(subject.system)
        command = harness_command(asked, output, cache)
        run_child(command, harness_environment(server.key), cache.with_name("last.log"), narration)
        results = read_results(output)
    _show(results, subject.system, args)
    return 0


def _subject(args: argparse.Namespace) -> _Subject:
    config = load_config()
    target, system = answering_system(args.model, config, {})
    named = paths.typed(args.tokenizer).resolve() if args.tokenizer else None
    if target.endpoint:
        if named is None:
            raise UsageError(
                say(
                    "엔드포인트의 모델에는 --tokenizer로 그 모델의 토크나이저 폴더를 알려 주세요. 답이 어디서 시작하는지 세는 데 써요.",
                    "for a model at an endpoint, name its tokenizer's folder with --tokenizer: it tells where an answer begins.",
                )
            )
        return _Subject(target, system, None, named, _context(named))
    profile = resolve(target.model).profile
    weights = resolve(profile.base) if profile.kind == "adapter" and profile.base else resolve(target.model)
    return _Subject(target, system, profile, named or local_folder(weights), profile.context or weights.profile.context)


def _server(subject: _Subject, narration: Narration) -> AbstractContextManager[Served]:
    endpoint = subject.target.endpoint
    if endpoint:
        return nullcontext(Served(endpoint.base_url, subject.target.model, endpoint.api_key))
    return served(subject.target.model, subject.system.source.get("adapter", ""), narration)


def _context(tokenizer: Path) -> int:
    """Of a server elsewhere nobody knows it but its files."""
    try:
        length = foreign_json.read(tokenizer / "tokenizer_config.json").get("model_max_length")
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(
            say(
                f"{tokenizer}에 토크나이저가 없어요(tokenizer_config.json).",
                f"there is no tokenizer (tokenizer_config.json) in {tokenizer}.",
            )
        ) from error
    return int(length) if isinstance(length, int) and 0 < length < 10**6 else 2048


def _tokenizer(subject: _Subject, place: Path, *, chat: bool) -> Path:
    template = subject.target.template or ""
    form = TEMPLATES[template].jinja if chat and template in TEMPLATES else ""
    folder = place / "tokenizer"
    folder.mkdir()
    return write_tokenizer(subject.tokenizer, folder, form)


def _answers_cache(system: System) -> Path:
    """What was answered is kept for each system by itself, so that a run that was stopped goes on."""
    key = json.dumps([__version__, system.name, dict(system.source)], ensure_ascii=False, sort_keys=True)
    return private_dir(cache_dir() / "harness") / hashlib.sha256(key.encode()).hexdigest()[:24]


def _show(results: list[TaskResult], system: System, args: argparse.Namespace) -> None:
    if args.json:
        for one in results:
            print(terminal_safe_json(_facts(one, system, args.prompt)))
        return
    for line in aligned(result_lines(results), right=(2, 4, 5)):
        print(terminal_safe(line))
    Narration().note(say(f"{system.name}, 프롬프트 {args.prompt}", f"{system.name}, prompt {args.prompt}"))


def _facts(one: TaskResult, system: System, prompt: str) -> dict[str, object]:
    metrics = {
        metric.name: {"value": metric.value}
        | ({"low": metric.interval.low, "high": metric.interval.high} if metric.interval else {})
        for metric in one.metrics
    }
    return {
        "model": system.name,
        "task": one.task,
        "n": one.items,
        "shots": one.shots,
        "prompt": prompt,
        "template": system.source.get("template") if prompt == "chat" else None,
        "version": one.version,
        "metrics": metrics,
    }
