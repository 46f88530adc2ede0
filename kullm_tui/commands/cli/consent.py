"""Before a command sends text to a host outside this machine: the host named, asked once."""

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.core.endpoints import consent
from kullm_tui.core.endpoints.consent_text import ConsentText, Leaving
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConsentNeeded


def obtain_consent(endpoint: Endpoint, command: str, *, leaving: Leaving, agreed_now: bool) -> None:
    """Back where somebody agreed, now or earlier; ConsentNeeded otherwise."""
    if consent.agreed(endpoint):
        return
    words = ConsentText(endpoint, leaving)
    if not agreed_now:
        if not can_ask():
            raise ConsentNeeded(words.unattended(f"{command} --yes"))
        if not confirmed(words.offer):
            raise ConsentNeeded(words.refusal)
    consent.agree(endpoint)
