"""Chat templates come from strangers: they run in Jinja's immutable sandbox, in a process of its own (`render_process`), and may only return text.

What transformers offers to a chat template is here too: raise_exception, strftime_now, namespace, dict, tojson,
break and continue, and the generation block, whose text comes back between REPLY_BEGINS and REPLY_ENDS.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from kullm_tui.core.templates.marks import MOST_CHARACTERS, REPLY_BEGINS, REPLY_ENDS

_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+", re.IGNORECASE)

# Whatever an expression of the template can make Python raise.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class TemplateFault(Exception):
    """What the template did wrong, in its own words or Python's."""


def rendered(source: str, variables: Mapping[str, Any]) -> str:
    """Bounded in nothing but its length: call it only where the process may be ended."""
    try:
        text = _compiled(source).render(variables)
        if len(text) > MOST_CHARACTERS:
            raise SecurityError("it makes a text that is too long")
        _check_addresses(text, variables)
    except MemoryError as error:
        raise TemplateFault("it needs too much memory") from error
    except _FAILURES as error:
        raise TemplateFault((str(error) or type(error).__name__)[:1000]) from error
    return text


@lru_cache(maxsize=4)
def _compiled(source: str) -> Template:
    return _Environment().from_string(source)


def _check_addresses(text: str, variables: Mapping[str, Any]) -> None:
    """Where an object lies changes with every start: a prompt that says so is never the same, unless somebody typed it."""
    found = set(_ADDRESS.findall(text))
    if found and found - set(_ADDRESS.findall("\n".join(_texts(variables)))):
        raise SecurityError("it prints where an object lies in memory")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


class _GenerationBlock(Extension):
    """{% generation %} … {% endgeneration %}: the words that the assistant wrote."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Macro) -> str:
        return f"{REPLY_BEGINS}{caller()}{REPLY_ENDS}"


class _Namespace(Namespace):
    def __init__(self, *items: Any, **named: Any) -> None:
        for name in (attributes := dict(*items, **named)):
            _check_public(name)
        super().__init__(attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_public(name)
        super().__setitem__(name, value)


def _check_public(name: object) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"it stores the private name {name}")


class _Environment(ImmutableSandboxedEnvironment):
    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols])
        # Jinja's own globals include `lipsum`, known for the doors it opens; only these are left.
        self.globals = {
            "range": self.globals["range"],
            "namespace": _Namespace,
            "dict": _dictionary,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
        }
        self.filters |= {"tojson": _tojson}

    def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
        raise SecurityError(f"it reaches for the private attribute {attribute} of a {type(obj).__name__}")


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _dictionary(*items: Any, **named: Any) -> dict[Any, Any]:
    return dict(*items, **named)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter escapes HTML, which a prompt must not hold."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
