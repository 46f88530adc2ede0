import subprocess
import sys
from pathlib import Path

_IMPORT = """
import sys, torch
from kullm_tui.weights import bnb
layer = bnb.nn.Linear4bit(64, 32, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4").to("cpu").eval()
layer(torch.ones(1, 64, dtype=torch.bfloat16))
print("kernels" in sys.modules)
"""


def test_importing_bitsandbytes_fetches_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(f"open({str(tmp_path / 'used')!r}, 'w')\ndef get_kernel(*a, **k): ...\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{_IMPORT}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
    assert ran.stderr == ""
    assert not (tmp_path / "used").exists()
