"""CPU tensors of zeros that take memory only where they are written, page by page, and give it back."""

import ctypes
import mmap
import os

import torch

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DONT_NEED = getattr(mmap, "MADV_DONTNEED", 4)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def untouched_zeros(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """The kernel hands out its one page of zeros until something is written."""
    count = torch.Size(shape).numel()
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    memory = mmap.mmap(-1, max(count * dtype.itemsize, 1), flags=flags)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)  # a huge page would come whole with its first token
    return torch.frombuffer(memory, dtype=dtype, count=count).view(shape)


def give_back(part: torch.Tensor) -> None:
    """The whole pages of a contiguous part of such a tensor; on Linux they read as zeros again."""
    if part.device.type != "cpu":
        return
    begin = -(-part.data_ptr() // _PAGE) * _PAGE
    end = (part.data_ptr() + part.nbytes) // _PAGE * _PAGE
    if end > begin:
        _libc.madvise(begin, end - begin, _DONT_NEED)
