"""What a run leaves behind: an adapter that plain peft loads, or a whole model, with the tokenizer and the template it was trained in.

    artifacts/adapter_config.json  adapter_model.safetensors     (or config.json  model.safetensors)
              tokenizer files and the template as a Jinja chat template, for transformers and vLLM
              kullm.toml     template and base, for this product
              manifest.json  step, sizes, sha256

The folder is published whole.
"""

import shutil
from pathlib import Path
from typing import Any

import tomlkit
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from kullm_tui.core.models.folder_profile import FOLDER_FACTS
from kullm_tui.core.paths import private_dir
from kullm_tui.core.templates.registry import TEMPLATES
from trainer.checkpoint import disk_faults, facts_of
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish
from trainer.model.base import Trainable
from trainer.model.place import base_of
from trainer.recipe import Recipe

_MANIFEST_SCHEMA = 1
_CARD = "README.md"  # peft's empty model card


def export(
    folder: JobDirectory,
    recipe: Recipe,
    trainable: Trainable,
    *,
    step: int,
    template: str,
    data: str = "",
    base: str = "",
) -> Path:
    """The artifacts of the weights as they are now, made at `step`; `data`: the digest of what they were trained on; `base`: as it is called
    where the job comes from."""
    draft = folder.artifacts.with_name("artifacts.partial")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with disk_faults(folder.artifacts):
            private_dir(draft)
            _write_weights(draft, recipe, trainable)
            _write_tokenizer(draft, recipe, template)
            _write_facts(draft, recipe, template, base or recipe.model.base)
            made = {"schema": _MANIFEST_SCHEMA, "step": step, "recipe": recipe.name, "data": data}
            publish(draft / folder.manifest.name, {**made, "files": facts_of(draft)})
            shutil.rmtree(folder.artifacts, ignore_errors=True)
            draft.rename(folder.artifacts)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder.artifacts


def _write_weights(draft: Path, recipe: Recipe, trainable: Trainable) -> None:
    if trainable.tuned is not None:
        trainable.tuned.save_pretrained(str(draft))
        (draft / _CARD).unlink(missing_ok=True)
        return
    model = trainable.model
    model.config.use_cache = True
    stored = torch.bfloat16 if recipe.model.precision == "bf16" else torch.float32
    model.config.dtype = stored
    weights = {name: tensor.to(stored) for name, tensor in model.state_dict().items()}
    model.save_pretrained(str(draft), state_dict=weights)


def _write_tokenizer(draft: Path, recipe: Recipe, template: str) -> None:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base_of(recipe)[1], local_files_only=True)
    if template in TEMPLATES:
        tokenizer.chat_template = TEMPLATES[template].jinja
    tokenizer.save_pretrained(str(draft))


def _write_facts(draft: Path, recipe: Recipe, template: str, base: str) -> None:
    facts: dict[str, Any] = {"template": template}
    if recipe.method.kind != "full":
        facts["base"] = base
    (draft / FOLDER_FACTS).write_text(tomlkit.dumps(facts), encoding="utf-8")
