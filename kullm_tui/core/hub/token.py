"""The user's token of the hub: ours where one is stored, else the one that the hub's own tools keep."""

from kullm_tui.core.config.keys import get_key
from kullm_tui.core.redact import keep_out


def hub_token() -> str | None:
    from huggingface_hub import get_token

    token = get_key("HF_TOKEN") or get_token()
    if token:
        keep_out(token)
    return token
