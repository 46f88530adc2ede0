"""Why a folder's config.json makes no model that the engine runs, and what to do about it."""

from pathlib import Path

from transformers import CONFIG_MAPPING

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights.files import fetch_again, hub_repository


def unusable_config(folder: Path, error: Exception, *, trust_remote_code: bool) -> WeightsError:
    """transformers could not use it: for want of the repository's code, of the architecture, or of a whole file."""
    stored = foreign_json.fields(folder / "config.json")
    kind = str(stored.get("model_type") or "")
    if stored.get("auto_map") and kind not in CONFIG_MAPPING and not trust_remote_code:
        return needs_its_code(folder, kind)
    if kind and kind not in CONFIG_MAPPING and not stored.get("auto_map"):
        return needs_endpoint(folder, ", ".join(map(str, stored.get("architectures") or ())) or kind, kind)
    korean, english = fetch_again(folder)
    reason = _shortened(error)
    return WeightsError(
        say(
            f"{folder}의 config.json으로 모델을 만들 수 없어요({reason}). {korean}",
            f"No model can be built from the config.json of {folder} ({reason}). {english}",
        )
    )


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def needs_its_code(folder: Path, kind: str) -> WeightsError:
    name = hub_repository(folder) or str(folder)
    command = f"`kullm config set engine.trust_remote_code '[\"{name}\"]'`"
    return WeightsError(
        say(
            f"{folder}의 {kind or '?'} 구조는 transformers에 없고 모델에 딸린 코드로만 실행돼요. 그 코드를 믿는다면 {command}처럼 "
            "모델을 부르는 이름을 설정에 적고, 아니면 vLLM 같은 엔드포인트를 쓰세요.",
            f"transformers does not know the architecture {kind or '?'} of {folder}, which runs only with the custom code that "
            f"comes with the model; if you trust that code, name the model as you call it in the configuration, as in {command}, "
            "else use an endpoint such as vLLM.",
        )
    )


def needs_endpoint(folder: Path, architecture: str, kind: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder.name}의 {architecture}({kind}) 구조는 이 엔진이 실행할 수 없어요. vLLM 같은 엔드포인트로 띄우고 그 주소를 등록하세요.",
            f"This engine cannot run the architecture {architecture} ({kind}) of {folder.name}. "
            "Serve it with an endpoint such as vLLM and register its address.",
        )
    )


def no_text_model(folder: Path, architecture: str, kind: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder}의 {architecture}({kind}) 구조는 글을 생성하는 모델이 아니에요. GPT-NeoX나 Llama처럼 이어지는 글을 쓰는 모델을 고르세요.",
            f"{architecture} ({kind}) in {folder} is not a text-generation model. Choose one that continues text, "
            "such as a GPT-NeoX or a Llama.",
        )
    )


def quantised_already(folder: Path, method: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder}: 이미 {method} 방식으로 양자화된 모델이라 이 엔진에서 열 수 없어요. 원본 가중치를 받거나 vLLM 엔드포인트를 쓰세요.",
            f"{folder} is quantised already ({method}), which this engine cannot run. "
            "Fetch the original weights or use a vLLM endpoint.",
        )
    )
