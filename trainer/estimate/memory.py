"""What one rank holds at its fullest, part by part: weights, what is trained, activations, the head's chunk, the rest.

Activations are counted tensor by tensor as autograd saves them, per token and block (d: hidden, m: feed-forward, q: queries, kv: keys,
b: bytes of the arithmetic's type), for the fused blocks of GPT-NeoX with a base that is not trained:

    input of both norms                       b·d
    query, key and value as one product       b·(q + 2·kv)
    query and key turned by their positions   b·(q + kv)
    attention's output                        b·q
    the feed-forward's inner product          b·m          = 12·b·d where m = 4·d: 24·d bytes in bf16
    inputs of the layers that are trained     their width
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trainer.arithmetic import arithmetic, arithmetic_here
from trainer.estimate.figures import Basis, Figure
from trainer.estimate.machines import Machine
from trainer.estimate.shape import FEEDFORWARD_OUT, ModelShape, lora_targets, trainable_parameters
from trainer.recipe import Recipe

_NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)  # half a byte, a scale for 64 values, a scale for 256 scales
_TRAINED_BYTES = 16  # fp32: the weight, its gradient, Adam's two moments
# What a process holds before any tensor of ours: measured on a Linux machine for the processor, assumed for cards.
_CPU_PROCESS = 470_000_000
_BF16_PROCESS = 30_000_000  # more where a processor multiplies bf16: the kernels that torch makes for it
_CUDA_CONTEXT = 900_000_000
PIECE_BYTES = {
    "cpu": 16 * 2**20,
    "cuda": 64 * 2**20,
}  # of fp32 logits that the loss takes at once; a processor's fit its cache
# The allocator's gaps, as a share of what comes and goes. On processors: measured with glibc, which keeps blocks below 32 MB in one heap
# that fragments, and gives larger ones back; in bf16 more and smaller tensors come and go, fp32 copies among them, and leave more gaps.
_CARD_SLACK = 0.05
_HEAP_SLACK, _BF16_HEAP_SLACK = 0.2, 0.9
_HEAP_BLOCK = 32 * 2**20


@dataclass(frozen=True)
class Memory:
    """Bytes of one rank. The names are keys; whoever shows them says them in the reader's language."""

    parts: Mapping[str, Figure]

    @property
    def total(self) -> int:
        return round(sum(figure.value for figure in self.parts.values()))


def memory_of(recipe: Recipe, shape: ModelShape, machine: Machine, *, tokens: int, labelled: float) -> Memory:
    """`tokens`: of the fullest micro-batch; `labelled`: how many of them have a label."""
    base, opened = base_bytes(recipe, shape), _opened_bytes(recipe, shape)
    trained = trainable_parameters(shape, recipe.method)
    if machine.is_cpu and arithmetic_here(recipe.model.precision) != arithmetic(recipe.model.precision):
        opened = 4 * max(shape.vocab * shape.hidden, _largest_matrix(shape))  # a matrix made wide, the head among them
        recipe = replace(recipe, model=replace(recipe.model, precision="fp32"))  # all but the base is as in fp32
    kept = tokens * activation_bytes(recipe, shape)
    block = tokens * _passing_bytes(recipe, shape) + opened
    passing = max(block, _head_bytes(recipe, shape, machine, labelled))  # the head's are gone when the blocks' come
    context = _process_bytes(recipe) if machine.is_cpu else _CUDA_CONTEXT
    basis: Basis = "measured" if machine.is_cpu else "assumed"
    slack = _slack_share(recipe, shape, machine, tokens)
    parts = {
        "base": Figure(base, "computed"),
        "trained": Figure(_TRAINED_BYTES * trained, "computed"),
        "activations": Figure(kept, "computed"),
        "passing": Figure(passing, "computed"),
        "exchange": Figure(4 * trained if machine.count > 1 else 0, "computed"),
        "process" if machine.is_cpu else "context": Figure(context, basis),
        "slack": Figure(slack * (kept + passing), "assumed" if slack == _CARD_SLACK else "measured"),
    }
    return Memory({name: figure for name, figure in parts.items() if figure.value})


def _slack_share(recipe: Recipe, shape: ModelShape, machine: Machine, tokens: int) -> float:
    block = number_bytes(recipe) * tokens * shape.hidden  # most tensors are of this size or a few times it
    if not machine.is_cpu or block > _HEAP_BLOCK:
        return _CARD_SLACK
    return _HEAP_SLACK if number_bytes(recipe) == 4 else _BF16_HEAP_SLACK


