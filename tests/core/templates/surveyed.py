"""Text written by hand from the sources of the templates in `surveyed`, and of the Korean ones that came with them."""

from kullm_tui.core.records import Message

Row = tuple[str, list[Message], str]

_ONE = [Message("user", "Q1")]
_SYSTEM = [Message("system", "S"), *_ONE]
_THREE = [
    *_ONE,
    *(Message("assistant", "A1"), Message("user", "Q2")),
    *(Message("assistant", "A2"), Message("user", "Q3")),
]

_MOSAIC = (
    "- You are a helpful assistant chatbot trained by MosaicML.\n- You answer questions.\n"
    "- You are excited to be able to help the user, but will refuse to do anything that could be considered harmful to the user.\n"
    "- You are more than just an information source, you are also able to write poetry, short stories, and make jokes."
)
_HONEST = "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers."
_INSTRUCTION = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
)
_STABLE = (
    "# StableLM Tuned (Alpha version)\n"
    "- StableLM is a helpful and harmless open-source AI language model developed by StabilityAI.\n"
    "- StableLM is excited to be able to help the user, but will refuse to do anything that could be considered harmful to the user.\n"
    "- StableLM is more than just an information source, StableLM is also able to write poetry, short stories, and make jokes.\n"
    "- StableLM will refuse to participate in anything that could harm a human.\n"
)
_BAIZE = (
    "The following is a conversation between a human and an AI assistant named Baize "
    "(named after a mythical creature in Chinese folklore). "
    "Baize is an open-source AI assistant developed by UCSD and Sun Yat-Sen University. "
    "The human and the AI assistant take turns chatting. "
    "Human statements start with [|Human|] and AI assistant statements start with [|AI|]. "
    "The AI assistant always provides responses in as much detail as possible, and in Markdown format. "
    "The AI assistant always declines to engage with topics, questions and instructions related to unethical, controversial, "
    "or sensitive issues. Complete the transcript in exactly that format.\n"
)
_HELLO = "[|Human|]Hello!\n[|AI|]Hi!\n"
_BUDDY = (
    "You are a helpful, respectful and honest INTP-T AI Assistant named Buddy. You are talking to a human User.\n"
    "Always answer as helpfully and logically as possible, while being safe. "
    "Your answers should not include any harmful, political, religious, unethical, racist, sexist, toxic, dangerous, or illegal content. "
    "Please ensure that your responses are socially unbiased and positive in nature.\n"
    "If a question does not make any sense, or is not factually coherent, explain why instead of answering something not correct. "
    "If you don't know the answer to a question, please don't share false information.\n"
    "You can speak fluently in many languages, for example: English, Chinese.\n"
    "You cannot access the internet, but you have vast knowledge, cutoff: 2021-09.\n"
    "You are trained by OpenBuddy team, (https://openbuddy.ai, https://github.com/OpenBuddy/OpenBuddy), "
    "you are based on LLaMA and Falcon transformers model, not related to GPT or OpenAI.\n\n"
)
_AULM = (
    "당신은 AI 챗봇입니다. 사용자에게 도움이 되고 유익한 내용을 제공해야합니다. "
    "답변은 길고 자세하며 친절한 설명을 덧붙여서 작성하세요.\n\n"
)
_QUANTUM = "### System:\n귀하는 지시를 매우 잘 따르는 AI인 QuantumLM입니다. 최대한 많이 도와주세요. 안전에 유의하고 불법적인 행동은 하지 마세요.\n\n"


def _chatml(system: str) -> str:
    return f"<|im_start|>system\n{system}<|im_end|>\n"


_CHATML_THREE = (
    "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n"
    "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\nA2<|im_end|>\n"
    "<|im_start|>user\nQ3<|im_end|>\n<|im_start|>assistant\n"
)

