"""What is said of a model in the browser: one row of the list, and the facts beside it. Texts of the user's files come out safe."""

from __future__ import annotations

from textual.content import Content

from kullm_tui.core.catalogue import Entry, licence_class_of
from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory
from kullm_tui.core.text import size_text
from kullm_tui.ui.plain import safe, safe_line
from kullm_tui.ui.work_words import Work, in_the_list, work_lines

NAME_CELLS, SIZE_CELLS, FIT_CELLS, USE_CELLS, STATE_CELLS = 26, 7, 6, 6, 15
_LABEL_CELLS = 9
_GAP, _LEAST_ABOUT_CELLS = "  ", 10


def heading(width: int) -> Content:
    return _columns(
        say("이름", "name"), say("4비트", "4-bit"), say("메모리", "fits"), say("이용", "use"), say("상태", "state"),
        say("설명", "about"), width,
    ).stylize("$quiet")  # fmt: skip


def row(entry: Entry, work: Work, width: int) -> Content:
    size = entry.profile.size_4bit_gb
    fit, fit_colour = _fit_word(entry)
    state, state_colour = state_words(entry, work)
    return _columns(
        Content(safe_line(entry.name)),
        size_text(size * 1e9) if size else "",
        Content.styled(fit, fit_colour),
        use_word(entry),
        Content.styled(state, state_colour),
        Content.styled(_about(entry), "$quiet"),
        width,
    )


def _columns(
    name: Content | str, size: str, fit: Content | str, use: str, state: Content | str, about: Content | str, width: int
) -> Content:
    columns = [
        _cell(name, NAME_CELLS),
        Content(size.rjust(SIZE_CELLS - _wide(size))),
        _cell(fit, FIT_CELLS),
        _cell(use, USE_CELLS),
        _cell(state, STATE_CELLS),
    ]
    for place in (3, 1):  # licence class and size stand in the details too
        if _taken(columns) > width:
            del columns[place]
    rest = width - _taken(columns) - len(_GAP)
    if rest >= _LEAST_ABOUT_CELLS:
        columns.append(_cell(about, rest))
    return Content(_GAP).join(columns).truncate(width)


def _taken(columns: list[Content]) -> int:
    return sum(column.cell_length for column in columns) + len(_GAP) * (len(columns) - 1)


def _wide(text: str) -> int:
    """How many cells more than characters."""
    return Content(text).cell_length - len(text)


def _cell(text: Content | str, cells: int) -> Content:
    content = Content(text) if isinstance(text, str) else text
    return content.truncate(cells, ellipsis=True, pad=True)


def use_word(entry: Entry) -> str:
    words = {"commercial": say("상업", "any"), "research": say("연구", "study")}
    return words.get(licence_class_of(entry.profile) or "", "")


def _fit_word(entry: Entry) -> tuple[str, str]:
    if entry.state in ("remote", "cannot-run"):
        return "", ""
    return {
        "fits": (say("충분", "yes"), "$success"),
        "tight": (say("빠듯", "tight"), "$warning"),
        "too-large": (say("부족", "no"), "$error"),
        "unknown": ("", ""),
    }[entry.fit]


def state_words(entry: Entry, work: Work) -> tuple[str, str]:
    """The one word, or the work that goes on, and its colour."""
    going = in_the_list(work)
    if going:
        return going
    return {
        "remote": (say("원격", "remote"), "$quiet"),
        "cannot-run": (say("실행 불가", "cannot run"), "$quiet"),
        "missing": ("", ""),
        "partial": (say("받다 멈춤", "unfinished"), "$warning"),
        "here": (say("받음", "here"), "$success"),
        "quantised": (say("4비트 준비됨", "4-bit ready"), "$success"),
    }[entry.state]


def _about(entry: Entry) -> str:
    profile = entry.profile
    about = profile.about or profile.called
    return safe_line(about if profile.verified else f"{about} ({say('미확인', 'unverified')})")


def details(entry: Entry, memory: Memory | None, work: Work, *, brief: bool = False) -> Content:
    """Everything known, the work that goes on first; `brief` without empty lines."""
    profile = entry.profile
    lines = [Content.styled(safe_line(profile.called), "bold"), Content(safe(profile.about)), Content("")]
    lines += work_lines(work)
    if profile.note:
        lines += [Content.styled(safe(profile.note), "$warning"), Content("")]
    for label, value in _facts(entry, memory):
        if value:
            gap = " " * max(1, _LABEL_CELLS - Content(label).cell_length)
            lines.append(Content.assemble((f"{label}{gap}", "$quiet"), safe_line(value)))
    return Content("\n").join(line for line in lines if line.plain or not brief)


def _facts(entry: Entry, memory: Memory | None) -> list[tuple[str, str]]:
    profile, disk = entry.profile, entry.disk
    use = {"commercial": say("상업 이용 가능", "commercial use"), "research": say("연구용", "research only")}
    licence_class = licence_class_of(profile)
    verified = say("확인됨", "verified") if profile.verified else say("미확인", "unverified")
    return [
        (say("메모리", "memory"), memory_text(entry, memory)),
        (say("디스크", "disk"), _disk_text(disk.downloaded, disk.quantised)),
        (say("이용", "use"), " · ".join(filter(None, (use.get(licence_class or "", ""), profile.licence)))),
        (say("저장소", "repo"), " @ ".join(filter(None, (profile.repository, profile.revision)))),
        (say("폴더", "folder"), profile.folder if entry.own else ""),
        (say("주소", "address"), " ".join(filter(None, (profile.endpoint, profile.model)))),
        (say("키", "key"), profile.key),
        (say("베이스", "base"), profile.base or ""),
        (say("문맥", "context"), f"{profile.context:,} {say('토큰', 'tokens')}" if profile.context else ""),
        (say("템플릿", "template"), "" if profile.kind == "endpoint" else f"{profile.template} ({verified})"),
        (say("출처", "source"), profile.source),
    ]


def memory_text(entry: Entry, memory: Memory | None) -> str:
    if entry.need is None or memory is None:
        return ""
    need = size_text(entry.need)
    have = size_text(memory.total if memory.free is None else memory.free)
    place = "GPU " if memory.device == "gpu" else ""
    return {
        "fits": say(f"{need} 필요 · {place}{have} 남음", f"needs {need} · {place}{have} free"),
        "tight": say(
            f"{need} 필요 · 지금은 {place}{have} 남음. 다른 모델이나 프로그램을 닫으면 돼요.",
            f"needs {need} · {place}{have} free now: close other models or programs.",
        ),
        "too-large": say(
            f"{need} 필요 · 이 컴퓨터는 모두 {place}{size_text(memory.total)}",
            f"needs {need} · this machine has {place}{size_text(memory.total)} in all",
        ),
        "unknown": "",
    }[entry.fit]


def _disk_text(downloaded: int, quantised: int) -> str:
    parts = [
        say(f"내려받은 파일 {size_text(downloaded)}", f"downloads {size_text(downloaded)}") if downloaded else "",
        say(f"4비트 {size_text(quantised)}", f"4-bit {size_text(quantised)}") if quantised else "",
    ]
    return " · ".join(filter(None, parts))
