"""The model that is trained: the base in its precision, the method's parameters over it.

    lora, ia3, llama-adapter   the base is frozen, its files mapped or quantised as the engine does; what is trained is fp32
    full                       all of it, fp32; computed in bf16 where the recipe says bf16 and the processor multiplies that
    scratch                    random weights of config.json's shape, from the seed
    adapter                    lora and ia3 go on from the values of one that was trained before

Refuses a method that the architecture cannot carry, and what no gradient gets through.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import torch
from peft import PeftModel, PeftType
from transformers import AutoModelForCausalLM, PreTrainedModel

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.weights import bnb, peft_front  # noqa: F401 - before a layer is wrapped
from kullm_tui.weights.loading import load_in_form
from kullm_tui.weights.skeleton import read_config
from trainer.model.lean_layers import make_lean
from trainer.model.place import base_of
from trainer.model.start import begin_with, starting_values
from trainer.model.wide_layers import computes_wide, make_wide
from trainer.recipe import Method, Recipe
from trainer.starting_adapter import starting_adapter


@dataclass(frozen=True)
class Trainable:
    """`model` is the causal language model, adapter layers inside; `tuned` is peft's wrapper around it, which saves them."""

    model: PreTrainedModel
    tuned: PeftModel | None
    parameters: Mapping[str, torch.nn.Parameter]
    device: torch.device
    autocast: bool

    @property
    def body(self) -> Any:
        """Ids to hidden states, without the head."""
        return self.model.base_model

    @property
    def head(self) -> Any:
        return self.model.get_output_embeddings()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Without dropout. Quantised layers stay as they train: on a CPU, one forward in eval mode repacks them for good, without a backward."""
        self.model.eval()
        for layer in self.model.modules():
            if isinstance(layer, bnb.nn.Linear4bit | bnb.nn.Linear8bitLt):
                layer.training = True
        try:
            yield
        finally:
            self.model.train()

    def computing(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.autocast else nullcontext()


def trainable_model(recipe: Recipe, device: torch.device) -> Trainable:
    ref, folder = base_of(recipe)
    model = _base(recipe, folder, device)
    model.name_or_path = ref.profile.repository or str(folder)  # what peft writes down as the adapter's base
    torch.manual_seed(recipe.train.seed)
    wide = computes_wide(recipe, device)
    if wide and recipe.method.kind != "full":
        make_wide(model)
    start = starting_values(model, starting_adapter(recipe.model.adapter).folder) if recipe.model.adapter else None
    tuned = None if recipe.method.kind == "full" else _with_method(model, recipe)
    if start is not None:
        begin_with(model, start)
    if tuned is None:
        _thaw(model)
    model.train()
    model.config.use_cache = False
    make_lean(model)
    narrow = _widen_trained(model)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    autocast = not wide and (narrow or (tuned is None and recipe.model.precision == "bf16"))
    return Trainable(model, tuned, parameters, device, autocast)


def _base(recipe: Recipe, folder: Path, device: torch.device) -> PreTrainedModel:
    precision = recipe.model.precision
    whole = recipe.method.kind == "full" or recipe.model.init == "scratch"
    if whole and precision in ("4bit", "8bit"):
        raise ConfigError(
            say(
                f"{precision}에서는 가중치를 모두 학습하거나 무작위로 시작할 수 없어요. precision을 bf16이나 fp32로 바꾸세요.",
                f"{precision} weights cannot be trained whole or made from scratch. Set precision to bf16 or fp32.",
            )
        )
    if recipe.model.init == "scratch":
        torch.manual_seed(recipe.train.seed)
        config = read_config(folder)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="sdpa"
        )
        return model.to(device)
    assert precision != "auto", "a run is given a settled recipe"
    form: Any = "bnb" if precision in ("4bit", "8bit") else "plain"  # the engine's packed form has no backward
    loaded = load_in_form(
        folder, "fp32" if whole else precision, form, device, progress=lambda _: None, cancelled=lambda: False
    )
    return loaded.model


def _thaw(model: PreTrainedModel) -> None:
    """Parameters of their own in place of the mapped files, which a step must never change."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
        parameter.requires_grad_(True)


def _widen_trained(model: PreTrainedModel) -> bool:
    """What is trained becomes fp32; true if some of it was made narrower, and then only autocast can multiply it."""
    narrow = [p for p in model.parameters() if p.requires_grad and p.dtype != torch.float32]
    for parameter in narrow:
        parameter.data = parameter.data.float()
    return bool(narrow)


def _with_method(model: PreTrainedModel, recipe: Recipe) -> PeftModel:
    try:
        with warnings.catch_warnings():  # peft still asks by the old name, which is nothing to whoever reads the log
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            return peft.get_peft_model(model, _configs(recipe.method, model))
    except ValueError as error:
        targets = ", ".join(recipe.method.targets) or "-"
        raise ConfigError(
            say(
                f"{recipe.method.kind} 방식을 {model.config.model_type} 모델에 붙이지 못했어요(targets: {targets}). "
                f"method.targets에 이 모델의 층 이름을 적으세요.",
                f"{recipe.method.kind} does not fit a {model.config.model_type} model (targets: {targets}). "
                f"Name layers of this model in method.targets. Cause: {error}",
            )
        ) from error


def _configs(method: Method, model: PreTrainedModel) -> Any:
    targets = list(method.targets) or None
    if method.kind == "lora":
        return peft.LoraConfig(
            r=method.rank,
            lora_alpha=method.alpha,
            lora_dropout=method.dropout,
            target_modules=targets,
            task_type="CAUSAL_LM",
        )
    if method.kind == "ia3":
        return _ia3(targets, model)
    return _adaption_prompt(method, model)


def _ia3(targets: list[str] | None, model: PreTrainedModel) -> Any:
    """Layers of the feed-forward part are scaled at their input (IA³, §3.3): peft's table knows which they are."""
    known = peft.utils.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(model.config.model_type, [])
    inner = [name for name in targets if name in known] if targets else None
    return peft.IA3Config(target_modules=targets, feedforward_modules=inner, task_type="CAUSAL_LM")


def _adaption_prompt(method: Method, model: PreTrainedModel) -> Any:
    from peft.tuners.adaption_prompt.config import TRANSFORMERS_MODEL_CONFIG

    if model.config.model_type not in TRANSFORMERS_MODEL_CONFIG:
        known = ", ".join(TRANSFORMERS_MODEL_CONFIG)
        raise ConfigError(
            say(
                f"llama-adapter는 {model.config.model_type} 모델에서 쓸 수 없어요. 쓸 수 있는 구조: {known}. "
                'method.kind를 "lora"나 "ia3"으로 바꾸세요.',
                f"llama-adapter does not exist for {model.config.model_type} models, only for {known}. "
                'Set method.kind to "lora" or "ia3".',
            )
        )
    layers = method.adapter_layers or model.config.num_hidden_layers
    config = peft.AdaptionPromptConfig(adapter_len=method.adapter_len, adapter_layers=layers, task_type="CAUSAL_LM")
    config.peft_type = PeftType.ADAPTION_PROMPT
    return config
