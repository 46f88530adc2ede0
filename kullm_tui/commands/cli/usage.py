"""What argparse finds wrong with a command line, said in Korean."""

import re

_ARGUMENT = re.compile(r"argument (?P<name>[^:]+): (?P<fault>.*)", re.DOTALL)


def korean_fault(message: str) -> str:
    """argparse's English sentence in Korean; one that it does not know stays as it is."""
    for pattern, sentence in (
        (r"the following arguments are required: (.+)", "빠진 인자가 있어요: {}"),
        (r"unrecognized arguments: (.+)", "알 수 없는 옵션이에요: {}"),
        (r"one of the arguments (.+) is required", "이 중 하나가 있어야 해요: {}"),
    ):
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            return sentence.format(found[1])
    found = _ARGUMENT.fullmatch(message)
    return f"{found['name']}: {_of_one(found['fault'])}" if found else message


def _of_one(fault: str) -> str:
    if re.match(r"expected .*arguments?", fault):
        return "값이 있어야 해요"
    if fault.startswith("ignored explicit argument"):
        return "값을 받지 않아요"
    found = re.fullmatch(r"not allowed with argument (.+)", fault)
    if found:
        return f"함께 쓸 수 없는 것이 있어요: {found[1]}"
    found = re.fullmatch(r"invalid choice: (.+?) \(choose from (.+)\)", fault, re.DOTALL)
    if found:
        return f"{found[1]} 대신 이 중 하나를 쓰세요: {found[2]}"
    found = re.fullmatch(r"invalid int value: (.+)", fault, re.DOTALL)
    return f"{found[1]} 대신 정수를 쓰세요" if found else fault
