"""What has to be fetched before a model runs here, and fetching it: an adapter brings its base."""

from pathlib import Path

from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.hub.transfer import Progress
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import ModelRef, Profile, resolve

HUB_KEY = "HF_TOKEN"


def fetch_plan(ref: ModelRef) -> tuple[Profile, ...]:
    """The profiles whose files are to be fetched, the model's own first; UsageError for what does not come from the hub."""
    if ref.kind in ("folder", "endpoint") or not ref.profile.repository:
        raise UsageError(
            say(
                f"{ref.name}: 허브에서 받는 모델이 아니에요.",
                f"{ref.name} does not come from the hub.",
            )
        )
    if not ref.profile.runs_here:
        raise UsageError(f"{ref.name}: {ref.profile.note}")
    if ref.profile.kind == "adapter" and ref.profile.base:
        base = resolve(ref.profile.base)
        if base.folder is None and base.profile.repository:
            return ref.profile, base.profile
    return (ref.profile,)


def fetch(profile: Profile, *, revision: str | None = None, progress: Progress | None = None) -> Path:
    """The folder with the profile's files. What `progress` raises ends the download; a later one goes on from there."""
    from kullm_tui.core.hub.fetch import pull

    return pull(
        profile.repository,
        revision=revision or profile.revision,
        progress=progress,
        token=get_key(HUB_KEY),
        with_code=profile.name in load_config().engine.trust_remote_code,
    )
