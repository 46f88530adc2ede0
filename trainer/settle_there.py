"""`python -P -m trainer.settle_there`: what a recipe leaves to its machine, decided on the machine before its job is staged.

One JSON object comes in by stdin, the recipe and its ranks; the settled recipe goes out as the last line. The rows are made into
tokens here, so that the ranks find them made.
"""

import json
import sys

from kullm_tui.core.errors import KullmError
from trainer.dataset.tokens import evaluation_set, tokenised
from trainer.estimate.machines import machine_named
from trainer.estimate.tokens import lengths_of
from trainer.model.place import base_of
from trainer.recipe import recipe_dict, recipe_from
from trainer.settle import settled

_SECONDS = 3600.0  # a job may wait in the queue longer than a measurement is of the moment: the next one starts without another


def main() -> int:
    asked = json.loads(sys.stdin.read())
    recipe = recipe_from(asked["recipe"])
    try:
        folder = base_of(recipe)[1]
        tokens = tokenised(recipe, folder)
        evaluation_set(recipe, folder)
        machine = machine_named(f"{asked['ranks']}xcpu")
        lengths = lengths_of(tokens.lengths.tolist(), tokens.facts.trained_tokens, tokens.facts.pairs)
        print(json.dumps(recipe_dict(settled(recipe, machine, lengths, within=_SECONDS))))
    except KullmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