def _process_bytes(recipe: Recipe) -> int:
    return _CPU_PROCESS + (_BF16_PROCESS if number_bytes(recipe) == 2 else 0)


def base_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """The frozen base. What is trained whole is counted with what is trained."""
    if recipe.method.kind == "full":
        return 0
    matrices, others = shape.linear_parameters, shape.other_parameters
    if recipe.model.precision == "4bit":
        return _NF4_BYTES * matrices + 2 * others
    if recipe.model.precision == "8bit":
        rows = shape.layers * sum(rows for rows, _ in shape.matrices.values())
        return matrices + 4 * rows + 2 * others
    return number_bytes(recipe) * (matrices + others)


def number_bytes(recipe: Recipe) -> int:
    """Of one number of the arithmetic."""
    return 4 if recipe.model.precision == "fp32" else 2


def activation_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """Kept for the backward pass, per token, over all blocks; recomputed blocks keep only their input."""
    again = recipe.train.recompute
    return shape.layers * ((1 - again) * _block_bytes(recipe, shape) + again * number_bytes(recipe) * shape.hidden)


def _block_bytes(recipe: Recipe, shape: ModelShape) -> float:
    b, d, m = number_bytes(recipe), shape.hidden, shape.intermediate
    q, kv = shape.query_width, shape.key_width
    attention = b * (q + kv) + b * q
    if shape.gated:
        norms = 2 * 4 * d  # their input in fp32, whatever the arithmetic's type
        values, feedforward = b * kv, 3 * b * m
    else:
        norms = b * d * (1 if shape.family == "gpt_neox" else 2)
        values, feedforward = b * (q + 2 * kv), b * m
    return norms + attention + values + feedforward + _trained_inputs(recipe, shape)


def _trained_inputs(recipe: Recipe, shape: ModelShape) -> float:
    """What the trained layers keep: a gradient of a weight needs the layer's input."""
    b, d, m, q = number_bytes(recipe), shape.hidden, shape.intermediate, shape.query_width
    method = recipe.method
    if method.kind == "full":
        return b * (2 * d + q + m)
    if method.kind == "llama-adapter":
        return b * 2 * q
    targets = lora_targets(shape, method)
    if method.kind == "ia3":
        return b * sum(shape.matrices[name][1 if name in FEEDFORWARD_OUT else 0] for name in targets)
    if method.dropout:  # each layer drops its own input, and remembers which numbers
        return (b + 1) * sum(shape.matrices[name][1] for name in targets)
    shared = {_shared_input(name): shape.matrices[name][1] for name in targets}
    return b * (sum(shared.values()) + method.rank * len(targets))


def _shared_input(name: str) -> str:
    """Layers that read the same norm's output keep it once; what attention and the activation put out is theirs."""
    if name in ("dense_h_to_4h", "c_fc", "gate_proj", "up_proj"):
        return "feed-forward"
    return name if name in (*FEEDFORWARD_OUT, "dense", "attn.c_proj", "o_proj") else "attention"


def _passing_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """What one block needs beside, per token, while its backward pass runs; recomputing opens a whole block again."""
    b = number_bytes(recipe)
    gradients = b * (2 * shape.intermediate + 2 * shape.hidden)
    return gradients + (_block_bytes(recipe, shape) if recipe.train.recompute else 0)


def _head_bytes(recipe: Recipe, shape: ModelShape, machine: Machine, labelled: float) -> float:
    """Logits of one piece in fp32, before and behind the softmax; the labelled states."""
    b = number_bytes(recipe)
    rows = min(labelled, PIECE_BYTES["cpu" if machine.is_cpu else "cuda"] / (4 * shape.vocab))
    piece = rows * shape.vocab * 8
    head = shape.vocab * shape.hidden * (8 + (2 if b == 2 else 0)) if recipe.method.kind == "full" else 0
    return piece + 2 * b * labelled * shape.hidden + head


def _opened_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """The largest matrix as numbers, while a quantised layer multiplies."""
    if recipe.model.precision not in ("4bit", "8bit"):
        return 0
    return 2 * _largest_matrix(shape)


def _largest_matrix(shape: ModelShape) -> int:
    return max(rows * columns for rows, columns in shape.matrices.values())
