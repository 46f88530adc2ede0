"""What is said of a model wherever it is shown, in a terminal's lines as in the browser: its state, its use, its facts."""

from kullm_tui.core.language import say
from kullm_tui.core.models.catalogue import State, licence_class_of
from kullm_tui.core.models.disk import DiskUse
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.text import size_text


def state_word(state: State) -> str:
    return {
        "remote": say("원격", "remote"),
        "cannot-run": say("실행 불가", "cannot run"),
        "missing": "",
        "partial": say("받다 멈춤", "unfinished"),
        "here": say("받음", "here"),
        "quantised": say("4비트 준비됨", "4-bit ready"),
    }[state]


def use_word(profile: Profile) -> str:
    words = {"commercial": say("상업", "any"), "research": say("연구", "study")}  # short, for a column
    return words.get(licence_class_of(profile) or "", "")


def about_line(profile: Profile) -> str:
    about = profile.about or profile.called
    return about if profile.verified else f"{about} ({say('미확인', 'unverified')})"


def known_facts(profile: Profile, disk: DiskUse, folder: str) -> list[tuple[str, str]]:
    """Label and value of all that is known, apart from what the model is called and what is said about it."""
    use = {"commercial": say("상업 이용 가능", "commercial use"), "research": say("연구용", "research only")}
    verified = say("확인됨", "verified") if profile.verified else say("미확인", "unverified")
    facts = [
        (say("디스크", "disk"), _disk_text(disk)),
        (say("이용", "use"), _joined(" · ", use.get(licence_class_of(profile) or ""), profile.licence)),
        (say("저장소", "repo"), _joined(" @ ", profile.repository, profile.revision)),
        (say("폴더", "folder"), folder),
        (say("주소", "address"), _joined(" ", profile.endpoint, profile.model)),
        (say("키", "key"), profile.key),
        (say("베이스", "base"), profile.base or ""),
        (say("문맥", "context"), f"{profile.context:,} {say('토큰', 'tokens')}" if profile.context else ""),
        (say("템플릿", "template"), "" if profile.kind == "endpoint" else f"{profile.template} ({verified})"),
        (say("출처", "source"), profile.source),
    ]
    return [(label, value) for label, value in facts if value]


def _disk_text(disk: DiskUse) -> str:
    downloaded, quantised = size_text(disk.downloaded), size_text(disk.quantised)
    return _joined(
        " · ",
        say(f"내려받은 파일 {downloaded}", f"downloads {downloaded}") if disk.downloaded else "",
        say(f"4비트 {quantised}", f"4-bit {quantised}") if disk.quantised else "",
    )


def _joined(between: str, *parts: str | None) -> str:
    return between.join(filter(None, parts))
