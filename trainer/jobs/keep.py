"""What a finished run leaves: its adapter in the registry, or its whole model as one of the user's own profiles."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name, is_adapter, list_adapters, publish_adapter
from kullm_tui.core.models.folder_profile import profile_of_folder
from kullm_tui.core.models.profiles import save_profile
from kullm_tui.core.models.resolve import all_profiles
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import turn
from trainer.jobs.card import card
from trainer.jobs.directory import read_spec
from trainer.jobs.registry import KnownJob

_KEPT = "kept"  # in a job's directory: it was
_RUN = "run.txt"  # in a kept model's folder: which run made it


@dataclass(frozen=True)
class Kept:
    name: str
    base: str
    command: str  # that asks it
    is_adapter: bool = True  # False: a model by itself
    advice: str = ""  # not empty: it is here, and the engine cannot answer with it


def keep(job: KnownJob) -> Kept:
    """Done once for a run: keeping it again names what is there."""
    with turn(job.directory.path / "keep.lock"):  # the app and a command may both find it finished
        kept = _keep(job)
        (job.directory.path / _KEPT).touch()
    return kept


def _keep(job: KnownJob) -> Kept:
    folder = job.directory
    spec = read_spec(folder)
    recipe, name = spec["recipe"]["name"], job.name
    base = spec.get("base") or spec["recipe"]["model"]["base"]  # elsewhere it may lie in another place
    if not is_adapter(folder.artifacts):
        name = _kept_model(folder, name, recipe)
        return Kept(name, base, f"kullm ask -m {name}", is_adapter=False)
    name = _kept_adapter(job, name, recipe, base)
    advice = ""
    if spec["recipe"]["method"]["kind"] == "llama-adapter":
        advice = say(
            f"엔진은 LoRA와 IA3만 붙여요. 이 어댑터는 peft로 여세요: {folder.artifacts}",
            f"The engine attaches LoRA and IA3 only. Open this adapter with peft: {folder.artifacts}",
        )
    return Kept(name, base, f"kullm ask -m {base} --adapter {name}", advice=advice)


def keep_finished(jobs: Iterable[KnownJob]) -> None:
    """The adapters of jobs of this computer that have ended well, each once: one that was removed afterwards stays away."""
    for job in jobs:
        if job.machine or job.state.get("state") != states.SUCCEEDED or (job.directory.path / _KEPT).exists():
            continue
        with contextlib.suppress(KullmError, OSError):  # whoever asks for it by name is told why
            if is_adapter(job.directory.artifacts):
                keep(job)


def _kept_adapter(job: KnownJob, name: str, recipe: str, base: str) -> str:
    run = job.id
    known = {adapter.name: adapter for adapter in list_adapters()}
    already = next((adapter.name for adapter in known.values() if adapter.run == run), "")
    if already:
        return already
    if not name or name in known:  # another run took the name meanwhile
        name = free_name(recipe)
    return publish_adapter(job.directory.artifacts, name, run=run, recipe=recipe, base=base, card=card(job)).name


def _kept_model(folder: JobDirectory, name: str, recipe: str) -> str:
    """The files are shared with the run's folder where the disk can do that; a profile of the user's names them."""
    models = paths.private_dir(paths.state_dir() / "models")
    name = name or free_name(recipe)
    while (models / name).exists() or name in all_profiles():
        if (models / name / _RUN).is_file() and (models / name / _RUN).read_text() == folder.path.name:
            return name
        name = f"{name}-again"
    draft = Path(tempfile.mkdtemp(dir=models, prefix=f".{name}."))
    try:
        for file in folder.artifacts.iterdir():
            if file.is_file():
                _share(file, draft / file.name)
        (draft / _RUN).write_text(folder.path.name)
        draft.rename(models / name)
    except OSError as error:
        reason = cause_of(error)
        raise KullmError(
            say(
                f"학습한 모델을 {models}에 저장하지 못했어요({reason}). 결과는 {folder.artifacts}에 있어요.",
                f"The trained model was not kept in {models} ({reason}). It is in {folder.artifacts}.",
            )
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    found = profile_of_folder(models / name, name)
    save_profile(name, {"folder": str(models / name), "template": found.template})
    return name


def _share(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
