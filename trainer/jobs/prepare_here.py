"""A training of this computer, from its recipe to a job that can be started.

The shell and the app take the same steps, each in its own way of asking and telling.
"""

from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import require_free
from kullm_tui.core.models.resolve import all_profiles, local_folder, resolve
from kullm_tui.core.text import size_text
from trainer.dataset.labels import template_of
from trainer.estimate.estimate import Fit, fit_of, plan_run
from trainer.estimate.machines import Machine
from trainer.estimate.tokens import Lengths
from trainer.jobs.card import predicted
from trainer.jobs.telling import Telling
from trainer.jobs.tokenising import tokenise
from trainer.recipe import Recipe
from trainer.settle import NOW, settled
from trainer.starting_adapter import require_fitting, starting_adapter


@dataclass(frozen=True)
class Prepared:
    recipe: Recipe  # settled on the machine
    machine: Machine
    lengths: Lengths

    def fit(self) -> Fit:
        return fit_of(self.recipe, self.machine, self.lengths)

    def room_fault(self) -> str:
        """Empty where it fits."""
        fit = self.fit()
        if fit.fits:
            return ""
        need, have = size_text(fit.memory.total), size_text(self.machine.memory_bytes)
        return say(
            f"메모리가 부족할 것 같아요: {self.machine.name}에 {have} 있고 {need} 정도 필요해요.",
            f"this will probably not fit: {self.machine.name} has {have}, and it takes about {need}.",
        )

    def predicted(self) -> dict[str, object]:
        """What the plan says, to be held against what will have been. Nobody waits for a measurement for that."""
        return predicted(plan_run(self.recipe, self.machine, lengths=self.lengths, measure=lambda _facts: None))


def prepared(recipe: Recipe, machine: Machine, telling: Telling) -> Prepared:
    """Its rows made into tokens, and what it leaves to the machine decided by the machine's speed at this moment."""
    lengths = tokenise(recipe, base_folder(recipe), telling)
    return Prepared(_settled(recipe, machine, lengths, telling), machine, lengths)


def base_folder(recipe: Recipe) -> Path:
    """ModelNotFound, with the way to fetch it, where the base is not here."""
    require_base(recipe)
    return local_folder(resolve(recipe.model.base))


def require_base(recipe: Recipe) -> None:
    """One with weights of its own, and an adapter to start from that belongs to it."""
    if resolve(recipe.model.base).profile.kind == "adapter":
        raise ConfigError(
            say(
                f"{recipe.model.base}: 어댑터 위에는 학습할 수 없어요. 그 베이스 모델을 고르거나 `kullm adapters merge`로 먼저 합치세요.",
                f"{recipe.model.base} is an adapter. Choose its base, or merge it first with `kullm adapters merge`.",
            )
        )
    if recipe.model.adapter:
        template = template_of(recipe, resolve(recipe.model.base).profile)
        require_fitting(starting_adapter(recipe.model.adapter), base=recipe.model.base, template=template)


def require_name(recipe: Recipe, name: str) -> None:
    """One that what is trained may have, and that nothing has yet."""
    require_free(name)
    if recipe.method.kind == "full" and name in all_profiles():
        raise UsageError(
            say(
                f"{name} 모델이 이미 있어요. 다른 이름을 쓰세요.",
                f"There is a model {name} already. Use another name.",
            )
        )


def _settled(recipe: Recipe, machine: Machine, lengths: Lengths, telling: Telling) -> Recipe:
    """What the recipe leaves to the machine, decided now and said; the run keeps it, however often it is resumed."""
    if recipe.model.precision != "auto" and not recipe.train.minutes:
        return recipe
    telling.progress(say("이 컴퓨터의 속도를 재는 중 …", "measuring this machine …"))
    found = settled(recipe, machine, lengths, within=NOW)
    parts: list[str] = [found.model.precision] if recipe.model.precision == "auto" else []
    if recipe.train.minutes:
        steps, minutes = found.train.max_steps, recipe.train.minutes
        parts.append(say(f"{steps:,}단계 ({minutes:g}분에 맞춤)", f"{steps:,} steps (made for {minutes:g} min)"))
    telling.note(say("이 컴퓨터에서는 ", "on this machine: ") + ", ".join(parts))
    return found
