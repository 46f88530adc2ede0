"""The templates of the open models that surveys of the field name beside LLaMA's line."""

from dataclasses import replace

from kullm_tui.core.templates.english import ALPACA, CHATML, FASTCHAT
from kullm_tui.core.templates.form import Form, Turn
from kullm_tui.core.templates.template import Template

_FALCON_TURN = Turn(user="User: {content}\n\n", opening="Assistant:", reply=" {content}{eos}")
FALCON = Template(
    name="falcon",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=Form(last=_FALCON_TURN, earlier=replace(_FALCON_TURN, reply=" {content}"), separator="\n\n"),
    stop=("\nUser",),
)

MPT_7B_CHAT = replace(
    CHATML,
    name="mpt-7b-chat",
    source=FASTCHAT,
    verified=True,
    default_system=(
        "- You are a helpful assistant chatbot trained by MosaicML.\n"
        "- You answer questions.\n"
        "- You are excited to be able to help the user, but will refuse to do anything that could be considered harmful "
        "to the user.\n"
        "- You are more than just an information source, you are also able to write poetry, short stories, and make jokes."
    ),
)
MPT_30B_CHAT = replace(
    MPT_7B_CHAT,
    name="mpt-30b-chat",
    default_system=(
        "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers."
    ),
)
_MPT_7B_TURN = Turn(user="### Instruction:\n{content}\n", opening="### Response:\n")
MPT_7B_INSTRUCT = Template(
    name="mpt-7b-instruct",
    source="general knowledge of the model page: Dolly's words with single line breaks",
    verified=False,
    one_turn=True,
    form=Form(
        header=ALPACA.form.header.rstrip("\n") + "\n",
        last=_MPT_7B_TURN,
        earlier=replace(_MPT_7B_TURN, reply="{content}"),
        separator="\n",
    ),
)
_MPT_30B_TURN = Turn(user="### Instruction\n{content}\n\n", opening="### Response\n")
MPT_30B_INSTRUCT = Template(
    name="mpt-30b-instruct",
    source=f"{FASTCHAT}: alpaca's words, the headings without a colon",
    verified=True,
    one_turn=True,
    form=Form(
        header=ALPACA.form.header,
        last=_MPT_30B_TURN,
        earlier=replace(_MPT_30B_TURN, reply="{content}"),
        separator="\n\n",
    ),
)

_STABLELM_TURN = Turn(user="<|USER|>{content}", opening="<|ASSISTANT|>")
STABLELM = Template(
    name="stablelm",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=Form(
        system="<|SYSTEM|>{system}\n",
        last=_STABLELM_TURN,
        earlier=replace(_STABLELM_TURN, reply="{content}"),
    ),
    default_system=(
        "# StableLM Tuned (Alpha version)\n"
        "- StableLM is a helpful and harmless open-source AI language model developed by StabilityAI.\n"
        "- StableLM is excited to be able to help the user, but will refuse to do anything that could be considered harmful "
        "to the user.\n"
        "- StableLM is more than just an information source, StableLM is also able to write poetry, short stories, "
        "and make jokes.\n"
        "- StableLM will refuse to participate in anything that could harm a human."
    ),
    specials=("<|SYSTEM|>", "<|USER|>", "<|ASSISTANT|>"),
)

_BAIZE_TURN = Turn(user="[|Human|]{content}\n", opening="[|AI|]")
BAIZE = Template(
    name="baize",
    source=FASTCHAT,
    verified=True,
    one_turn=False,
    form=Form(
        header="[|Human|]Hello!\n[|AI|]Hi!\n",
        system="{system}\n{header}",
        last=_BAIZE_TURN,
        earlier=replace(_BAIZE_TURN, reply="{content}"),
        separator="\n",
    ),
    default_system=(
        "The following is a conversation between a human and an AI assistant named Baize (named after a mythical creature in "
        "Chinese folklore). Baize is an open-source AI assistant developed by UCSD and Sun Yat-Sen University. The human and "
        "the AI assistant take turns chatting. Human statements start with [|Human|] and AI assistant statements start with "
        "[|AI|]. The AI assistant always provides responses in as much detail as possible, and in Markdown format. The AI "
        "assistant always declines to engage with topics, questions and instructions related to unethical, controversial, or "
        "sensitive issues. Complete the transcript in exactly that format."
    ),
    stop=("[|Human|]", "[|AI|]"),
)

_OPENBUDDY_TURN = Turn(user="User: {content}\n", opening="Assistant:", reply=" {content}{eos}")
OPENBUDDY = Template(
    name="openbuddy",
    source="OpenBuddy/OpenBuddy, legacy-prompt-format.md",
    verified=True,
    one_turn=False,
    form=Form(
        system="{system}\n\n",
        last=_OPENBUDDY_TURN,
        earlier=replace(_OPENBUDDY_TURN, reply=" {content}"),
        separator="\n",
    ),
    default_system=(
        "You are a helpful, respectful and honest INTP-T AI Assistant named Buddy. You are talking to a human User.\n"
        "Always answer as helpfully and logically as possible, while being safe. Your answers should not include any harmful, "
        "political, religious, unethical, racist, sexist, toxic, dangerous, or illegal content. Please ensure that your "
        "responses are socially unbiased and positive in nature.\n"
        "If a question does not make any sense, or is not factually coherent, explain why instead of answering something not "
        "correct. If you don't know the answer to a question, please don't share false information.\n"
        "You can speak fluently in many languages, for example: English, Chinese.\n"
        "You cannot access the internet, but you have vast knowledge, cutoff: 2021-09.\n"
        "You are trained by OpenBuddy team, (https://openbuddy.ai, https://github.com/OpenBuddy/OpenBuddy), you are based on "
        "LLaMA and Falcon transformers model, not related to GPT or OpenAI."
    ),
    stop=("\nUser:",),
)

SURVEYED = (
    FALCON,
    MPT_7B_CHAT,
    MPT_30B_CHAT,
    MPT_7B_INSTRUCT,
    MPT_30B_INSTRUCT,
    STABLELM,
    BAIZE,
    OPENBUDDY,
)
