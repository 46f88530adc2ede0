"""A mixture as a datatrove pipeline, for more rows than one machine is for: a folder with a script and all that it reads.

pipeline.py      the steps, each with its settings; to be read, changed where the cluster asks for it, and run
mixture.toml     the mixture that it was made of
held_out.jsonl   the texts that must not be trained on      patch.jsonl   rows changed by hand
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from data.decontaminate import Decontaminate
from data.lines import line_of
from data.making import Questions, course_of
from data.manifest import Mixture, load_mixture, mixture_file
from data.patches import patch_file
from data.pipeline.script import HELD_OUT, PATCH, ExecutorName, Script, script_text
from data.processes import cores
from data.step import RowStep
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import publish, publish_bytes
from kullm_tui.core.language import say

SCRIPT = "pipeline.py"


@dataclass(frozen=True)
class Emitted:
    script: Path
    foreign: tuple[str, ...]  # the sources that are translated


def emit(
    name: str,
    folder: Path,
    *,
    executor: ExecutorName,
    questions: Questions,
    shards: int,
    most_dollars: float = 0.0,
) -> Emitted:
    """Sources that are not here are fetched. UsageError where the folder holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            say(
                f"{folder}에 이미 파일이 있어요. 빈 폴더를 알려 주세요.", f"{folder} is not empty. Name another folder."
            )
        )
    mixture = load_mixture(name)
    course = course_of(mixture, questions)
    foreign = tuple(source.name for source in course.sources if source.language != "ko")
    paths.private_dir(folder)
    publish(folder / "mixture.toml", mixture_file(name).read_text(encoding="utf-8-sig"), mode=0o644)
    for step in course.before:
        _bring_held_out(step, folder)
    if patch_file(mixture.name).exists():
        shutil.copyfile(patch_file(mixture.name), folder / PATCH)
    script = Script(_whole(mixture), course.before, course.after, foreign, most_dollars, executor, shards, cores())
    publish(folder / SCRIPT, script_text(script), mode=0o644)
    return Emitted(folder / SCRIPT, foreign)


def _bring_held_out(step: RowStep, folder: Path) -> None:
    if isinstance(step, Decontaminate):
        publish_bytes(folder / HELD_OUT, b"".join(line_of({"text": text}) for text in step.held_out), mode=0o644)


def _whole(mixture: Mixture) -> Mixture:
    """Files by where they lie, whatever folder the script is started in."""
    sources = tuple(replace(one, file=_place(one.file)) for one in mixture.sources)
    glossary = _place(mixture.translation.glossary)
    return replace(mixture, sources=sources, translation=replace(mixture.translation, glossary=glossary))


def _place(file: str) -> str:
    return str(paths.typed(file).resolve()) if file else ""
