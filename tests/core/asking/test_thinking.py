"""What a model thinks is told from what it answers, however the stream is cut into pieces."""

import pytest

from kullm_tui.core.asking.thinking import Delta, Folded, Kept, Resorted, Said, Sorting, Thought

_FENCED = "보기:\n```xml\n<think>\n코드\n</think>\n```\n끝"
_CASES = {
    "thought first": ("<think>\n수도는 서울.\n</think>\n\n서울입니다.", "수도는 서울.\n", "서울입니다."),
    "blanks before": ("\n\n<think>음</think>답", "음", "\n\n답"),
    "no thinking": ("그냥 답\n둘째 줄", "", "그냥 답\n둘째 줄"),
    "never closed": ("<think>\n아직도 생각", "아직도 생각", ""),
    "only the end": ("음, 수도는 서울.\n</think>\n\n서울입니다.", "음, 수도는 서울.", "서울입니다."),
    "nested": ("<think>하나 <think>둘</think> 셋</think>답", "하나 <think>둘</think> 셋", "답"),
    "only spoken of": ("<think>`<think>` 태그란</think>답", "`<think>` 태그란", "답"),
    "opened twice": ("<think>이건 <think> 태그 얘기</think>\n답", "이건 <think> 태그 얘기</think>", "답"),
    "in code": (_FENCED, "", _FENCED),
    "in the middle of a line": ("태그는 <think>과 </think>예요", "", "태그는 <think>과 </think>예요"),
    "half a tag": ("<thin", "", "<thin"),
    "another tag": ("<thinker>글</thinker>", "", "<thinker>글</thinker>"),
    "twice": ("<think>하나</think>\n답\n<think>둘</think>\n끝", "하나둘", "답\n끝"),
    "code after it": ("<think>음</think>\n```\n<think>\n```\n끝", "음", "```\n<think>\n```\n끝"),
}


def _sorted(sorting: Sorting, pieces: list[str], *, reasoning: tuple[str, ...] = ()) -> tuple[str, str]:
    said: list[Said] = [one for text in reasoning for one in sorting.reasoning(text)]
    said += [one for piece in pieces for one in sorting.content(piece)] + sorting.end()
    thinking = text = ""
    for one in said:
        if isinstance(one, Delta):
            text += one.text
        elif isinstance(one, Thought):
            thinking += one.text
        else:
            assert isinstance(one, Resorted)
            thinking, text = one.thinking, one.text
    return thinking, text


@pytest.mark.parametrize("name", _CASES)
def test_a_reply_is_sorted_the_same_wherever_the_stream_is_cut(name: str) -> None:
    whole, thinking, text = _CASES[name]
    for size in range(1, len(whole) + 1):
        for first in range(min(size, len(whole))):
            cuts = [whole[:first], *(whole[at : at + size] for at in range(first, len(whole), size))]
            assert _sorted(Folded(), [cut for cut in cuts if cut]) == (thinking, text), cuts


def test_a_field_of_its_own_is_thinking_without_any_tag() -> None:
    assert _sorted(Folded(), ["서", "울"], reasoning=("\n음, ", "수도")) == ("음, 수도", "서울")


def test_what_is_to_be_kept_stays_in_the_answer_between_its_tags() -> None:
    assert _sorted(Kept(), ["<think>음</think>답"]) == ("", "<think>음</think>답")
    assert _sorted(Kept(), ["서울"], reasoning=("음, ", "수도")) == ("", "<think>\n음, 수도\n</think>\n\n서울")


def test_an_answer_is_not_held_back_longer_than_a_tag_could_be() -> None:
    sorting = Folded()
    assert sorting.content("가") == [Delta("가")]
    assert sorting.content("\n<") == [Delta("\n")]
    assert sorting.content("b") == [Delta("<b")]
