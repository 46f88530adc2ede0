"""A GPT-NeoX checkpoint as llama.cpp reads it, quantised to Q4_K_M: the peer of `bench/engine.py`, on the same weights.

    python bench/llama_file.py CHECKPOINT FILE.gguf        needs the extra `peers`

It is what `kullm adapters export-gguf` writes. Memory stays near the size of the largest tensor.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from trainer.gguf.export import export  # noqa: E402

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    print(export(arguments.checkpoint, arguments.file.absolute(), "q4_k_m")["file"])
