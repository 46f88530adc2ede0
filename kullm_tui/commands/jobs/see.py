"""`kullm jobs list|show|logs|diff`: what there is, and how it stands."""

import argparse
import codecs
import sys
import time
from contextlib import nullcontext
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.reach import client_of
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import TerminalSafeStream, safe_line, terminal_safe, terminal_safe_json
from trainer.jobs.actions import asked_recipe, client_for, shown
from trainer.jobs.agent import states
from trainer.jobs.bring import brought_up_to_date, mirrored
from trainer.jobs.card import card
from trainer.jobs.differences import differences
from trainer.jobs.history import curve
from trainer.jobs.overview import Standing, standing, standings
from trainer.jobs.registry import KnownJob, known_job
from trainer.jobs.tail import Tail
from trainer.jobs.text import artifacts_text, link_text, state_text, time_text, why_text
from trainer.jobs.trackers.standing import standings_of
from trainer.recipe import recipe_dict

_POLL_SECONDS = 0.3


def list_jobs(args: argparse.Namespace) -> int:
    found = standings(client_of, ask=not args.offline)
    if args.json:
        for one in found:
            print(terminal_safe_json(one.row()))
        return 0
    if not found:
        Narration().note(
            say(
                "아직 학습이 없어요. `kullm train 레시피`로 시작하세요.",
                "There are no jobs yet. Start one with `kullm train RECIPE`.",
            )
        )
        return 0
    for line in aligned([_row(one) for one in found], right=[4, 5]):
        print(terminal_safe(line))
    return 0


def _row(one: Standing) -> list[str]:
    progress, job = one.progress, one.job
    steps = f"{progress.step:,}/{progress.steps:,}" if progress.steps else f"{progress.step:,}" if progress.step else ""
    left = time_text(progress.eta_s) if progress.eta_s else ""
    return [
        job.id,
        safe_line(job.name or "?"),
        safe_line(job.machine or say("이 컴퓨터", "here")),
        state_text(one.state_name),
        steps,
        left,
        link_text(job.link) if job.machine else "",
        artifacts_text(job.artifacts),
        safe_line(why_text(one.state_name, one.state)),
    ]


def show(args: argparse.Namespace) -> int:
    job = known_job(args.job)
    client = client_for(job, client_of)
    try:
        job = brought_up_to_date(shown(job, client), client, Narration().note)
    except KullmError as error:  # a machine that is not there: what is known of its job is shown
        if not job.machine:
            raise
        Narration().note(str(error))
    one = standing(job)
    if args.json:
        print(terminal_safe_json({**one.row(), **_more(one)}))
    else:
        for line in aligned(_table(one)):
            print(terminal_safe(line))
    return 0


def _more(one: Standing) -> dict[str, Any]:
    losses = curve(one.job.directory.metrics)
    return {
        "folder": str(one.job.directory.path),
        "checkpoints": one.job.checkpoints,
        "mean_loss": losses.mean(),
        "malformed": losses.malformed,
        "attempt": one.state.get("attempt"),
        "message": one.state.get("message") or None,
        "recipe": one.job.spec.get("recipe"),
        "mirrors": {each.name: each.row() for each in standings_of(one.job.directory)},
        "card": card(one.job),
    }


def _table(one: Standing) -> list[list[str]]:
    job, more = one.job, _more(one)
    recipe = more["recipe"] or {}
    rows = [
        (say("번호", "id"), job.id),
        (say("이름", "name"), job.name),
        (say("레시피", "recipe"), recipe.get("name")),
        (say("장비", "machine"), job.machine or say("이 컴퓨터", "here")),
        (
            say("상태", "state"),
            ": ".join(filter(None, (state_text(one.state_name), why_text(one.state_name, one.state)))),
        ),
        (say("연결", "link"), link_text(job.link) if job.machine else ""),
        (say("단계", "step"), f"{one.progress.step}/{one.progress.steps or '?'}" if one.progress.step else ""),
        (say("남은 시간", "time left"), time_text(one.progress.eta_s) if one.progress.eta_s else ""),
        (say("마지막 손실", "last loss"), f"{one.progress.loss:.4f}" if one.progress.loss is not None else ""),
        (
            say("최근 평균 손실", "recent mean loss"),
            f"{more['mean_loss']:.4f}" if more["mean_loss"] is not None else "",
        ),
        (say("읽지 못한 줄", "unreadable lines"), more["malformed"] or ""),
        (say("체크포인트", "checkpoints"), ", ".join(map(str, job.checkpoints))),
        (say("학습한 시간", "time worked"), time_text(more["card"]["seconds"]["actual"]) if more["attempt"] else ""),
        (say("결과", "artifacts"), artifacts_text(job.artifacts)),
        *((each.name, each.text) for each in standings_of(job.directory)),
        (say("폴더", "folder"), more["folder"]),
    ]
    return [[name, safe_line(str(value))] for name, value in rows if value not in ("", None)]


def logs(args: argparse.Namespace) -> int:
    job = known_job(args.job)
    client = client_for(job, client_of)
    job = brought_up_to_date(job, client, Narration().note)
    with mirrored(job, client) if args.follow else nullcontext():
        _print_log(job, args.attempt, goes_on=args.follow)
    return 0


def _print_log(job: KnownJob, attempt: int | None, *, goes_on: bool) -> None:
    number = attempt or int(job.state.get("attempt") or 0)
    tail, decoder, safe = (
        Tail(job.directory.log(number), 0),
        codecs.getincrementaldecoder("utf-8")("replace"),
        TerminalSafeStream(),
    )
    if not tail.path.is_file() and not (goes_on and states.LIVE & {str(job.state.get("state"))}):
        raise UsageError(
            say(
                f"{job.id} 학습에는 {number}번째 시도의 기록이 없어요. `kullm jobs show {job.id}`로 시도를 확인하세요.",
                f"{job.id} has no log of attempt {number}. See its attempts with `kullm jobs show {job.id}`.",
            )
        )
    while True:
        ended = not goes_on or states.is_terminal(dict(standing(job).state))
        while data := tail.data(halves=True):
            sys.stdout.write(safe.feed(decoder.decode(data)))
        sys.stdout.flush()
        if ended:
            sys.stdout.write(safe.feed(decoder.decode(b"", final=True)) + safe.close())
            if not tail.path.stat().st_size:
                Narration().note(
                    say(
                        f"기록이 비어 있어요. 경고나 오류가 없었다는 뜻이에요. 수치는 `kullm jobs show {job.id}`로 보세요.",
                        f"The log is empty: there was no warning and no error. `kullm jobs show {job.id}` has the numbers.",
                    )
                )
            return
        time.sleep(_POLL_SECONDS)


def diff(args: argparse.Namespace) -> int:
    one, other = known_job(args.one), known_job(args.other)
    found = differences(*(recipe_dict(asked_recipe(job)) for job in (one, other)))
    if args.json:
        print(terminal_safe_json({each.place: list(each.values) for each in found}))
        return 0
    if not found:
        Narration().note(say("두 학습의 설정이 같아요.", "Both jobs have the same settings."))
        return 0
    head = ["", *(safe_line(f"{job.name} ({job.id})") for job in (one, other))]
    rows = [[each.place, *("-" if value is None else safe_line(str(value)) for value in each.values)] for each in found]
    for line in aligned([head, *rows]):
        print(terminal_safe(line))
    return 0
