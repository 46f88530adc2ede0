"""How each machine is reached, by its name: this computer by a process, one elsewhere as the configuration says."""

from collections.abc import Callable, Mapping
from typing import Any

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.client import Client
from trainer.jobs.transports.local import LocalTransport

Reach = Callable[[str], Client]

HERE = Client("", LocalTransport())


def client_of(machine: str) -> Client:
    """UsageError for a machine that is not among the configured ones."""
    if not machine:
        return HERE
    raise UsageError(
        say(
            f"'{machine}' 장비가 설정에 없어요. `kullm machines add {machine}`로 먼저 등록하세요.",
            f"There is no machine '{machine}' in the configuration. Add it first with `kullm machines add {machine}`.",
        )
    )


def secrets_of(_machine: str, _spec: Mapping[str, Any]) -> dict[str, str]:
    """What a start there is given again, since it is kept nowhere."""
    return {}


def finish_dispatch(_job: JobDirectory, _client: Client, _note: Callable[[str], None]) -> bool:
    """Whether the job's way to its machine had been cut off, and it has been brought there and started now."""
    return False
