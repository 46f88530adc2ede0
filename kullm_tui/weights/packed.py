"""A 4-bit linear layer in the form that bitsandbytes' AVX512-BF16 kernel runs, called without anything in between.

bitsandbytes' own forward looks at its state, converts and dispatches anew for every product, 112 times a token for Polyglot
5.8B. Here all of that is settled when the weights are placed. The numbers are the same.
"""

import ctypes

import torch

from kullm_tui.weights import bnb
from kullm_tui.weights.skeleton import BLOCK

_KERNEL_NAME = "gemv_4bit_inference_cpu_nf4_bf16"

# (rows, outputs, inputs, x, weight, scales, out, block, stride of x, stride of out)
_Kernel = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_int64,) * 3,
    *(ctypes.c_void_p,) * 4,
    *(ctypes.c_int64,) * 3,
)


class PackedLinear(bnb.nn.Linear4bit):  # type: ignore[misc]
    """For peft a Linear4bit like any other; its forward uses what `settle` prepares."""

    def settle(self) -> None:
        """Called once, when weight, scales and bias are in place."""
        state = self.weight.quant_state
        self._rows, self._columns = state.shape
        self._places = self.weight.data_ptr(), state.absmax.data_ptr()
        self._kernel = _Kernel((_KERNEL_NAME, bnb.bitsandbytes.cextension.lib._lib))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs = x if x.dtype == torch.bfloat16 and x.is_contiguous() else x.to(torch.bfloat16).contiguous()
        out = inputs.new_empty((*x.shape[:-1], self._rows))
        weight, scales = self._places
        rows, columns = self._rows, self._columns
        count = inputs.numel() // columns
        self._kernel(count, rows, columns, inputs.data_ptr(), weight, scales, out.data_ptr(), BLOCK, columns, rows)
        if self.bias is not None:
            out += self.bias
        return out if x.dtype == torch.bfloat16 else out.to(x.dtype)
