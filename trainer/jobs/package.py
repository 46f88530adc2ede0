"""The agent as one file that any Python runs: a zip of this package's modules, named by what is in it."""

import hashlib
import io
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path

from kullm_tui.core.files import publish_bytes

_MAIN = "import sys\n\nfrom trainer.jobs.agent.main import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same modules


@cache
def agent_archive() -> tuple[str, bytes]:
    """Its name, which follows its content, and its bytes."""
    modules = {f"trainer/jobs/agent/{name}": text for name, text in sorted(_modules().items())}
    modules |= {"trainer/__init__.py": "", "trainer/jobs/__init__.py": "", "__main__.py": _MAIN}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in modules.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    content = buffer.getvalue()
    return f"agent-{hashlib.sha256(content).hexdigest()[:16]}.pyz", content


def _modules() -> dict[str, str]:
    folder = resources.files("trainer.jobs.agent")
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".py")}


def agent_file(folder: Path) -> Path:
    """Written once for each version; an older one stays for the supervisors that run it."""
    name, content = agent_archive()
    if not (folder / name).is_file():
        publish_bytes(folder / name, content, mode=0o600)
    return folder / name
