"""What a reply waits for before its first word, phase by phase: said alike in the app, `kullm ask` and `kullm compare`."""

from kullm_tui.core.asking.exchange import Starting
from kullm_tui.core.endpoints.endpoint import LoadProgress, Progress
from kullm_tui.core.language import say


def waiting_for(event: Starting | LoadProgress | Progress) -> str:
    if isinstance(event, Starting):
        return engine_phase(event.phase)
    if isinstance(event, Progress):
        return f"{say('빔 탐색 중', 'beam search')} {_percent(event.done, event.total)}"
    if event.status == "ready":
        return say("첫 글자를 기다리는 중", "waiting for the first word")
    doing = {
        "quantize": say("모델을 4비트로 바꾸는 중(처음 한 번)", "converting the model to 4-bit (this once)"),
        "wait": say("다른 프로세스의 변환을 기다리는 중", "waiting for another process that converts it"),
        "read": say("모델을 올리는 중", "loading the model"),
    }.get(event.phase, say("모델 파일을 여는 중", "opening the model's files"))
    return f"{doing} {_percent(event.done, event.total)}" if event.total > 0 else doing


def engine_phase(phase: str) -> str:
    if phase == "importing":
        return say("엔진을 시작하는 중 · 라이브러리를 불러오는 중", "starting the engine: its libraries")
    return say("엔진을 시작하는 중", "starting the engine")


def _percent(done: float, total: float) -> str:
    return f"{min(100, int(100 * done / total))}%"
