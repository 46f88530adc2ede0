"""A stranger's template holds up nobody: it runs in a child with limits of time and memory, and is named as the fault."""

import re
from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.templates import render_process
from kullm_tui.core.templates.marks import MOST_MEMORY
from kullm_tui.core.templates.render_process import run_template

LARGE = 2_000_000_000
GROWING = {
    "percent": f"{{{{ '%{LARGE}d' % 1 }}}}",
    "ljust": f"{{{{ 'a'.ljust({LARGE}) }}}}",
    "rjust": f"{{{{ 'a'.rjust({LARGE}) }}}}",
    "center": f"{{{{ 'a'.center({LARGE}) }}}}",
    "center filter": f"{{{{ 'a' | center({LARGE}) }}}}",
    "zfill": f"{{{{ 'a'.zfill({LARGE}) }}}}",
    "format": f"{{{{ '{{:{LARGE}}}'.format(1) }}}}",
    "format filter": f"{{{{ '%{LARGE}d' | format(1) }}}}",
    "replace": "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
    "join": "{{ ('b' * 99999).join('a' * 99999) }}",
    "translate": "{{ ('a' * 99999).translate({97: 'b' * 99999}) }}",
    "tojson": f"{{{{ [[1]] | tojson(indent={LARGE}) }}}}",
    "batch": f"{{{{ [1] | batch({LARGE}, 'x') | list }}}}",
    "slice": f"{{{{ [1] | slice({LARGE}, 'x') | list }}}}",
    "wordwrap": "{{ ('a ' * 99999) | wordwrap(1, wrapstring='b' * 99999) }}",
    "indent": f"{{{{ 'a\nb' | indent({LARGE}) }}}}",
    "multiplying": f"{{{{ 'a' * {LARGE} }}}}",
    "range": f"{{{{ range({LARGE}) | list }}}}",
    "long output": "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'a' * 9999 }}{% endfor %}{% endfor %}",
    "upper": "{% set s = 'a' * 9999999 %}{% for a in range(99999) %}{% if s | upper | length %}{% endif %}{% endfor %}",
    "deep macro": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
    "recursive loop": "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "self": "{% block a %}{{ self.a() }}{% endblock %}",
    "brackets": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "folded": "{{ 9 ** (9 ** 9) }}",
}


@pytest.mark.parametrize("kind", GROWING)
def test_a_template_that_takes_too_much_is_refused_and_named_as_the_fault(kind: str) -> None:
    with pytest.raises(ConfigError, match="chat template cannot be used|대화 템플릿"):
        run_template(GROWING[kind], {"messages": []})


def test_the_kernel_holds_the_child_to_its_memory_and_lets_it_write_nothing() -> None:
    source = "{{ 'bounded' }}"
    run_template(source, {})
    process = render_process._children[source]._process
    assert process is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(rf"Max address space +{MOST_MEMORY} +{MOST_MEMORY} ", limits)
    assert re.search(r"Max file size +0 +0 ", limits)
    assert re.search(r"Max open files +3 +3 ", limits)


def test_a_template_that_went_over_its_time_is_not_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = GROWING["upper"] + " "
    for _ in range(2):
        with pytest.raises(ConfigError):
            run_template(endless, {})
    child = render_process._children[endless]
    assert child._process is None  # ended the first time, not started for the second
    monkeypatch.setattr(child, "_resting_until", 0.0)
    with pytest.raises(ConfigError):
        run_template(endless, {})


def test_a_long_conversation_costs_its_own_reader_alone() -> None:
    source = "{% if messages[0]|length > 9 %}" + GROWING["upper"] + "{% endif %}ok"
    with pytest.raises(ConfigError):
        run_template(source, {"messages": ["글" * 100_000]})
    assert run_template(source, {"messages": ["글"]}) == "ok"


def test_one_template_at_fault_leaves_the_others_alone() -> None:
    assert run_template("{{ 'a' }}", {}) == "a"
    kept = render_process._children["{{ 'a' }}"]._process
    with pytest.raises(ConfigError):
        run_template(GROWING["deep macro"], {})
    assert run_template("{{ 'a' }}", {}) == "a"
    assert render_process._children["{{ 'a' }}"]._process is kept  # warm: no second start


def test_the_child_holds_no_secret_and_no_file_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with (tmp_path / "open.txt").open("w") as ours:
        source = "{{ 'held' }}"
        run_template(source, {})
        process = render_process._children[source]._process
        assert process is not None
        proc = Path(f"/proc/{process.pid}")
        held = {str(link.readlink()) for link in (proc / "fd").iterdir()}
        assert b"sk-secret" not in (proc / "environ").read_bytes()
        assert ours.name not in held
        assert len(held) == 2  # its channel, and nothing


@pytest.mark.parametrize(
    "source",
    [
        "{{ '{}'.format(messages.append) }}",
        "{{ '%s' % messages.append }}",
        "{{ messages.append }}",
        "{{ messages | map('upper') | string }}",
        "{{ raise_exception ~ '' }}",
    ],
)
def test_no_address_gets_into_a_prompt(source: str) -> None:
    with pytest.raises(ConfigError, match="memory|cannot be used|대화 템플릿"):
        run_template(source, {"messages": []})


def test_an_address_that_somebody_typed_is_text() -> None:
    typed = "<list object at 0x7f00dead>가 뭐야?"
    assert run_template("{{ messages[0].content }}", {"messages": [{"content": typed}]}) == typed


def test_half_a_surrogate_pair_goes_through_as_it_came() -> None:
    assert run_template("{{ a }}", {"a": "\ud800가"}) == "\ud800가"
