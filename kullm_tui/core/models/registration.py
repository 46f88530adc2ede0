"""A model or endpoint of the user's own, checked field by field and written where it belongs.

A profile (repository, folder, or one model at an endpoint) goes to models.toml; an endpoint with all of its models, which
are then named NAME/MODEL, to config.toml.
"""

from collections.abc import Mapping

from kullm_tui.core import paths
from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import ENDPOINT_RULES
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.folder_profile import profile_of_folder
from kullm_tui.core.models.profile_form import NAME, PROFILE_RULES
from kullm_tui.core.models.profiles import Profile, save_profile
from kullm_tui.core.rules import Fault, Rule

FIELDS = ("repository", "revision", "base", "template", "endpoint", "model", "key")


class WrongField(UsageError):
    """One field of the form; the message alone, for whoever shows it beside the field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def register(name: str, fields: Mapping[str, str]) -> Profile:
    """Write the profile, over an older one of that name. `fields` holds what was filled in, `folder` or some of FIELDS."""
    filled = {field: value for field, value in fields.items() if value}
    check_fields(name, filled)
    facts: dict[str, object] = dict(filled)
    if "endpoint" in filled:
        facts["kind"] = "endpoint"
    elif "folder" in filled:
        facts |= _of_folder(name, filled)
    elif "base" in filled:
        facts["kind"] = "adapter"
    return save_profile(name, {field: value for field, value in facts.items() if value})


def check_fields(name: str, fields: Mapping[str, str]) -> None:
    if not NAME.fullmatch(name):
        raise WrongField(
            "name",
            say(
                "이름은 영문 소문자, 숫자, 점, 줄표, 밑줄로 써요.",
                "a name is made of lower-case letters, digits, dots, dashes and underscores.",
            ),
        )
    for field in FIELDS:
        if field in fields:
            _obey(PROFILE_RULES, field, fields[field])
    if "endpoint" in fields and "model" not in fields:
        raise WrongField(
            "model", say("그 서버에서 쓰는 모델 이름도 있어야 해요.", "the model's name there is needed too.")
        )


def register_endpoint(name: str, base_url: str, key: str) -> None:
    """Into config.toml, all of its models to be named NAME/MODEL."""
    check_endpoint(name, base_url, key)
    set_value(f"endpoints.{name}.base_url", base_url)
    set_value(f"endpoints.{name}.key", key)


def check_endpoint(name: str, base_url: str, key: str) -> None:
    for field, value in (("name", name), ("base_url", base_url), ("key", key)):
        _obey(ENDPOINT_RULES, field, value)


def _obey(rules: Mapping[str, Rule], field: str, value: str) -> None:
    try:
        rules[field](value)
    except Fault as fault:
        raise WrongField(field, str(fault)) from fault


def _of_folder(name: str, fields: Mapping[str, str]) -> dict[str, object]:
    folder = paths.typed(fields["folder"]).absolute()
    found = profile_of_folder(folder, name)
    return {
        "folder": str(folder),
        "base": fields.get("base") or found.base,
        "template": fields.get("template") or found.template,
        "kind": "adapter" if found.kind == "adapter" else None,
    }
