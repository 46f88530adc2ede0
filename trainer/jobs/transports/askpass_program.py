"""What ssh calls when it wants to ask: hands the question to the kullm that started ssh, and its answer back. Standard library alone."""

import json
import os
import socket
import sys


def main() -> int:
    question = {"text": " ".join(sys.argv[1:]), "confirms": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(os.environ["KULLM_ASKPASS"])
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile(encoding="utf-8") as answers:
            answer = json.loads(answers.readline() or "null")
    if not isinstance(answer, str):
        return 1
    print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
