"""What whoever waits for a reply is told when it cannot be finished."""

import torch

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say


def as_kullm_error(cause: BaseException | None) -> KullmError:
    if isinstance(cause, KullmError):
        return cause
    if cause is None:
        return model_is_leaving()
    if isinstance(cause, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(cause):
        return KullmError(
            say(
                "답변 중에 메모리가 부족해졌어요. 대화를 줄이거나 더 작은 모델을 고르세요.",
                "Memory ran out while answering. Shorten the conversation or choose a smaller model.",
            )
        )
    return KullmError(
        say(
            "엔진 안에서 오류가 나서 답변을 마치지 못했어요. `kullm engine logs`로 이유를 볼 수 있어요.",
            "The reply ended with an error inside the engine. `kullm engine logs` shows why.",
        )
    )


def model_is_leaving() -> KullmError:
    return KullmError(
        say("엔진이 이 모델을 내리고 있어요. 다시 보내 주세요.", "The engine is unloading this model. Send it again.")
    )
