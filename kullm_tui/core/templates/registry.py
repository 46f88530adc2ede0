"""All templates by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.templates.english import ENGLISH
from kullm_tui.core.templates.korean import KOREAN
from kullm_tui.core.templates.template import Template

TEMPLATES: Mapping[str, Template] = MappingProxyType({template.name: template for template in (*KOREAN, *ENGLISH)})


def template_named(name: str) -> Template:
    """The template; an unknown name is a ConfigError that names the nearest."""
    if name in TEMPLATES:
        return TEMPLATES[name]
    nearest = get_close_matches(name, TEMPLATES, n=1, cutoff=0.4)
    choice = nearest[0] if nearest else ", ".join(TEMPLATES)
    raise ConfigError(
        say(
            f"'{name}' 템플릿이 없습니다. 이 이름은 어떤가요: {choice}",
            f"There is no template '{name}'. Did you mean: {choice}",
        )
    )