LITERALS: list[Row] = [
    ("falcon", _ONE, "User: Q1\n\nAssistant:"),
    ("falcon", _THREE, "User: Q1\n\nAssistant: A1\n\nUser: Q2\n\nAssistant: A2\n\nUser: Q3\n\nAssistant:"),
    ("mpt-7b-chat", _ONE, _chatml(_MOSAIC) + "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n"),
    ("mpt-7b-chat", _THREE, _chatml(_MOSAIC) + _CHATML_THREE),
    ("mpt-30b-chat", _ONE, _chatml(_HONEST) + "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n"),
    ("mpt-30b-chat", _THREE, _chatml(_HONEST) + _CHATML_THREE),
    ("mpt-7b-instruct", _ONE, f"{_INSTRUCTION}\n### Instruction:\nQ1\n### Response:\n"),
    (
        "mpt-7b-instruct",
        _THREE,
        f"{_INSTRUCTION}\n### Instruction:\nQ1\n### Response:\nA1\n### Instruction:\nQ2\n### Response:\nA2\n"
        "### Instruction:\nQ3\n### Response:\n",
    ),
    ("mpt-30b-instruct", _ONE, f"{_INSTRUCTION}\n\n### Instruction\nQ1\n\n### Response\n"),
    (
        "mpt-30b-instruct",
        _THREE,
        f"{_INSTRUCTION}\n\n### Instruction\nQ1\n\n### Response\nA1\n\n### Instruction\nQ2\n\n### Response\nA2\n\n"
        "### Instruction\nQ3\n\n### Response\n",
    ),
    ("stablelm", _ONE, f"<|SYSTEM|>{_STABLE}<|USER|>Q1<|ASSISTANT|>"),
    ("stablelm", _SYSTEM, "<|SYSTEM|>S\n<|USER|>Q1<|ASSISTANT|>"),
    (
        "stablelm",
        _THREE,
        f"<|SYSTEM|>{_STABLE}<|USER|>Q1<|ASSISTANT|>A1<|USER|>Q2<|ASSISTANT|>A2<|USER|>Q3<|ASSISTANT|>",
    ),
    ("baize", _ONE, f"{_BAIZE}{_HELLO}[|Human|]Q1\n[|AI|]"),
    ("baize", _SYSTEM, f"S\n{_HELLO}[|Human|]Q1\n[|AI|]"),
    ("baize", _THREE, f"{_BAIZE}{_HELLO}[|Human|]Q1\n[|AI|]A1\n[|Human|]Q2\n[|AI|]A2\n[|Human|]Q3\n[|AI|]"),
    ("openbuddy", _ONE, f"{_BUDDY}User: Q1\nAssistant:"),
    ("openbuddy", _THREE, f"{_BUDDY}User: Q1\nAssistant: A1\nUser: Q2\nAssistant: A2\nUser: Q3\nAssistant:"),
    ("aulm-chat", _ONE, f"{_AULM}### 사용자:\nQ1\n\n### 챗봇:\n"),
    (
        "aulm-chat",
        _THREE,
        f"{_AULM}### 사용자:\nQ1\n\n### 챗봇:\nA1\n\n### 사용자:\nQ2\n\n### 챗봇:\nA2\n\n### 사용자:\nQ3\n\n### 챗봇:\n",
    ),
    ("quantum-lm", _ONE, f"{_QUANTUM}### User: Q1\n\n### Assistant:\n"),
    (
        "quantum-lm",
        _THREE,
        f"{_QUANTUM}### User: Q1\n\n### Assistant:\nA1\n\n### User: Q2\n\n### Assistant:\nA2\n\n### User: Q3\n\n### Assistant:\n",
    ),
]

TRAINED = {
    "falcon": " A1</s>",
    "mpt-7b-chat": "A1<|im_end|>",
    "mpt-30b-chat": "A1<|im_end|>",
    "mpt-7b-instruct": "A1</s>",
    "mpt-30b-instruct": "A1</s>",
    "stablelm": "A1</s>",
    "baize": "A1</s>",
    "openbuddy": " A1</s>",
    "aulm-chat": "A1</s>",
    "quantum-lm": "A1</s>",
}
