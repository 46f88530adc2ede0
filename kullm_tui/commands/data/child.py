"""`python -P -m kullm_tui.commands.data.child NAME`: the build behind `data/apart.py`, told and asked over its standard input and output."""

import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import Any

from data.apart import price_message, private_output, progress_message
from data.builder.progress import BuildStopped, Progress, Watch
from data.lines import line_of, told_in
from data.making import make
from data.priced import Price
from evaluator.held_out import held_out_questions
from kullm_tui.core.errors import KullmError


def main() -> None:
    output = private_output()
    stop = threading.Event()
    answers: queue.Queue[bool] = queue.Queue()
    threading.Thread(target=_listen, args=(stop, answers), daemon=True).start()

    def tell(message: Mapping[str, Any]) -> None:
        try:
            os.write(output, line_of(message))
        except BrokenPipeError:  # nobody listens any more
            stop.set()

    def told(progress: Progress) -> None:
        tell(progress_message(progress))

    def agree(price: Price) -> bool:
        tell(price_message(price))
        return answers.get()

    try:
        make(sys.argv[1], questions=held_out_questions, agree=agree, watch=Watch(told, stop))
    except KullmError as error:
        tell({"error": str(error), "stopped": isinstance(error, BuildStopped)})
    else:
        tell({"done": True})


def _listen(stop: threading.Event, answers: "queue.Queue[bool]") -> None:
    """The end of its input is the end of the program that began it."""
    with open(0, "rb", closefd=False) as lines:  # noqa: PTH123 - sys.stdin's own lock is wanted when the process ends
        for line in lines:
            message = told_in(line)
            if message.get("stop"):
                break
            answers.put(bool(message.get("answer")))
    stop.set()
    answers.put(False)  # whoever waits for a price


if __name__ == "__main__":
    main()
