"""Go's text/template, as much of it as our templates use: read strictly, so that anything else is a fault of the test.

    {{- if X }} {{ else if X }} {{ else }} {{ end }}   {{ range $i, $m := X }}   {{ $x := X }}   {{ X }}
    X: literals, numbers, .Field, $.Field, $var, $var.Field, calls of len, slice, eq, gt and or, parentheses

`rendered_by_go` asks the real one, where there is a Go.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ACTION = re.compile(r"(\{\{-?) ?(.*?) ?(-?\}\})", re.DOTALL)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()]|:=|,|[$.\w]+)')
_CALLS = {
    "len": len,
    "slice": lambda value, start: value[start:],
    "eq": lambda left, right: left == right,
    "gt": lambda left, right: left > right,
    "or": lambda *values: next((one for one in values if one), values[-1]),
}


def rendered(template: str, data: dict[str, Any]) -> str:
    parts = _parts(template)
    out: list[str] = []
    rest = _run(parts, {"$": data}, data, out, shown=True)
    assert rest == [], rest
    return "".join(out)


def _parts(template: str) -> list[tuple[bool, str]]:
    """Texts and actions in turn; white space beside a dash is gone."""
    found: list[tuple[bool, str]] = []
    end, trims = 0, False
    for action in _ACTION.finditer(template):
        text = template[end : action.start()]
        text = text.lstrip() if trims else text
        found.append((False, text.rstrip() if action[1] == "{{-" else text))
        found.append((True, action[2]))
        end, trims = action.end(), action[3] == "-}}"
    return [*found, (False, template[end:].lstrip() if trims else template[end:])]


def _run(parts: list[Any], names: dict[str, Any], dot: Any, out: list[str], *, shown: bool) -> list[Any]:
    """What is left behind the block's `else` or `end`, that one included."""
    while parts:
        (is_action, text), parts = parts[0], parts[1:]
        if not is_action:
            out += [text] if shown else []
        elif text == "end" or text.startswith("else"):
            return [(True, text), *parts]
        elif text.startswith("if "):
            parts = _choose(text[3:], parts, names, dot, out, shown=shown)
        elif text.startswith("range "):
            parts = _repeat(text[6:], parts, names, out, dot, shown=shown)
        elif ":=" in text:
            name, _, expression = text.partition(" := ")
            names[name] = _value(expression, names, dot) if shown else None
        elif shown:
            out.append(str(_value(text, names, dot)))
    return parts


def _choose(condition: str, parts: list[Any], names: Any, dot: Any, out: list[str], *, shown: bool) -> list[Any]:
    holds = shown and bool(_value(condition, names, dot))
    parts = _run(parts, names, dot, out, shown=holds)
    text, parts = parts[0][1], parts[1:]
    if text.startswith("else if "):
        return _choose(text[8:], parts, names, dot, out, shown=shown and not holds)
    if text == "else":
        parts = _run(parts, names, dot, out, shown=shown and not holds)
        text, parts = parts[0][1], parts[1:]
    assert text == "end"
    return parts


def _repeat(head: str, parts: list[Any], names: Any, out: list[str], dot: Any, *, shown: bool) -> list[Any]:
    index, item, expression = re.fullmatch(r"(\$\w+), (\$\w+) := (.+)", head).groups()  # type: ignore[union-attr]
    after: list[Any] | None = None
    for number, value in enumerate(_value(expression, names, dot) if shown else ()):
        after = _run(parts, {**names, index: number, item: value}, value, out, shown=True)
    after = _run(parts, names, dot, out, shown=False) if after is None else after
    assert after[0][1] == "end"
    return after[1:]


def _value(expression: str, names: dict[str, Any], dot: Any) -> Any:
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", expression), expression
    value, rest = _call(tokens, names, dot)
    assert rest == [], expression
    return value


def _call(tokens: list[str], names: dict[str, Any], dot: Any) -> tuple[Any, list[str]]:
    if tokens[0] not in _CALLS:
        return _operand(tokens, names, dot)
    call, rest, given = _CALLS[tokens[0]], tokens[1:], []
    while rest and rest[0] != ")":
        value, rest = _operand(rest, names, dot)
        given.append(value)
    return call(*given), rest  # type: ignore[operator]


def _operand(tokens: list[str], names: dict[str, Any], dot: Any) -> tuple[Any, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        value, rest = _call(rest, names, dot)
        assert rest[0] == ")"
        return value, rest[1:]
    if first.startswith('"'):
        return json.loads(first), rest
    if first.isdigit():
        return int(first), rest
    name, *fields = first.split(".")
    value = names[name] if name else dot
    for field in fields:
        value = value[field]
    return value, rest


_PROGRAM = """package main

import (
	"bytes"
	"encoding/json"
	"os"
	"text/template"
)

type message struct{ Role, Content string }
type job struct {
	Template string
	System   string
	Messages []*message
}

func main() {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		panic(err)
	}
	texts := []string{}
	for _, one := range jobs {
		var out bytes.Buffer
		parsed := template.Must(template.New("").Option("missingkey=zero").Parse(one.Template))
		data := map[string]any{"System": one.System, "Messages": one.Messages}
		if err := parsed.Execute(&out, data); err != nil {
			panic(err)
		}
		texts = append(texts, out.String())
	}
	json.NewEncoder(os.Stdout).Encode(texts)
}
"""


def rendered_by_go(jobs: Sequence[tuple[str, dict[str, Any]]], folder: Path) -> list[str]:
    go = shutil.which("go")
    assert go
    (folder / "render.go").write_text(_PROGRAM)
    done = subprocess.run(
        [go, "run", "render.go"],
        cwd=folder,
        input=json.dumps([{"Template": template, **data} for template, data in jobs]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    texts: list[str] = json.loads(done.stdout)
    return texts
