"""Every template against text written by hand from its source. No literal here was ever printed by the code under test."""

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import TEMPLATES, template_named
from kullm_tui.core.templates.segments import Segment
from tests.core.templates import surveyed


def system(text: str) -> Message:
    return Message("system", text)


def user(text: str, given: str = "") -> Message:
    return Message("user", text, given)


def assistant(text: str) -> Message:
    return Message("assistant", text)


ONE = [user("Q1")]
INPUT = [user("Q1", "X1")]
THREE = [user("Q1"), assistant("A1"), user("Q2"), assistant("A2"), user("Q3")]
THREE_INPUT = [user("Q1", "X1"), assistant("A1"), user("Q2"), assistant("A2"), user("Q3", "X3")]
SYSTEM = [system("S"), *ONE]
SYSTEM_THREE = [system("S"), *THREE]
NO_SYSTEM = [system(""), *ONE]

KULLM = "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
KULLM_INPUT = "아래는 작업을 설명하는 명령어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
PAPER = "아래는 작업을 설명하는 지시어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
PAPER_INPUT = "아래는 작업을 설명하는 지시어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
KULLM3 = (
    "당신은 고려대학교 NLP&AI 연구실에서 만든 AI 챗봇입니다.\n"
    "당신의 이름은 'KULLM'으로, 한국어로는 '구름'을 뜻합니다.\n"
    "당신은 비도덕적이거나, 성적이거나, 불법적이거나 또는 사회 통념적으로 허용되지 않는 발언은 하지 않습니다.\n"
    "사용자와 즐겁게 대화하며, 사용자의 응답에 가능한 정확하고 친절하게 응답함으로써 최대한 도와주려고 노력합니다.\n"
    "질문이 이상하다면, 어떤 부분이 이상한지 설명합니다. 거짓 정보를 발언하지 않도록 주의합니다."
)
KO_1_0 = (
    "Below is an instruction that describes a task.\n아래는 작업을 설명하는 명령어입니다.\n\n"
    "Write a response that appropriately completes the request.\n명령어에 따른 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
)
KO_1_0_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context.\n"
    "아래는 작업을 설명하는 명령어와 추가적 맥락을 제공하는 입력이 짝을 이루는 예제입니다.\n\n"
    "Write a response that appropriately completes the request.\n요청을 적절히 완료하는 응답을 작성하세요.\n\n"
)
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
VICUNA_0 = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
RULE = "-" * 21
ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
)
META = (
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe. "
    "Your answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. "
    "Please ensure that your responses are socially unbiased and positive in nature.\n\nIf a question does not make any sense, "
    "or is not factually coherent, explain why instead of answering something not correct. "
    "If you don't know the answer to a question, please don't share false information."
)
GPT4ALL = (
    "The prompt below is a question to answer, a task to complete, or a conversation to respond to; "
    "decide which and write an appropriate response.\n"
)

