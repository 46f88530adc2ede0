"""The questions of evaluations as what must not be trained on: a build of a data set keeps clear of them."""

from evaluator.questions import load_questions


def held_out_questions(name: str) -> list[tuple[str, str]]:
    """Instruction and input of every question of a public set, fetched if it is not here, or of a file."""
    return [(one.instruction, one.input) for one in load_questions(name).questions]
