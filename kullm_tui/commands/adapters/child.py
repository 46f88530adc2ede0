"""What makes a model of an adapter and its base, in a process beside this one, since it needs torch.

Its progress comes line by line, its faults when it has ended.
"""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text

INTERRUPTED = 130

Step = Mapping[str, Any]


def run_child(arguments: Sequence[str], doing: str, *, heard: Callable[[Step], None] = lambda _: None) -> int:
    """Its exit code: 0, or INTERRUPTED where ctrl-c ended it, with nothing left. `heard` gets every line; a fault is a KullmError."""
    narration = Narration()
    with tempfile.TemporaryFile() as faults:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=faults,
            start_new_session=True,
        )
        assert child.stdout
        try:
            for line in child.stdout:
                with contextlib.suppress(ValueError, KeyError, TypeError, ZeroDivisionError):
                    step = json.loads(line)
                    heard(step)
                    narration.progress(_progress(step, doing))
            code = child.wait()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGTERM)  # it takes its draft away
            child.wait()
            narration.clear()
            return INTERRUPTED
        finally:
            child.stdout.close()
            narration.clear()
        if code:
            faults.seek(0)
            raise KullmError(_told(faults.read().decode(errors="replace"), code))
    return 0


def _progress(step: Step, doing: str) -> str:
    if step.get("quantising"):
        return say("llama.cpp가 4비트로 바꾸는 중 …", "llama.cpp makes it 4-bit …")
    done, total = step["done"], step["total"]
    return f"{doing} … {100 * done // total}% ({size_text(done)} / {size_text(total)})"


def _told(faults: str, code: int) -> str:
    """What the child said; of a crash, its last line."""
    text = faults.strip()
    if not text:
        return say(f"끝내지 못했어요(종료 코드 {code}).", f"it did not end well (exit code {code}).")
    return text.splitlines()[-1] if "Traceback" in text else text
