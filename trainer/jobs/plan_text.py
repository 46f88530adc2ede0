"""A plan's figures and a machine's prospect as a person reads them, in a shell and on a screen."""

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from trainer.estimate.estimate import Plan
from trainer.estimate.figures import Basis
from trainer.jobs.prospect import Prospect
from trainer.jobs.text import time_text


def basis_text(basis: Basis) -> str:
    return {
        "computed": say("계산", "computed"),
        "measured": say("측정", "measured"),
        "recorded": say("기록", "recorded"),
        "assumed": say("가정", "assumed"),
    }[basis]


def memory_text(part: str) -> str:
    return {
        "base": say("베이스 가중치", "base weights"),
        "trained": say("학습할 가중치·기울기·Adam", "trained weights, gradients, Adam"),
        "activations": say("역전파에 남기는 값", "activations kept for backward"),
        "passing": say("잠깐 쓰는 값(기울기, 로짓)", "passing values (gradients, logits)"),
        "exchange": say("프로세스 사이의 교환", "exchange between ranks"),
        "process": say("프로세스", "process"),
        "context": say("프로세스와 CUDA", "process and CUDA"),
        "slack": say("할당 여유", "allocator's slack"),
    }.get(part, part)


def disk_text(part: str) -> str:
    return {
        "download": say("내려받을 베이스", "base to download"),
        "quantised": say("양자화한 베이스", "quantised base"),
        "tokens": say("토큰", "tokens"),
        "checkpoints": say("체크포인트", "checkpoints"),
        "artifacts": say("결과", "artifacts"),
    }.get(part, part)


def billions(count: float) -> str:
    """12.9B, 13.1M, 4.2K: as people speak of models."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return f"{count:.0f}"


def trained_text(plan: Plan) -> str:
    """What is trained over what: `demo-base (4.2M, fp32), lora r16 (0.3M)`."""
    model, method = plan.recipe.model, plan.recipe.method
    what = f"{method.kind} r{method.rank}" if method.kind == "lora" else method.kind
    return f"{model.base} ({billions(plan.known.shape.parameters)}, {model.precision}), {what} ({billions(plan.trainable)})"


def hours_text(found: Prospect) -> str:
    minutes = found.plan.asked.train.minutes
    if minutes and found.machine.is_cpu:
        return say(f"{minutes:g}분 (그 장비에서 재어 맞춰요)", f"{minutes:g} min (measured over there)")
    return time_text(found.plan.duration.seconds.value)


def base_text(found: Prospect) -> str:
    return {
        "shipped": say("프로그램에 들어 있어요", "comes with the program"),
        "there": say("그곳에 이미 있어요", "there already"),
        "uploaded": say("여기서 올려요", "uploaded from here"),
        "download": say("그곳에서 내려받아요", "downloaded over there"),
        "missing": say("그곳에도 여기에도 없어요", "neither there nor here"),
        "unknown": say("그곳에 있는지 몰라요", "whether it is there is not known"),
    }[found.base]


def environment_text(found: Prospect) -> str:
    return {
        "there": say("그곳의 Python을 그대로 써요", "its own Python, as it is"),
        "made": say("한 번 만들어 두고 다시 써요", "made once, and kept for the next job"),
        "unknown": say("몰라요", "not known"),
    }[found.environment]


def price_text(found: Prospect) -> str:
    if found.price is None:
        return say("한 시간의 가격을 적지 않았어요", "no price per hour is given")
    return say(f"약 {money(found.price)}", f"about {money(found.price)}")
