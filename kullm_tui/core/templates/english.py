"""The templates of the English and multilingual models, and plain text for base models."""

from dataclasses import replace

from kullm_tui.core.templates.form import Form, Turn
from kullm_tui.core.templates.korean import LLAMA2_FORM, VICUNA_V0_FORM, VICUNA_V0_SYSTEM
from kullm_tui.core.templates.template import Template

FASTCHAT = "lm-sys/FastChat 0e6d3e4, fastchat/conversation.py"

VICUNA_1_1 = Template(
    name="vicuna-1.1",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=Form(
        header=" ",  # the separator follows even an empty system text
        system="{system} ",
        last=Turn(user="USER: {content} ", opening="ASSISTANT:", reply=" {content}{eos}"),
    ),
    default_system=(
        "A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions."
    ),
)
VICUNA_V0 = Template(
    name="vicuna-v0",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=VICUNA_V0_FORM,
    default_system=VICUNA_V0_SYSTEM,
    stop=("###",),
)

_ALPACA_HEADER = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
)
_ALPACA_TURN = Turn(
    user="### Instruction:\n{content}\n\n",
    user_with_input="### Instruction:\n{content}\n\n### Input:\n{input}\n\n",
    opening="### Response:\n",
)
ALPACA = Template(
    name="alpaca",
    source="tloen/alpaca-lora",
    verified=True,
    one_turn=True,
    form=Form(
        header=_ALPACA_HEADER,
        header_with_input=(
            "Below is an instruction that describes a task, paired with an input that provides further context. "
            "Write a response that appropriately completes the request.\n\n"
        ),
        last=_ALPACA_TURN,
        earlier=replace(_ALPACA_TURN, reply="{content}"),
        separator="\n\n",
    ),
)
PLATYPUS = replace(
    ALPACA, name="platypus", source="Marker-Inc-Korea/KO-Platypus and arielnlee/Platypus: alpaca's words"
)
_STANFORD_TURN = replace(_ALPACA_TURN, opening="### Response:")
ALPACA_STANFORD = replace(
    ALPACA,
    name="alpaca-stanford",
    source="stanford_alpaca, train.py: alpaca without the last newline",
    form=replace(ALPACA.form, last=_STANFORD_TURN, earlier=replace(_STANFORD_TURN, reply="{content}")),
)

# Dolly's tokenizer holds its three headings as tokens of their own.
_DOLLY_TURN = Turn(
    user="### Instruction:\n{content}\n\n",
    user_with_input="### Instruction:\n{content}\n\nInput:\n{input}\n\n",
    opening="### Response:\n",
    reply="{content}\n\n### End",
)
DOLLY = Template(
    name="dolly",
    source="databrickslabs/dolly",
    verified=True,
    one_turn=True,
    form=Form(
        header=_ALPACA_HEADER,
        last=_DOLLY_TURN,
        earlier=replace(_DOLLY_TURN, reply="{content}"),
        separator="\n\n",
    ),
    stop=("### End",),
    specials=("### Instruction:", "### Response:\n", "### End"),
)

_UPSTAGE_TURN = Turn(user="### User:\n{content}\n\n", opening="### Assistant:\n")
UPSTAGE = Template(
    name="upstage",
    source="the model page of upstage/llama-30b-instruct-2048",
    verified=True,
    one_turn=True,
    form=Form(
        system="### System:\n{system}\n\n",
        last=_UPSTAGE_TURN,
        earlier=replace(_UPSTAGE_TURN, reply="{content}"),
        separator="\n\n",
    ),
)
LLAMA_2 = Template(
    name="llama-2",
    source=f"{FASTCHAT}; the default system text is Meta's first one",
    verified=True,
    one_turn=False,
    form=LLAMA2_FORM,
    default_system=(
        "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe. "
        "Your answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. "
        "Please ensure that your responses are socially unbiased and positive in nature.\n\n"
        "If a question does not make any sense, or is not factually coherent, explain why instead of answering something "
        "not correct. If you don't know the answer to a question, please don't share false information."
    ),
)
OASST = Template(
    name="oasst",
    source=f"{FASTCHAT}; Open-Assistant",
    verified=True,
    one_turn=False,
    form=Form(
        system="<|system|>{system}{eos}",
        last=Turn(user="<|prompter|>{content}{eos}", opening="<|assistant|>"),
    ),
    specials=("<|system|>", "<|prompter|>", "<|assistant|>"),
)
REDPAJAMA = Template(
    name="redpajama",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=Form(
        system="{system}\n",
        last=Turn(user="<human>: {content}\n", opening="<bot>:", reply=" {content}{eos}"),
        earlier=Turn(user="<human>: {content}\n", opening="<bot>:", reply=" {content}"),
        separator="\n",
    ),
    stop=("<human>",),
)

_GPT4ALL_TURN = Turn(user="### Prompt:\n{content}\n", opening="### Response:\n")
GPT4ALL_J = Template(
    name="gpt4all-j",
    source="second-hand",
    verified=False,
    one_turn=True,
    form=Form(
        header=(
            "The prompt below is a question to answer, a task to complete, or a conversation to respond to; "
            "decide which and write an appropriate response.\n"
        ),
        last=_GPT4ALL_TURN,
        earlier=replace(_GPT4ALL_TURN, reply="{content}"),
        separator="\n",
    ),
    stop=("###",),
)
GPT4ALL_LORA = Template(
    name="gpt4all-lora",
    source="second-hand",
    verified=False,
    one_turn=True,
    form=Form(last=Turn(user="{content}\n"), earlier=Turn(user="{content}\n", reply="{content}"), separator="\n"),
)
CHATML = Template(
    name="chatml",
    source="general knowledge of the ChatML form, as Qwen's tokenizers write it",
    verified=False,
    one_turn=False,
    form=Form(
        system="<|im_start|>system\n{system}<|im_end|>\n",
        last=Turn(
            user="<|im_start|>user\n{content}<|im_end|>\n",
            opening="<|im_start|>assistant\n",
            reply="{content}<|im_end|>",
        ),
        separator="\n",
    ),
    stop=("<|im_end|>",),
    specials=("<|im_start|>", "<|im_end|>"),
)
PLAIN = Template(
    name="plain",
    source="the text itself, for base models",
    verified=True,
    one_turn=True,
    form=Form(last=Turn(user="{content}"), earlier=Turn(user="{content}", reply="{content}"), separator="\n"),
)

ENGLISH = (
    VICUNA_1_1,
    VICUNA_V0,
    ALPACA,
    ALPACA_STANFORD,
    PLATYPUS,
    DOLLY,
    UPSTAGE,
    LLAMA_2,
    OASST,
    REDPAJAMA,
    GPT4ALL_J,
    GPT4ALL_LORA,
    CHATML,
    PLAIN,
)