LITERALS = [
    ("kullm-v2", ONE, KULLM + "### 명령어:\nQ1\n\n### 응답:\n"),
    ("kullm-v2", INPUT, KULLM_INPUT + "### 명령어:\nQ1\n\n### 입력:\nX1\n\n### 응답:\n"),
    ("kullm-v2", [user("", "X1")], KULLM_INPUT + "### 명령어:\n\n\n### 입력:\nX1\n\n### 응답:\n"),
    (
        "kullm-v2",
        THREE,
        KULLM
        + "### 명령어:\nQ1\n\n### 응답:\nA1\n\n### 명령어:\nQ2\n\n### 응답:\nA2\n\n### 명령어:\nQ3\n\n### 응답:\n",
    ),
    (
        "kullm-v2",
        THREE_INPUT,
        KULLM_INPUT + "### 명령어:\nQ1\n\n### 입력:\nX1\n\n### 응답:\nA1\n\n### 명령어:\nQ2\n\n### 응답:\nA2\n\n"
        "### 명령어:\nQ3\n\n### 입력:\nX3\n\n### 응답:\n",
    ),
    ("kullm-v2", SYSTEM, "S\n\n" + KULLM + "### 명령어:\nQ1\n\n### 응답:\n"),
    ("kullm-v2", NO_SYSTEM, KULLM + "### 명령어:\nQ1\n\n### 응답:\n"),
    ("kullm-paper", ONE, PAPER + "### 지시어:\nQ1\n\n### 응답:\n"),
    ("kullm-paper", INPUT, PAPER_INPUT + "### 지시어:\nQ1\n\n### 입력:\nX1\n\n### 응답:\n"),
    (
        "kullm-paper",
        THREE,
        PAPER
        + "### 지시어:\nQ1\n\n### 응답:\nA1\n\n### 지시어:\nQ2\n\n### 응답:\nA2\n\n### 지시어:\nQ3\n\n### 응답:\n",
    ),
    ("kullm3", ONE, f"[INST] <<SYS>>\n{KULLM3}\n<</SYS>>\n\nQ1 [/INST]"),
    ("kullm3", INPUT, f"[INST] <<SYS>>\n{KULLM3}\n<</SYS>>\n\nQ1\n\nX1 [/INST]"),
    (
        "kullm3",
        THREE,
        f"[INST] <<SYS>>\n{KULLM3}\n<</SYS>>\n\nQ1 [/INST] A1 </s>[INST] Q2 [/INST] A2 </s>[INST] Q3 [/INST]",
    ),
    ("kullm3", SYSTEM, "[INST] <<SYS>>\nS\n<</SYS>>\n\nQ1 [/INST]"),
    ("koalpaca-v1.1", ONE, "### 질문: Q1\n\n### 답변:"),
    ("koalpaca-v1.1", INPUT, "### 질문: Q1\n\n### 맥락: X1\n\n### 답변:"),
    (
        "koalpaca-v1.1",
        THREE,
        "### 이전 질문:\nQ1\n### 이전 답변:\nA1\n### 이전 질문:\nQ2\n### 이전 답변:\nA2\n### 질문:\nQ3\n\n### 답변:",
    ),
    (
        "koalpaca-v1.1",
        THREE_INPUT,
        "### 맥락:\nX1\n### 이전 질문:\nQ1\n### 이전 답변:\nA1\n### 이전 질문:\nQ2\n### 이전 답변:\nA2\n"
        "### 맥락:\nX3\n### 질문:\nQ3\n\n### 답변:",
    ),
    ("koalpaca-v1.1", SYSTEM, "### 명령어:\nS\n### 질문:\nQ1\n\n### 답변:"),
    (
        "koalpaca-v1.1",
        [system("S"), *INPUT],
        "### 맥락:\nX1\n### 명령어:\nS\n### 질문:\nQ1\n\n### 답변:",
    ),
    (
        "koalpaca-v1.1",
        SYSTEM_THREE,
        "### 명령어:\nS\n### 이전 질문:\nQ1\n### 이전 답변:\nA1\n### 이전 질문:\nQ2\n### 이전 답변:\nA2\n### 질문:\nQ3\n\n### 답변:",
    ),
    ("koalpaca-v1.0", ONE, KO_1_0 + "### Instruction(명령어):\nQ1\n\n### Response(응답):"),
    (
        "koalpaca-v1.0",
        INPUT,
        KO_1_0_INPUT + "### Instruction(명령어):\nQ1\n\n### Input(입력):\nX1\n\n### Response(응답):",
    ),
    (
        "koalpaca-v1.0",
        THREE,
        KO_1_0 + "### Instruction(명령어):\nQ1\n\n### Response(응답):A1\n\n### Instruction(명령어):\nQ2\n\n"
        "### Response(응답):A2\n\n### Instruction(명령어):\nQ3\n\n### Response(응답):",
    ),
    ("vicuna-1.1", ONE, VICUNA + " USER: Q1 ASSISTANT:"),
    ("vicuna-1.1", INPUT, VICUNA + " USER: Q1\n\nX1 ASSISTANT:"),
    ("vicuna-1.1", THREE, VICUNA + " USER: Q1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>USER: Q3 ASSISTANT:"),
    ("vicuna-1.1", SYSTEM, "S USER: Q1 ASSISTANT:"),
    ("vicuna-1.1", NO_SYSTEM, " USER: Q1 ASSISTANT:"),
    ("vicuna-v0", ONE, VICUNA_0 + "\n### Human: Q1\n### Assistant:"),
    (
        "vicuna-v0",
        THREE,
        VICUNA_0
        + "\n### Human: Q1\n### Assistant: A1\n### Human: Q2\n### Assistant: A2\n### Human: Q3\n### Assistant:",
    ),
    ("vicuna-v0", NO_SYSTEM, "\n### Human: Q1\n### Assistant:"),
    ("korani", ONE, VICUNA_0 + "\n### Human: Q1\n### Assistant:"),
    (
        "korani",
        INPUT,
        f"우리는 아래와 같은 정보를 갖고 있습니다.\n{RULE}\nX1\n{RULE}\n"
        "### 주어진 정보에 따라, 질문에 답해주세요.: 'Q1'\n### Assistant:",
    ),
    (
        "korani",
        THREE,
        VICUNA_0
        + "\n### Human: Q1\n### Assistant: A1\n### Human: Q2\n### Assistant: A2\n### Human: Q3\n### Assistant:",
    ),
    ("komt", ONE, "### instruction: Q1\n\n### Response: "),
    ("komt", INPUT, "### instruction: Q1\n\nX1\n\n### Response: "),
    (
        "komt",
        THREE,
        "### instruction: Q1\n\n### Response: A1\n\n### instruction: Q2\n\n### Response: A2\n\n### instruction: Q3\n\n### Response: ",
    ),
    ("komt", SYSTEM, "S\n\n### instruction: Q1\n\n### Response: "),
    ("koat", ONE, "Q1\n\n정답:"),
    ("koat", THREE, "Q1\n\n정답: A1\n\nQ2\n\n정답: A2\n\nQ3\n\n정답:"),
    ("llama2-ko-chat", ONE, KULLM + "### 명령어:\nQ1\n\n### 응답:"),
    ("llama2-ko-chat", INPUT, KULLM + "### 명령어:\nQ1\n\nX1\n\n### 응답:"),
    (
        "llama2-ko-chat",
        THREE,
        KULLM + "### 명령어:\nQ1\n\n### 응답:A1\n\n### 명령어:\nQ2\n\n### 응답:A2\n\n### 명령어:\nQ3\n\n### 응답:",
    ),
    *(
        row
        for name in ("alpaca", "platypus")
        for row in (
            (name, ONE, ALPACA + "### Instruction:\nQ1\n\n### Response:\n"),
            (name, INPUT, ALPACA_INPUT + "### Instruction:\nQ1\n\n### Input:\nX1\n\n### Response:\n"),
            (
                name,
                THREE,
                ALPACA + "### Instruction:\nQ1\n\n### Response:\nA1\n\n### Instruction:\nQ2\n\n### Response:\nA2\n\n"
                "### Instruction:\nQ3\n\n### Response:\n",
            ),
        )
    ),
    ("alpaca-stanford", ONE, ALPACA + "### Instruction:\nQ1\n\n### Response:"),
    ("alpaca-stanford", INPUT, ALPACA_INPUT + "### Instruction:\nQ1\n\n### Input:\nX1\n\n### Response:"),
    (
        "alpaca-stanford",
        THREE,
        ALPACA + "### Instruction:\nQ1\n\n### Response:A1\n\n### Instruction:\nQ2\n\n### Response:A2\n\n"
        "### Instruction:\nQ3\n\n### Response:",
    ),
    ("upstage", ONE, "### User:\nQ1\n\n### Assistant:\n"),
    ("upstage", SYSTEM, "### System:\nS\n\n### User:\nQ1\n\n### Assistant:\n"),
    (
        "upstage",
        THREE,
        "### User:\nQ1\n\n### Assistant:\nA1\n\n### User:\nQ2\n\n### Assistant:\nA2\n\n### User:\nQ3\n\n### Assistant:\n",
    ),
    ("llama-2", ONE, f"[INST] <<SYS>>\n{META}\n<</SYS>>\n\nQ1 [/INST]"),
    ("llama-2", NO_SYSTEM, "[INST] Q1 [/INST]"),
    (
        "llama-2",
        SYSTEM_THREE,
        "[INST] <<SYS>>\nS\n<</SYS>>\n\nQ1 [/INST] A1 </s>[INST] Q2 [/INST] A2 </s>[INST] Q3 [/INST]",
    ),
    ("dolly", ONE, ALPACA + "### Instruction:\nQ1\n\n### Response:\n"),
    ("dolly", INPUT, ALPACA + "### Instruction:\nQ1\n\nInput:\nX1\n\n### Response:\n"),
    (
        "dolly",
        THREE,
        ALPACA + "### Instruction:\nQ1\n\n### Response:\nA1\n\n### Instruction:\nQ2\n\n### Response:\nA2\n\n"
        "### Instruction:\nQ3\n\n### Response:\n",
    ),
    ("oasst", ONE, "<|prompter|>Q1</s><|assistant|>"),
    ("oasst", SYSTEM, "<|system|>S</s><|prompter|>Q1</s><|assistant|>"),
    (
        "oasst",
        THREE,
        "<|prompter|>Q1</s><|assistant|>A1</s><|prompter|>Q2</s><|assistant|>A2</s><|prompter|>Q3</s><|assistant|>",
    ),
    ("redpajama", ONE, "<human>: Q1\n<bot>:"),
    ("redpajama", THREE, "<human>: Q1\n<bot>: A1\n<human>: Q2\n<bot>: A2\n<human>: Q3\n<bot>:"),
    ("gpt4all-j", ONE, GPT4ALL + "### Prompt:\nQ1\n### Response:\n"),
    (
        "gpt4all-j",
        THREE,
        GPT4ALL
        + "### Prompt:\nQ1\n### Response:\nA1\n### Prompt:\nQ2\n### Response:\nA2\n### Prompt:\nQ3\n### Response:\n",
    ),
    ("gpt4all-lora", ONE, "Q1\n"),
    ("gpt4all-lora", THREE, "Q1\nA1\nQ2\nA2\nQ3\n"),
    ("chatml", ONE, "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n"),
    ("chatml", SYSTEM, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n"),
    (
        "chatml",
        THREE,
        "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n<|im_start|>user\nQ2<|im_end|>\n"
        "<|im_start|>assistant\nA2<|im_end|>\n<|im_start|>user\nQ3<|im_end|>\n<|im_start|>assistant\n",
    ),
    (
        "kullm-paper",
        THREE_INPUT,
        PAPER_INPUT + "### 지시어:\nQ1\n\n### 입력:\nX1\n\n### 응답:\nA1\n\n### 지시어:\nQ2\n\n### 응답:\nA2\n\n"
        "### 지시어:\nQ3\n\n### 입력:\nX3\n\n### 응답:\n",
    ),
    (
        "koalpaca-v1.0",
        THREE_INPUT,
        KO_1_0_INPUT + "### Instruction(명령어):\nQ1\n\n### Input(입력):\nX1\n\n### Response(응답):A1\n\n"
        "### Instruction(명령어):\nQ2\n\n### Response(응답):A2\n\n"
        "### Instruction(명령어):\nQ3\n\n### Input(입력):\nX3\n\n### Response(응답):",
    ),
    (
        "korani",
        THREE_INPUT,
        f"우리는 아래와 같은 정보를 갖고 있습니다.\n{RULE}\nX1\n{RULE}\n"
        "### 주어진 정보에 따라, 질문에 답해주세요.: 'Q1'\n### Assistant: A1\n### Human: Q2\n### Assistant: A2\n"
        f"우리는 아래와 같은 정보를 갖고 있습니다.\n{RULE}\nX3\n{RULE}\n"
        "### 주어진 정보에 따라, 질문에 답해주세요.: 'Q3'\n### Assistant:",
    ),
    (
        "alpaca",
        THREE_INPUT,
        ALPACA_INPUT + "### Instruction:\nQ1\n\n### Input:\nX1\n\n### Response:\nA1\n\n"
        "### Instruction:\nQ2\n\n### Response:\nA2\n\n"
        "### Instruction:\nQ3\n\n### Input:\nX3\n\n### Response:\n",
    ),
    (
        "alpaca-stanford",
        THREE_INPUT,
        ALPACA_INPUT + "### Instruction:\nQ1\n\n### Input:\nX1\n\n### Response:A1\n\n"
        "### Instruction:\nQ2\n\n### Response:A2\n\n"
        "### Instruction:\nQ3\n\n### Input:\nX3\n\n### Response:",
    ),
    (
        "dolly",
        THREE_INPUT,
        ALPACA + "### Instruction:\nQ1\n\nInput:\nX1\n\n### Response:\nA1\n\n"
        "### Instruction:\nQ2\n\n### Response:\nA2\n\n"
        "### Instruction:\nQ3\n\nInput:\nX3\n\n### Response:\n",
    ),
    ("plain", ONE, "Q1"),
    ("plain", INPUT, "Q1\n\nX1"),
    ("plain", THREE, "Q1A1\nQ2A2\nQ3"),
    *surveyed.LITERALS,
]

# What a one-turn training text adds to the prompt it begins with: the trained part, </s> being the tokenizer's eos.
TRAINED = {
    "kullm-v2": "A1</s>",
    "kullm-paper": "A1</s>",
    "kullm3": " A1 </s>",
    "koalpaca-v1.1": " A1</s>",
    "koalpaca-v1.0": "A1</s>",
    "vicuna-1.1": " A1</s>",
    "vicuna-v0": " A1</s>",
    "korani": " A1</s>",
    "komt": "A1</s>",
    "koat": " A1</s>",
    "llama2-ko-chat": "A1</s>",
    "alpaca": "A1</s>",
    "platypus": "A1</s>",
    "alpaca-stanford": "A1</s>",
    "upstage": "A1</s>",
    "llama-2": " A1 </s>",
    "dolly": "A1\n\n### End",
    "oasst": "A1</s>",
    "redpajama": " A1</s>",
    "gpt4all-j": "A1</s>",
    "gpt4all-lora": "A1</s>",
    "chatml": "A1<|im_end|>",
    "plain": "A1</s>",
    **surveyed.TRAINED,
}


@pytest.mark.parametrize(("name", "messages", "literal"), LITERALS)
def test_the_prompt_is_the_text_of_its_source(name: str, messages: list[Message], literal: str) -> None:
    assert template_named(name).render(messages, eos_token="</s>").text == literal


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_has_literals_for_one_turn_and_three(name: str) -> None:
    written = [len(messages) for row_name, messages, _ in LITERALS if row_name == name]
    assert 1 in written
    assert max(written) >= 5


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("question", [ONE, INPUT])
def test_a_training_text_adds_the_reply_and_its_end_to_the_prompt(name: str, question: list[Message]) -> None:
    template = TEMPLATES[name]
    prompt = template.render(question, eos_token="</s>")
    whole = template.render([*question, assistant("A1")], eos_token="</s>", open_reply=False)

    added = whole.segments[len(prompt.segments) :]
    assert whole.segments[: len(prompt.segments)] == prompt.segments
    assert "".join(segment.text for segment in added) == TRAINED[name]
    assert all(segment.trained for segment in added)
    assert added[-1].special
    assert not any(segment.trained for segment in prompt.segments)


def test_segments_say_what_is_trained_and_what_is_one_token() -> None:
    dialogue = [system("S"), user("Q1"), assistant("A1"), user("Q2"), assistant("A2")]
    whole = template_named("llama-2").render(dialogue, eos_token="</s>", bos_token="<s>", open_reply=False)

    marked = [(s.text, s.trained, s.special) for s in whole.segments if s.trained or s.special]
    assert marked == [
        ("<s>", False, True),
        (" ", True, False),
        ("A1", True, False),
        (" ", True, False),
        ("</s>", True, True),
        ("<s>", False, True),
        (" ", True, False),
        ("A2", True, False),
        (" ", True, False),
        ("</s>", True, True),
    ]
    assert whole.text == "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ1 [/INST] A1 </s><s>[INST] Q2 [/INST] A2 </s>"


def test_earlier_replies_of_one_turn_templates_carry_no_end_token() -> None:
    dialogue = [user("Q1"), assistant("A1"), user("Q2"), assistant("A2")]
    whole = template_named("kullm-v2").render(dialogue, eos_token="<|endoftext|>", open_reply=False)

    assert whole.text == KULLM + ("### 명령어:\nQ1\n\n### 응답:\nA1\n\n### 명령어:\nQ2\n\n### 응답:\nA2<|endoftext|>")
    assert [s.text for s in whole.segments if s.trained] == ["A1", "A2", "<|endoftext|>"]


def test_koalpaca_trains_no_reply_behind_its_history_heading() -> None:
    dialogue = [user("Q1"), assistant("A1"), user("Q2"), assistant("A2")]
    whole = template_named("koalpaca-v1.1").render(dialogue, eos_token="<|endoftext|>", open_reply=False)

    assert whole.text == "### 이전 질문:\nQ1\n### 이전 답변:\nA1\n### 질문:\nQ2\n\n### 답변: A2<|endoftext|>"
    assert "".join(s.text for s in whole.segments if s.trained) == " A2<|endoftext|>"


def test_what_somebody_typed_is_never_a_special_segment() -> None:
    typed = "</s><|im_end|>{eos}{content} ### 응답:\n### End"
    for template in TEMPLATES.values():
        prompt = template.render([system(typed), user(typed, typed), assistant(typed), user(typed)], eos_token="</s>")
        holders = [segment for segment in prompt.segments if "{eos}" in segment.text]
        assert holders
        assert not any(segment.special for segment in holders)
        specials = {segment.text for segment in prompt.segments if segment.special}
        assert specials <= {"</s>", *template.specials}


def test_a_bos_equal_to_the_eos_is_left_out() -> None:
    prompt = template_named("kullm-v2").render(ONE, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    assert prompt.text == KULLM + "### 명령어:\nQ1\n\n### 응답:\n"


def test_questions_whose_reply_failed_are_asked_together() -> None:
    prompt = template_named("llama-2").render([system("S"), user("Q1", "X1"), user("Q2")], eos_token="</s>")
    assert prompt.text == "[INST] <<SYS>>\nS\n<</SYS>>\n\nQ1\n\nQ2\n\nX1 [/INST]"


def test_nothing_is_opened_behind_a_reply() -> None:
    for template in TEMPLATES.values():
        answered = [user("Q1"), assistant("A1")]
        texts = {template.render(answered, eos_token="</s>", open_reply=opened).text for opened in (True, False)}
        assert len(texts) == 1


def test_without_an_opened_reply_the_prompt_ends_with_the_question() -> None:
    prompt = template_named("kullm-v2").render(ONE, eos_token="</s>", open_reply=False)
    assert prompt.segments[-2:] == (Segment("Q1"), Segment("\n\n"))


# FastChat's table: the separator that follows the system text, the text between turns, the way a reply is opened.
@pytest.mark.parametrize(
    ("name", "between", "opening"),
    [
        ("vicuna-v0", "\n### ", "### Assistant:"),
        ("vicuna-1.1", "</s>", "ASSISTANT:"),
        ("oasst", "</s>", "<|assistant|>"),
        ("redpajama", "\n", "<bot>:"),
        ("upstage", "\n\n", "### Assistant:\n"),
        ("dolly", "\n\n", "### Response:\n"),
    ],
)
def test_fastchat_separators_stand_between_turns(name: str, between: str, opening: str) -> None:
    text = template_named(name).render([*NO_SYSTEM, assistant("A1"), user("Q2")], eos_token="</s>").text
    assert text.split("A1", 1)[1].startswith(between)
    assert text.endswith(opening)


def test_sources_and_marks_are_stated() -> None:
    unverified = {name for name, template in TEMPLATES.items() if not template.verified}
    assert unverified == {
        *("kullm3", "llama2-ko-chat", "aulm-chat", "quantum-lm"),
        *("gpt4all-j", "gpt4all-lora", "chatml", "mpt-7b-instruct"),
    }
    assert all(template.source for template in TEMPLATES.values())
    assert {"kullm-v2", "koalpaca-v1.1", "komt", "koat", "alpaca"} <= {
        name for name, template in TEMPLATES.items() if template.one_turn
    }


def test_stop_strings_are_those_of_the_sources() -> None:
    stops = {name: TEMPLATES[name].stop for name in ("kullm-v2", "vicuna-v0", "redpajama", "dolly", "korani")}
    assert stops == {
        "kullm-v2": ("###",),
        "vicuna-v0": ("###",),
        "redpajama": ("<human>",),
        "dolly": ("### End",),
        "korani": ("\n### Human:", "\n### Assistant"),
    }


@pytest.mark.parametrize(("typed", "nearest"), [("kullm-v3", "kullm-v2"), ("koalpaca-1.1", "koalpaca-v1.1")])
def test_an_unknown_template_names_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=nearest):
        template_named(typed)
