"""Which base a recipe means and where its files are: asked before anything is computed, so torch is not imported."""

from pathlib import Path

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import ModelRef, local_folder, resolve
from trainer.recipe import Recipe


def base_of(recipe: Recipe) -> tuple[ModelRef, Path]:
    """The base's profile and the folder of its files."""
    ref = resolve(recipe.model.base)
    if ref.profile.kind != "weights":
        raise ConfigError(
            say(
                f"{recipe.model.base}에는 학습할 가중치가 없어요. 어댑터나 엔드포인트가 아닌 베이스 모델을 고르세요.",
                f"{recipe.model.base} has no weights to train on. Choose a base model, not an adapter or an endpoint.",
            )
        )
    return ref, local_folder(ref)
