"""The card of a merged model, README.md as the Hub reads it: base and licence, what it was trained on and how, what that changed, and how it is asked."""

import json
import re
from collections.abc import Iterator

from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import Adapter
from kullm_tui.core.models.profiles import Profile
from kullm_tui.feedback.card import card_lines

_KNOWN_LICENCE = re.compile(r"apache-2\.0|mit|cc-by(-nc)?(-sa|-nd)?-4\.0")


def model_card(name: str, adapter: Adapter, base: Profile, prompted: Profile) -> str:
    parts = (
        "\n".join(_head(base)),
        f"# {name}",
        say(
            f"{_named(base)}에 {adapter.method} 어댑터를 합친 모델이에요.",
            f"{_named(base)} with a {adapter.method} adapter merged into it.",
        ),
        f"## {say('무엇으로 어떻게 학습했는지', 'What it was trained on, and how')}\n\n{_table(adapter)}",
        f"## {say('쓰는 법', 'How it is asked')}\n\n{_asked(name, prompted)}",
        f"## {say('라이선스', 'Licence')}\n\n{_licence(base)}",
    )
    return "\n\n".join(parts) + "\n"


def _head(base: Profile) -> Iterator[str]:
    yield "---"
    yield "language:\n- ko"
    if _KNOWN_LICENCE.fullmatch(base.licence):
        yield f"license: {base.licence}"
    elif base.licence:
        yield f"license: other\nlicense_name: {json.dumps(base.licence, ensure_ascii=False)}"
    if base.repository:
        yield f"base_model: {base.repository}"
    yield "library_name: transformers"
    yield "pipeline_tag: text-generation"
    yield "---"


def _named(base: Profile) -> str:
    return f"[{base.called}](https://huggingface.co/{base.repository})" if base.repository else base.called


def _table(adapter: Adapter) -> str:
    rows = [("", ""), ("---", "---"), *card_lines(adapter)]
    return "\n".join(f"| {_cell(label)} | {_cell(text)} |" for label, text in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _asked(name: str, prompted: Profile) -> str:
    intro = say(
        "대화 템플릿, 답을 끝내는 토큰과 문자열, 생성 설정이 모두 폴더에 있어요. transformers라면:",
        "The chat template, the tokens and strings that end a reply and the generation settings are all in the folder. With transformers:",
    )
    code = f"""\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({json.dumps(name, ensure_ascii=False)})
model = AutoModelForCausalLM.from_pretrained({json.dumps(name, ensure_ascii=False)})
asked = [{{"role": "user", "content": "안녕하세요?"}}]
prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True, return_tensors="pt")
reply = model.generate(**prompt, tokenizer=tokenizer)
print(tokenizer.decode(reply[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))
```"""
    if not prompted.stop:
        return f"{intro}\n\n{code}"
    stops = json.dumps(list(prompted.stop), ensure_ascii=False)
    served = say(
        f"vLLM은 멈춤 문자열을 폴더에서 읽지 않으니 요청마다 `stop`으로 보내세요: `{stops}`",
        f"vLLM reads no stop strings from the folder; send them with each request as `stop`: `{stops}`",
    )
    return f"{intro}\n\n{code}\n\n{served}"


def _licence(base: Profile) -> str:
    told = base.licence or say("알 수 없음", "not known")
    return say(
        f"베이스의 라이선스를 따라요: {told}. 학습한 데이터에도 조건이 있으면 그것도 지켜야 해요.",
        f"That of the base holds: {told}. What the data asks for holds as well.",
    )
