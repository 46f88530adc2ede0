"""All templates by name."""

from collections.abc import Mapping
from types import MappingProxyType

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.rules import did_you_mean
from kullm_tui.core.templates.english import ENGLISH
from kullm_tui.core.templates.korean import KOREAN
from kullm_tui.core.templates.surveyed import SURVEYED
from kullm_tui.core.templates.template import Template

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {template.name: template for template in (*KOREAN, *ENGLISH, *SURVEYED)}
)


def template_named(name: str) -> Template:
    """The template; an unknown name is a ConfigError that names the nearest."""
    if name in TEMPLATES:
        return TEMPLATES[name]
    hint = did_you_mean(name, TEMPLATES)
    raise ConfigError(
        say(
            f"'{name}' 템플릿이 없어요.{hint} `kullm models list --all`에 템플릿의 이름이 있어요.",
            f"There is no template '{name}'.{hint} `kullm models list --all` shows their names.",
        )
    )
