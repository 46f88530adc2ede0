"""What a person chooses of a study: its file, where it trains, who judges beside its own judges. None where a dialog was closed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.studies.study import load_study
from trainer.estimate.machines import machine_named
from trainer.jobs.machines import known_machines, machine_settings, require_machine

if TYPE_CHECKING:
    from textual.app import App


async def asked_file(app: App[int]) -> str | None:
    """A file that can be read as a study; what is wrong with another is told where it was named."""
    from kullm_tui.ui.dialogs.open_file import OpenFile

    question = say("어떤 연구 파일인가요?", "Which study?")
    return await app.push_screen_wait(OpenFile(_read, question, "TOML · docs/paper.md"))


def _read(file: Path) -> str:
    if file.suffix != ".toml":
        raise KullmError(say(f"{file}: .toml 파일이 아니에요.", f"{file} is no .toml file."))
    return str(load_study(str(file)).file)


async def asked_machine(app: App[int], machine: str) -> str | None:
    from kullm_tui.ui.dialogs.ask import AskLine

    known = ", ".join([one.name for one in await asyncio.to_thread(known_machines)])
    listed = say(f"추가한 장비: {known}. ", f"Machines: {known}. ") if known else ""
    asked = AskLine(
        say("어디에서 학습할까요?", "Where is it to train?"),
        button=say("고르기", "Choose"),
        value=machine,
        placeholder=say("이 컴퓨터", "this machine"),
        more=listed + say("4xA100-80GB처럼 적으면 비용만 셈해요.", "4xA100-80GB and the like are only reckoned with."),
        fault=_machine_fault,
    )
    return await app.push_screen_wait(asked)


def _machine_fault(name: str) -> str | None:
    if not name or machine_settings(name):
        return None
    try:
        machine_named(name)
    except KullmError:
        try:
            require_machine(name)
        except KullmError as error:
            return str(error)
    return None


async def asked_judges(app: App[int], judges: tuple[str, ...]) -> tuple[str, ...] | None:
    from kullm_tui.ui.dialogs.ask import AskLine

    asked = AskLine(
        say("연구의 채점자에 더해 누구에게 물을까요?", "Who is to judge beside the study's own?"),
        button=say("고르기", "Choose"),
        value=", ".join(judges),
        placeholder=say("없음", "nobody"),
        more=say(
            "모델이나 엔드포인트/모델이에요. 여럿은 쉼표로 나눠요.",
            "MODEL or ENDPOINT/MODEL, several with commas between.",
        ),
    )
    line = await app.push_screen_wait(asked)
    return None if line is None else tuple(filter(None, (one.strip() for one in line.split(","))))
