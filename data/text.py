"""What steps and reasons are called, for people: by the verb and on the screen alike."""

from collections.abc import Mapping

from kullm_tui.core.language import say

_STEPS = {
    "read": ("읽기", "read"),
    "clean": ("정리", "clean"),
    "decontaminate": ("오염 제거", "decontaminate"),
    "translate": ("번역", "translate"),
    "patch": ("손질", "by hand"),
    "paper": ("논문 필터", "paper's filters"),
    "strict": ("엄격한 필터", "strict filters"),
    "near-duplicates": ("비슷한 행", "near-duplicates"),
    "write": ("파일 쓰기", "write"),
}


# What a step calls its reasons, for people. A code that is not here stands as it is.
_REASONS = {
    # read
    "same-row": ("같은 행", "a repeated row"),
    "unreadable": ("읽을 수 없음", "unreadable"),
    "columns": ("열이 맞지 않음", "other columns"),
    "unread-column": ("읽지 않은 열", "a column that is not read"),
    "empty": ("빈 글", "empty"),
    "empty-file": ("빈 파일", "an empty file"),
    "half-character": ("깨진 글자", "half a character"),
    "nul": ("NUL 문자", "NUL characters"),
    "empty-turn": ("빈 차례", "an empty turn"),
    "leading-reply": ("질문 없이 시작한 답", "a reply before any question"),
    "behind-a-break": ("끊긴 대화의 뒤", "behind a break in the conversation"),
    "unanswered": ("답이 없는 질문", "an unanswered question"),
    "unasked": ("질문이 없는 답", "a reply to nothing"),
    "system": ("시스템 글", "a system text"),
    "turn": ("알 수 없는 차례", "a turn of nobody"),
    "instance": ("예가 없음", "no instance"),
    "paragraph": ("지문이 없음", "no paragraph"),
    "question": ("물음이 없음", "no question"),
    "row": ("행이 아님", "no row"),
    "never": ("학습 제외", "not for training"),
    # clean, decontaminate, by hand
    "broken-turns": ("어긋난 차례", "broken turns"),
    "contaminated": ("평가 문항", "an item of an evaluation"),
    "dropped-by-hand": ("직접 뺌", "dropped by hand"),
    # translate
    "empty-translation": ("빈 번역", "an empty translation"),
    "placeholder-lost": ("코드나 주소가 사라짐", "code or an address lost"),
    "refused-text": ("번역기가 거절함", "refused by the translator"),
    "wrong-count": ("번역 수가 맞지 않음", "a wrong number of translations"),
    # the paper's filters, and the stricter ones
    "paper-short": ("열 글자 미만", "under ten characters"),
    "paper-language": ("한국어가 아님(langid)", "not Korean to langid"),
    "hangul-ratio": ("한글이 적음", "little Hangul"),
    "english-sentences": ("영어 문장", "English sentences"),
    "english-clauses": ("영어 구절", "English clauses"),
    "untranslated": ("번역되지 않음", "untranslated"),
    "input-is-output": ("질문을 되풀이함", "repeats the question"),
    "length-ratio": ("길이가 어긋남", "a length out of proportion"),
    "repetition": ("되풀이", "goes in circles"),
    "placeholder-moved": ("코드가 제자리에 없음", "code out of its place"),
    "near-duplicate": ("비슷한 행", "a near-duplicate"),
}


def reason_text(reason: str) -> str:
    return say(*_REASONS[reason]) if reason in _REASONS else reason


def step_text(step: str) -> str:
    return say(*_STEPS[step]) if step in _STEPS else step


def reasons_text(rejected: Mapping[str, int]) -> str:
    """The most frequent first."""
    counted = sorted(rejected.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{reason_text(reason)} {count:,}" for reason, count in counted)
