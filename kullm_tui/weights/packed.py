"""Linear layers on a CPU, called with nothing in between.

PackedLinear   4 bits, in the form that bitsandbytes' AVX512-BF16 kernel runs. bitsandbytes' own forward looks at its state,
               converts and dispatches anew for every product, 112 times a token for Polyglot 5.8B; here that is settled when
               the weights are placed. `kernels` runs the same form sooner; without a compiler that kernel serves itself
RowsLinear     bf16; the few rows of a decode step go through `kernels`, which reads the matrix as fast as memory gives it. Many rows go
               through fp32 where the processor has no arithmetic for bf16: torch's own product takes three times as long there
"""

import ctypes
from functools import cache

import torch
from torch import nn

from kullm_tui.weights import bnb
from kullm_tui.weights.kernels import kernels
from kullm_tui.weights.skeleton import BLOCK, is_linear

_KERNEL_NAME = "gemv_4bit_inference_cpu_nf4_bf16"
_FEW_ROWS = 8  # with more of them torch's matrix product is the faster one
_WIDENED_VALUES = 1 << 22  # of a bf16 matrix at a time, as fp32

# (rows, outputs, inputs, x, weight, scales, out, block, stride of x, stride of out)
_Kernel = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_int64,) * 3,
    *(ctypes.c_void_p,) * 4,
    *(ctypes.c_int64,) * 3,
)


def runs_packed(device: torch.device) -> bool:
    return device.type == "cpu" and (has_bnb_kernel() or kernels() is not None)


def has_bnb_kernel() -> bool:
    return bool(bnb.functional.has_avx512bf16())  # no, where `bnb` hides it


class PackedLinear(bnb.nn.Linear4bit):  # type: ignore[misc]
    """For peft a Linear4bit like any other; its forward uses what `settle` prepares."""

    def settle(self) -> None:
        """Called once, when weight, scales and bias are in place."""
        state = self.weight.quant_state
        self._rows, self._columns = state.shape
        self._places = self.weight.data_ptr(), state.absmax.data_ptr()
        self._levels = state.code.to(torch.bfloat16)
        own = kernels()
        self._few = own.nf4_few(self.weight.data, state.absmax, self._levels, self.bias) if own else None
        self._kernel = _Kernel((_KERNEL_NAME, bnb.bitsandbytes.cextension.lib._lib)) if has_bnb_kernel() else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs = x if x.dtype == torch.bfloat16 and x.is_contiguous() else x.to(torch.bfloat16).contiguous()
        if self._few and 0 < inputs.numel() <= self._few.most:
            out = self._few(inputs)
        else:
            out = self._product(inputs)
            if self.bias is not None:
                out += self.bias
        return out if x.dtype == torch.bfloat16 else out.to(x.dtype)

    def _product(self, inputs: torch.Tensor) -> torch.Tensor:
        rows, columns, own = self._rows, self._columns, kernels()
        if own:
            return own.nf4_linear(inputs, self.weight, self.weight.quant_state.absmax, self._levels)
        assert self._kernel is not None, "this form is chosen where there is a kernel for it"
        out = inputs.new_empty((*inputs.shape[:-1], rows))
        weight, scales = self._places
        count = inputs.numel() // columns
        self._kernel(count, rows, columns, inputs.data_ptr(), weight, scales, out.data_ptr(), BLOCK, columns, rows)
        return out


@cache
def multiplies_bf16() -> bool:
    """Whether torch has a fast product of bf16 matrices on this processor, held to its path: AVX-512 at least."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class RowsLinear(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype != torch.bfloat16 or torch.is_grad_enabled():
            return super().forward(x)
        own = kernels()
        if own and x.numel() <= _FEW_ROWS * self.in_features and self.weight.is_contiguous():
            out = own.bf16_linear(x, self.weight)
        elif multiplies_bf16():
            return super().forward(x)
        else:
            out = _through_fp32(x, self.weight)
        if self.bias is not None:
            out += self.bias
        return out


def _through_fp32(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    wide, out = x.float(), x.new_empty((*x.shape[:-1], weight.shape[0]))
    step = max(1, _WIDENED_VALUES // weight.shape[1])
    for first in range(0, weight.shape[0], step):
        out[..., first : first + step] = wide @ weight[first : first + step].float().T
    return out


def speed_up_linears(model: nn.Module) -> None:
    """The ordinary bf16 layers of a model on a CPU become RowsLinear: the same parameters, another forward."""
    for module in model.modules():
        if is_linear(module) and module.weight.dtype == torch.bfloat16 and module.weight.device.type == "cpu":
            module.__class__ = RowsLinear
