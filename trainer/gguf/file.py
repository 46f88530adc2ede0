"""A GGUF file written tensor by tensor: facts, vocabulary and the chat template first, then the weights, each read, rearranged and rounded in turn.

F16    matrices in fp16, vectors in fp32, as llama.cpp keeps them
Q8_0   matrices in blocks of 32 with one scale, rounded by gguf's own code; a matrix whose rows are no multiple of 32 in fp16
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import torch
from transformers import PreTrainedConfig

from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.models.prompting import Prompting
from trainer.gguf.layout import Layout, Rearranged, is_buffer
from trainer.gguf.vocabulary import Vocabulary
from trainer.merge import Merging

Rounding = Literal["f16", "q8_0"]

_BLOCK = 32
_FILE_TYPES = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


@dataclass(frozen=True)
class Model:
    """All that goes into the file but its rounding."""

    name: str
    folder: Path
    config: PreTrainedConfig
    layout: Layout
    merging: Merging
    vocabulary: Vocabulary
    prompting: Prompting
    licence: str


@dataclass(frozen=True)
class _Written:
    name: str
    key: str  # of the checkpoint
    kind: gguf.GGMLQuantizationType
    shape: tuple[int, ...]
    rearranged: Rearranged | None


def bytes_of(model: Model, rounding: Rounding) -> int:
    return sum(_bytes(one) for one in _tensors(model, rounding))


def write(file: Path, model: Model, rounding: Rounding, *, wrote: Callable[[int], None]) -> None:
    """`wrote` hears how many bytes of weights have gone out."""
    tensors = list(_tensors(model, rounding))
    writer = gguf.GGUFWriter(file, model.layout.architecture)
    try:
        _write_facts(writer, model, rounding)
        for one in tensors:
            shape, dtype = _stored(one)
            writer.add_tensor_info(one.name, shape, dtype, _bytes(one), raw_dtype=one.kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        with torch.inference_mode():
            for one in tensors:
                writer.write_tensor_data(_rounded(model, one))
                wrote(_bytes(one))
    finally:
        writer.close()


def _write_facts(writer: gguf.GGUFWriter, model: Model, rounding: Rounding) -> None:
    writer.add_name(model.name)
    if model.licence:
        writer.add_license(model.licence)
    writer.add_file_type(_FILE_TYPES[rounding])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    model.layout.write_facts(writer, model.config)
    _write_vocabulary(writer, model)


def _write_vocabulary(writer: gguf.GGUFWriter, model: Model) -> None:
    vocabulary, special = model.vocabulary, model.prompting.special
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if vocabulary.kind == "gpt2":
        writer.add_token_merges(vocabulary.merges)
    else:
        writer.add_token_scores(vocabulary.scores)
        writer.add_add_space_prefix(True)
    ends = sorted(special.eos)
    # Without a number of ours llama.cpp takes one of its own: a template would then begin with that token's text.
    writer.add_bos_token_id(ends[0] if special.bos is None else special.bos)
    for add, token in zip(
        (writer.add_eos_token_id, writer.add_eot_token_id, writer.add_eom_token_id), ends, strict=False
    ):
        add(token)
    if special.pad is not None:
        writer.add_pad_token_id(special.pad)
    if vocabulary.unknown is not None:
        writer.add_unk_token_id(vocabulary.unknown)
    writer.add_add_bos_token(special.bos is not None)
    writer.add_add_eos_token(False)
    if model.prompting.chat_template:
        writer.add_chat_template(model.prompting.chat_template)


def _tensors(model: Model, rounding: Rounding) -> Iterator[_Written]:
    """WeightsError where the checkpoint has less, or more, than llama.cpp makes a model of."""
    wanted = model.layout.names(model.config)
    by_name = {model.merging.names[key]: key for key in model.merging.checkpoint.tensors}
    unknown = [name for name in by_name if name not in wanted and not is_buffer(name) and not _is_tied(model, name)]
    missing = [name for name in wanted if name not in by_name]
    if unknown or missing:
        raise _not_whole(model.folder, (missing or unknown)[0], missing=bool(missing))
    for ours, theirs in wanted.items():
        yield _written(model, by_name[ours], ours, theirs, rounding)
    if model.config.tie_word_embeddings and model.layout.repeats_tied_output:
        embedding = next(ours for ours, theirs in wanted.items() if theirs == "token_embd.weight")
        yield _written(model, by_name[embedding], embedding, "output.weight", rounding)


def _is_tied(model: Model, name: str) -> bool:
    return bool(model.config.tie_word_embeddings) and name == "lm_head.weight"


def _written(model: Model, key: str, ours: str, theirs: str, rounding: Rounding) -> _Written:
    shape = model.merging.checkpoint.tensors[key].shape
    kind = gguf.GGMLQuantizationType.F32
    if len(shape) == 2:
        kind = gguf.GGMLQuantizationType.F16
        if rounding == "q8_0" and shape[1] % _BLOCK == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
    return _Written(theirs, key, kind, shape, model.layout.rearranged(ours, model.config))


def _stored(one: _Written) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of what is handed to the writer: blocks go as bytes."""
    if one.kind == gguf.GGMLQuantizationType.Q8_0:
        return gguf.quant_shape_to_byte_shape(one.shape, one.kind), np.dtype(np.uint8)
    return one.shape, np.dtype(np.float16 if one.kind == gguf.GGMLQuantizationType.F16 else np.float32)


def _bytes(one: _Written) -> int:
    shape, dtype = _stored(one)
    return int(np.prod(shape)) * dtype.itemsize


def _rounded(model: Model, one: _Written) -> np.ndarray[Any, Any]:
    tensor = model.merging.read(model.merging.checkpoint.tensors[one.key]).to(torch.float32)
    if one.rearranged:
        tensor = one.rearranged(tensor)
    values = tensor.contiguous().numpy()
    if one.kind == gguf.GGMLQuantizationType.F16 and np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise _too_large(model.folder, one.name)
    rounded: np.ndarray[Any, Any] = gguf.quantize(values, one.kind)
    return rounded


def _not_whole(folder: Path, name: str, *, missing: bool) -> WeightsError:
    if missing:
        return WeightsError(
            say(
                f"{folder}의 가중치에 {name} 텐서가 없어서 GGUF를 만들 수 없어요. 모델을 다시 받으세요.",
                f"The weights in {folder} lack {name}, so that no GGUF file can be made. Fetch the model again.",
            )
        )
    return WeightsError(
        say(
            f"{folder}의 {name} 텐서는 llama.cpp에 자리가 없어요. `kullm adapters merge`로 합쳐 vLLM이나 transformers에서 쓰세요.",
            f"llama.cpp has no place for {name} of {folder}. Merge it with `kullm adapters merge` and use vLLM or transformers.",
        )
    )


def _too_large(folder: Path, name: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder}의 {name} 텐서에는 fp16으로 적을 수 없는 큰 수가 있어요. `--type q8_0`으로 내보내세요.",
            f"{name} of {folder} holds numbers too large for fp16. Export it with `--type q8_0`.",
        )
    )
