"""Who translates, by the name that a mixture gives: `deepl`, or an endpoint with a model."""

from pathlib import Path

from data.manifest import Translation
from data.translate.deepl import DeepL, open_deepl
from data.translate.endpoint import open_endpoint_translator
from data.translate.style import Wording, instructions_for
from data.translate.translator import Translator
from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import ConfigError, KeyMissing
from kullm_tui.core.language import say
from kullm_tui.core.rules import did_you_mean


def open_translator(choice: Translation, *, needs_key: bool = True) -> Translator:
    """Without a key it can be asked what it would cost, and nothing else."""
    wording = Wording(instructions=instructions_for(choice.speech), glossary=_glossary(choice.glossary))
    if choice.translator != "deepl":
        return _of_endpoint(choice, wording)
    try:
        return open_deepl(wording)
    except KeyMissing:
        if needs_key:
            raise
        return DeepL("", wording=wording)


def _of_endpoint(choice: Translation, wording: Wording) -> Translator:
    endpoints = {one.name: one for one in load_config().endpoints}
    if choice.translator not in endpoints:
        listed = ", ".join(["deepl", *endpoints])
        near = did_you_mean(choice.translator, ["deepl", *endpoints])
        raise ConfigError(
            say(
                f"translation.translator: '{choice.translator}' 번역기가 없어요.{near} 있는 것: {listed}",
                f"translation.translator: there is no translator '{choice.translator}'.{near} There are {listed}",
            )
        )
    if not choice.model:
        raise ConfigError(
            say(
                f"translation.model: {choice.translator}의 어느 모델로 번역할지 적어 주세요.",
                f"translation.model: say which model of {choice.translator} is to translate.",
            )
        )
    return open_endpoint_translator(endpoints[choice.translator], choice.model, wording)


def _glossary(name: str) -> dict[str, str]:
    """A line a term: English, tab, Korean."""
    if not name:
        return {}
    file = paths.typed(name)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            say(f"용어집을 읽을 수 없어요: {file}({cause_of(error)})", f"the glossary {file} cannot be read ({error}).")
        ) from error
    return dict(_term(line, number, file) for number, line in enumerate(lines, start=1) if line.strip())


def _term(line: str, number: int, file: Path) -> tuple[str, str]:
    english, tab, korean = line.partition("\t")
    if not (tab and english.strip() and korean.strip()):
        raise ConfigError(
            say(
                f"{file} {number}번째 줄: 영어, 탭, 한국어가 있어야 해요.",
                f"line {number} of {file}: it needs English, a tab, Korean.",
            )
        )
    return english.strip(), korean.strip()
