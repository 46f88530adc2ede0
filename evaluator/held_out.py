"""The questions of evaluations as what must not be trained on: a build of a data set keeps clear of them."""

from evaluator.question_fetch import HELD_OUT_SETS, PUBLIC_SETS, NotFetched
from evaluator.questions import is_at_hand, load_questions
from kullm_tui.core.language import say


def held_out_questions(name: str) -> list[tuple[str, str]]:
    """Instruction and input of every question of a public set, fetched if it is not here, or of a file."""
    try:
        return [(one.instruction, one.input) for one in load_questions(name).questions]
    except NotFetched as error:
        raise NotFetched(
            say(
                f"평가 문항({name})을 받지 못해서 닮은 행을 뺄 수 없어요.\n{error}\n빼지 않으려면 혼합 파일의 [steps]에서 decontaminate를 바꾸세요.",
                f"the questions {name} were not fetched, so rows like them cannot be left out.\n{error}\n"
                "To leave none out, change decontaminate in the [steps] of the mixture's file.",
            )
        ) from error


def sets_at_hand() -> tuple[str, ...]:
    """Without asking anybody."""
    return tuple(one.name for one in (PUBLIC_SETS[0], *HELD_OUT_SETS) if is_at_hand(one))
