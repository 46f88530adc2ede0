"""What is said of the work on a model: downloading and quantising, how far they are, what went wrong and the next step."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from kullm_tui.ui.models.downloads import Download
from kullm_tui.ui.models.quantisation import Quantisation
from kullm_tui.ui.text import safe, safe_line

_BAR_CELLS = 24


@dataclass(frozen=True)
class ModelWork:
    """What is being done for a model now, or was last."""

    download: Download | None = None
    quantisation: Quantisation | None = None


def in_the_list(work: ModelWork) -> tuple[str, str] | None:
    """One word and its colour; None where nothing goes on."""
    download, quantisation = work.download, work.quantisation
    if quantisation and quantisation.active:
        return f"{say('변환', 'quantising')} {_percent(*_measure(quantisation))}".strip(), "$accent"
    if quantisation and quantisation.state == "failed":
        return say("변환 오류", "not quantised"), "$error"
    if download is None or download.state == "done":
        return None
    percent = _percent(download.done, download.total)
    return {
        "waiting": (say("차례 기다림", "queued"), "$quiet"),
        "running": (f"{say('받는 중', 'fetching')} {percent}".strip(), "$accent"),
        "paused": (f"{say('멈춤', 'paused')} {percent}".strip(), "$warning"),
        "failed": (say("받기 오류", "failed"), "$error"),
    }[download.state]


def work_lines(work: ModelWork) -> list[Content]:
    """How far it is, what is left, what went wrong and the next step."""
    lines: list[Content] = []
    if work.download:
        lines += _download_lines(work.download)
    if work.quantisation:
        lines += _quantisation_lines(work.quantisation)
    return [*lines, Content("")] if lines else []


def _download_lines(download: Download) -> list[Content]:
    if download.state == "waiting":
        return [Content(say("앞의 내려받기가 끝나면 받아요.", "Begins when the download before it has ended."))]
    if download.state == "failed":
        if download.gate:
            return _way_through_gate(download)
        return [Content.styled(safe(download.error), "$error"), Content(say("d로 다시 받아요.", "d tries again."))]
    if download.state == "done":
        return [Content.styled(say("다 받았어요.", "Downloaded."), "$success")]
    done = f"{size_text(download.done)} / {size_text(download.total)}" if download.total else ""
    lines = [_bar(download.done, download.total), Content(done)]
    if download.state == "paused":
        lines.append(Content(say("멈췄어요. p로 이어받아요.", "Paused; p goes on.")))
    elif download.checking:
        lines.append(Content(say("받은 파일을 확인하고 있어요.", "Checking what has arrived.")))
    elif not download.total:
        lines = [Content(say("허브에 물어보고 있어요.", "Asking the hub."))]
    else:
        lines.append(Content(_pace(download)))
    if len(download.plan) > 1:
        which = download.plan[download.step].name
        lines.append(Content(f"{download.step + 1}/{len(download.plan)} {safe_line(which)}"))
    return lines


def _way_through_gate(download: Download) -> list[Content]:
    refused = say("라이선스에 동의한 사람만 받을 수 있어요.", "Only for those who accepted its licence.")
    return [
        Content.styled(refused, "$error"),
        Content(say("1. 브라우저에서 라이선스에 동의하세요:", "1. Accept the licence in a browser:")),
        Content.styled(f"  {safe_line(download.gate)}", "$accent"),
        Content(say("2. k로 Hugging Face 토큰(HF_TOKEN)을 넣으세요.", "2. Store your Hugging Face token (HF_TOKEN) with k.")),
        Content(say("3. d로 다시 받으세요.", "3. Try again with d.")),
    ]  # fmt: skip


def _pace(download: Download) -> str:
    rest = download.rest_seconds
    if rest is None:
        return say("바이트를 기다리고 있어요.", "Waiting for bytes.")
    return say(
        f"초당 {size_text(download.speed)} · {duration(rest)} 남음", f"{size_text(download.speed)}/s · {duration(rest)} left"
    )  # fmt: skip


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return say(f"{hours}시간 {minutes}분", f"{hours} h {minutes} min")
    return say(f"{minutes}분 {rest}초", f"{minutes} min {rest} s") if minutes else say(f"{rest}초", f"{rest} s")


def _quantisation_lines(quantisation: Quantisation) -> list[Content]:
    if quantisation.state == "failed":
        return [Content.styled(safe(quantisation.error), "$error")]
    if quantisation.state == "done":
        return [Content.styled(say("4비트로 쓸 준비가 됐어요.", "Ready in 4-bit."), "$success")]
    if quantisation.state == "stopped":
        return [
            Content(
                say("변환을 멈췄어요. z로 이어서 해요.", "Stopped quantising; z goes on from what is done.")
            )
        ]  # fmt: skip
    if quantisation.state == "starting":
        return [Content(say("엔진을 시작하고 있어요. z로 멈춰요.", "Starting the engine; z stops."))]
    doing = {
        "quantize": say("4비트로 바꾸고 있어요. z로 멈춰요.", "Quantising; z stops."),
        "wait": say("다른 프로세스가 바꾸고 있어 기다려요.", "Waiting while another process quantises it."),
    }.get(quantisation.progress.phase, say("모델을 올리고 있어요. z로 멈춰요.", "Loading the model; z stops."))
    return [_bar(*_measure(quantisation)), Content(doing)]


def _bar(done: float, total: float) -> Content:
    full = int(_BAR_CELLS * done / total) if total > 0 else 0
    full = max(0, min(_BAR_CELLS, full))
    return Content.assemble(
        ("━" * full, "$accent"), ("─" * (_BAR_CELLS - full), "$rule"), f" {_percent(done, total)}"
    )  # fmt: skip


def _measure(quantisation: Quantisation) -> tuple[float, float]:
    return quantisation.progress.done, quantisation.progress.total


def _percent(done: float, total: float) -> str:
    return f"{min(100, int(100 * done / total)):>3}%" if total > 0 else ""
