"""By which recipe feedback is trained: the shipped one for the model's base and the machine, with the model and the data put in."""

from pathlib import Path

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.feedback.course import Student
from kullm_tui.feedback.replay import OF_VOTES
from trainer.estimate.machines import Machine
from trainer.recipe import Recipe, load_recipe, recipe_with, shipped_recipes

_LARGE = 40 << 30  # bytes of a card, from which the recipes for large ones fit


def recipe_for(learner: Student, machine: Machine) -> Recipe:
    """ConfigError where none is made for anything like it."""
    made = [load_recipe(name) for name in shipped_recipes() if name.startswith(OF_VOTES)]
    fitting = [one for one in made if one.model.base == learner.base] or [one for one in made if not _is_of_demo(one)]
    if not fitting:
        raise ConfigError(
            say(
                f"{learner.base} 모델에 맞는 레시피가 없어요. 레시피를 적어 주세요: kullm train 레시피 --feedback",
                f"No recipe is made for {learner.base}. Name one: kullm train RECIPE --feedback",
            )
        )
    is_large = machine.count > 1 and machine.memory_bytes >= _LARGE
    return min(fitting, key=lambda one: (("24gb" in one.name) == is_large, one.name))


def taught_by(recipe: Recipe, learner: Student, data: Path, *, pairs: bool) -> Recipe:
    """The recipe over this model and these rows. Rows with an answer alone have nothing to prefer, and are imitated."""
    settings = [f"model.base={learner.base}", f"data.source={data}"]
    if learner.adapter:
        settings += [f"model.adapter={learner.adapter}", "model.template=profile"]
    elif learner.template:
        settings.append(f"model.template={learner.template}")
    return recipe_with(recipe, settings if pairs else [*settings, "train.kind=sft"])


def _is_of_demo(recipe: Recipe) -> bool:
    return recipe.model.base.startswith("demo-")
