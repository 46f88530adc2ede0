"""Chat templates come from strangers: they run in Jinja's immutable sandbox, with a budget, and may only return text.

What transformers offers to a chat template is here too: raise_exception, strftime_now, namespace, dict, tojson,
break and continue, and the generation block, whose text comes back between REPLY_BEGINS and REPLY_ENDS.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from itertools import count
from operator import add, mul
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import do_indent
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say

# Unicode noncharacters: never part of a text, so a template cannot confuse them with one.
REPLY_BEGINS = "\ufdd1"
REPLY_ENDS = "\ufdd2"

_MOST_STEPS = 200_000
_MOST_CHARACTERS = 4_000_000
_STEPS: ContextVar[Iterator[int]] = ContextVar("steps")

_SIZE_OF: Mapping[str, Callable[[float, float], float]] = {"+": add, "*": mul, "**": pow}

# Whatever an expression of the template can make Python raise.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def run_template(source: str, variables: Mapping[str, Any]) -> str:
    """The rendered text; every failure of the template is a ConfigError."""
    token = _STEPS.set(count())
    try:
        return _compiled(source).render(variables)
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise ConfigError(
            say(
                f"모델의 대화 템플릿을 쓸 수 없어요: {reason}. 프로필에 다른 템플릿(예: chatml)을 지정하세요.",
                f"The model's chat template cannot be used: {reason}. Name another template (such as chatml) in its profile.",
            )
        ) from error
    finally:
        _STEPS.reset(token)


@lru_cache(maxsize=32)
def _compiled(source: str) -> Template:
    return _Environment().from_string(source)


def _step() -> None:
    if next(_STEPS.get()) >= _MOST_STEPS:
        raise SecurityError("it runs for too long")


def _check_size(size: float) -> None:
    if size > _MOST_CHARACTERS:
        raise SecurityError("it makes a text or a number that is too large")


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _step()
        yield item


def _concatenated(parts: list[Any]) -> str:
    texts = [str(part) for part in parts]
    _check_size(sum(map(len, texts)))
    return "".join(texts)


class _Budgeted(NodeTransformer):
    """Every loop counts its steps, every `~` its characters, and no number is spelt out that could fill the memory."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        if node.recursive:
            raise SecurityError("it uses a recursive loop")
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_concatenated", [], [], None, None, lineno=node.lineno)

    def visit_Const(self, node: nodes.Const) -> nodes.Const:  # noqa: N802
        if isinstance(node.value, int | float):
            _check_size(abs(node.value))
        return node


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
    intercepted_binops = frozenset(_SIZE_OF)

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
        self.filters |= {"tojson": _tojson, "_counted": _counted, "_concatenated": _concatenated, "indent": _indent}
        del self.filters["center"]

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        _Budgeted().visit(source)
        return super()._generate(source, *args, **kwargs)

    def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
        raise SecurityError(f"it reaches for the private attribute {attribute} of a {type(obj).__name__}")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _check_size(_result_size(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        _step()
        return super().call(__context, __obj, *args, **kwargs)


def _result_size(symbol: str, left: Any, right: Any) -> float:
    """An upper bound: numbers by value, texts and lists by length."""
    sizes = [abs(value) if isinstance(value, int | float) else len(value) for value in (left, right)]
    return _SIZE_OF[symbol](float(sizes[0]), float(sizes[1]))


def _indent(text: str, width: int = 4, *flags: bool) -> str:
    _check_size(len(text) * width)
    return do_indent(text, width, *flags)


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
