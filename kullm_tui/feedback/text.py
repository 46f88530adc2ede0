"""What feedback is called, and what is told of all of it: by the verb and on the screen alike."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kullm_tui.core.language import say
from kullm_tui.feedback.gather import Feedback, Kind
from kullm_tui.feedback.lessons import Lesson, Lessons, Reason, shortage
from kullm_tui.feedback.personal import Personal, PersonalKind


def kind_text(kind: Kind) -> str:
    return {
        "correction": say("고친 답", "correction"),
        "kept": say("좋은 답", "kept"),
        "never": say("학습 제외", "never"),
        "vote": say("투표", "vote"),
        "verdict": say("채점 결과", "verdict"),
    }[kind]


def reason_text(reason: Reason) -> str:
    return {
        "never": say("학습 제외로 표시한 답이 들어 있음", "a reply that is not for training"),
        "cut": say("도중에 끊긴 답", "a reply that was cut"),
        "tie": say("비김", "a tie"),
        "bad": say("모두 나쁨", "all bad"),
        "other-prompt": say("두 답이 읽은 대화가 서로 다름", "the replies had read different turns"),
        "superseded": say("나중에 다시 고침", "corrected anew since"),
        "same-text": say("두 답이 같음", "both replies say the same"),
        "empty": say("질문이나 답이 비었음", "an empty question or reply"),
        "duplicate": say("같은 내용이 이미 있음", "there already"),
        "conflict": say("더 새로운 피드백과 반대됨", "a newer word says the opposite"),
        "verdict": say("채점 결과는 쓰지 않음", "judges' verdicts are not used"),
    }[reason]


def by_model(feedback: Iterable[Feedback]) -> Mapping[str, Counter[Kind]]:
    """Of each model how often which kind was said, the most talked of first."""
    found: dict[str, Counter[Kind]] = {}
    for one in feedback:
        for model in dict.fromkeys(one.models):
            found.setdefault(model, Counter())[one.kind] += 1
    return dict(sorted(found.items(), key=lambda item: -item[1].total()))


def overview(found: Lessons) -> list[str]:
    """What there is to learn, what was left out and why, and what is amiss: a line each."""
    train, held_out = found.train, found.held_out
    lines = [
        say(
            f"선호 쌍 {len(found.pairs):,}개(학습 {len(train.pairs):,}, 떼어 둔 것 {len(held_out.pairs):,}), "
            f"따라 배울 행 {len(found.rows):,}개(학습 {len(train.rows):,}, 떼어 둔 것 {len(held_out.rows):,})",
            f"preference pairs: {len(found.pairs):,} ({len(train.pairs):,} to train, {len(held_out.pairs):,} held out); "
            f"rows to imitate: {len(found.rows):,} ({len(train.rows):,} to train, {len(held_out.rows):,} held out)",
        )
    ]
    lines += filter(None, [left_out_note(found)])
    if found.conflicts:
        lines.append(
            say(
                f"서로 반대되는 피드백이 {len(found.conflicts):,}개 있어 새로운 쪽만 써요.",
                f"{len(found.conflicts):,} contradict a newer word, which counts.",
            )
        )
    if found.personal:
        lines.append(personal_note(found.personal))
    return [*lines, *filter(None, [shortage(len(found.pairs))])]


def left_out_note(found: Lessons) -> str:
    """Empty where nothing was."""
    why = ", ".join(f"{reason_text(reason)} {count:,}" for reason, count in found.reasons.items())
    return say(f"뺀 것: {why}", f"left out: {why}") if why else ""


def personal_note(lessons: Sequence[Lesson]) -> str:
    kinds = Counter(kind for one in lessons for kind in dict.fromkeys(found.kind for found in one.personal))
    named = ", ".join(f"{personal_text(kind)} {count:,}" for kind, count in kinds.items())
    return say(
        f"개인 정보로 보이는 것이 {len(lessons):,}개에 들어 있어요: {named}",
        f"{len(lessons):,} hold what may be personal: {named}",
    )


def personal_text(kind: PersonalKind) -> str:
    return {
        "name": say("이름", "names"),
        "phone": say("전화번호", "phone numbers"),
        "resident-number": say("주민등록번호", "resident numbers"),
        "mail": say("메일 주소", "mail addresses"),
        "key": say("키", "keys"),
    }[kind]


def masked(found: Personal) -> str:
    """Enough of it to find it by, and no more."""
    return f"{found.text[:2]}…{found.text[-1:]}" if len(found.text) > 3 else f"{found.text[:1]}…"
