"""What `ollama create` reads beside a GGUF file: the template, the strings that end a reply, and how the model is asked to generate."""

from collections.abc import Iterator

from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import Decoding, Profile
from kullm_tui.core.templates.registry import TEMPLATES


def modelfile(profile: Profile, gguf_name: str, *, eos_token: str, bos_token: str) -> str:
    """Empty where the template is the model's own: that one is Jinja, and Ollama takes Go's."""
    template = TEMPLATES.get(profile.template)
    if template is None:
        return ""
    lines = [f"FROM ./{gguf_name}", f"TEMPLATE {_quoted(template.go(eos_token=eos_token, bos_token=bos_token))}"]
    if template.default_system:
        lines.append(f"SYSTEM {_quoted(template.default_system)}")
    lines += [f"PARAMETER stop {_quoted(stop)}" for stop in profile.stop]
    lines += [f"PARAMETER {name} {value}" for name, value in _parameters(profile)]
    return "\n".join([*_left_out(profile.defaults), *lines]) + "\n"


def _parameters(profile: Profile) -> Iterator[tuple[str, float]]:
    """All of them: Ollama's own repeat_penalty is 1.1, its top_k 40, its top_p 0.9."""
    asked = profile.defaults
    yield "temperature", asked.temperature if asked.do_sample else 0.0
    yield "top_p", asked.top_p
    yield "top_k", asked.top_k
    yield "repeat_penalty", asked.repetition_penalty
    yield "num_predict", asked.max_new_tokens
    if profile.context:
        yield "num_ctx", profile.context


def _left_out(asked: Decoding) -> Iterator[str]:
    usual = Decoding()
    for name in ("no_repeat_ngram_size", "num_beams"):
        value = getattr(asked, name)
        if value != getattr(usual, name):
            yield "# " + say(f"Ollama에는 없는 설정이에요: {name} = {value}", f"Ollama has no {name} = {value}.")


def _quoted(text: str) -> str:
    return f'"""{text}"""'
