"""The agent's answer found in what came: behind greetings of a shell, in front of its farewells."""

from typing import Any

from kullm_tui.core import foreign_json
from trainer.jobs.agent.rpc import REPLY


def answer_in(output: bytes) -> dict[str, Any] | None:
    """None where the agent did not come to answer."""
    for line in reversed(output.decode(errors="replace").splitlines()):
        if line.startswith(REPLY):
            try:
                value = foreign_json.parsed(line.removeprefix(REPLY))
            except ValueError:
                return None
            return value if isinstance(value, dict) else None
    return None
