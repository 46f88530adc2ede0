"""A machine's client for a verb of the shell: what ssh wants to know is asked at the terminal."""

from kullm_tui.commands.cli.ssh_questions import terminal_asking
from trainer.jobs import reach
from trainer.jobs.client import Client


def client_of(machine: str) -> Client:
    return reach.client_of(machine, terminal_asking() if machine else None)
