"""The templates of the Korean models. Every character counts: a missing newline shows as replies that begin with `###`."""

from dataclasses import replace

from kullm_tui.core.templates.form import Form, Turn
from kullm_tui.core.templates.template import Template

_KULLM_TURN = Turn(
    user="### 명령어:\n{content}\n\n",
    user_with_input="### 명령어:\n{content}\n\n### 입력:\n{input}\n\n",
    opening="### 응답:\n",
)
_KULLM_FORM = Form(
    header="아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n",
    header_with_input=(
        "아래는 작업을 설명하는 명령어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. "
        "요청을 적절히 완료하는 응답을 작성하세요.\n\n"
    ),
    last=_KULLM_TURN,
    earlier=replace(_KULLM_TURN, reply="{content}"),
    separator="\n\n",
)

KULLM_V2 = Template(
    name="kullm-v2",
    source="nlpai-lab/KULLM, branch kullm_v2",
    verified=True,
    one_turn=True,
    form=_KULLM_FORM,
    stop=("###",),
)

_PAPER_TURN = Turn(
    user="### 지시어:\n{content}\n\n",
    user_with_input="### 지시어:\n{content}\n\n### 입력:\n{input}\n\n",
    opening="### 응답:\n",
)
KULLM_PAPER = replace(
    KULLM_V2,
    name="kullm-paper",
    source="the KULLM paper, which prints 지시어 where the released models' code has 명령어",
    form=Form(
        header="아래는 작업을 설명하는 지시어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n",
        header_with_input=(
            "아래는 작업을 설명하는 지시어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다. "
            "요청을 적절히 완료하는 응답을 작성하세요.\n\n"
        ),
        last=_PAPER_TURN,
        earlier=replace(_PAPER_TURN, reply="{content}"),
        separator="\n\n",
    ),
)

_LLAMA2_KO_TURN = Turn(user="### 명령어:\n{content}\n\n", opening="### 응답:")
LLAMA2_KO_CHAT = Template(
    name="llama2-ko-chat",
    source="second-hand: kullm-v2 without its input form and without the last newline",
    verified=False,
    one_turn=True,
    form=Form(
        header=_KULLM_FORM.header,
        last=_LLAMA2_KO_TURN,
        earlier=replace(_LLAMA2_KO_TURN, reply="{content}"),
        separator="\n\n",
    ),
    stop=("###",),
)

# The Llama-2 form. The system text stands inside the first question, so the header opens that question instead.
LLAMA2_FORM = Form(
    header="[INST] ",
    system="[INST] <<SYS>>\n{system}\n<</SYS>>\n\n",
    last=Turn(user="{content}", opening=" [/INST]", reply=" {content} {eos}"),
    separator="{bos}[INST] ",
)
KULLM3 = Template(
    name="kullm3",
    source="system text: nlpai-lab/KULLM README; form second-hand, from the tokenizer of taeminlee/KULLM3-awq",
    verified=False,
    one_turn=False,
    form=LLAMA2_FORM,
    default_system=(
        "당신은 고려대학교 NLP&AI 연구실에서 만든 AI 챗봇입니다.\n"
        "당신의 이름은 'KULLM'으로, 한국어로는 '구름'을 뜻합니다.\n"
        "당신은 비도덕적이거나, 성적이거나, 불법적이거나 또는 사회 통념적으로 허용되지 않는 발언은 하지 않습니다.\n"
        "사용자와 즐겁게 대화하며, 사용자의 응답에 가능한 정확하고 친절하게 응답함으로써 최대한 도와주려고 노력합니다.\n"
        "질문이 이상하다면, 어떤 부분이 이상한지 설명합니다. 거짓 정보를 발언하지 않도록 주의합니다."
    ),
)

# Several turns follow the project's web interface: 맥락 and 명령어 blocks first, then 이전 질문 and 이전 답변.
KOALPACA_V1_1 = Template(
    name="koalpaca-v1.1",
    source="Beomi/KoAlpaca; several turns and system texts as in its web interface",
    verified=True,
    one_turn=True,
    form=Form(
        last=Turn(
            user="### 질문: {content}\n\n",
            user_with_input="### 질문: {content}\n\n### 맥락: {input}\n\n",
            opening="### 답변:",
            reply=" {content}{eos}",
        ),
    ),
    several=Form(
        header_with_input="### 맥락:\n{input}\n",
        system="{header}### 명령어:\n{system}\n",
        last=Turn(
            user="### 질문:\n{content}\n\n",
            user_with_input="### 맥락:\n{input}\n### 질문:\n{content}\n\n",
            opening="### 답변:",
            reply=" {content}{eos}",
        ),
        earlier=Turn(
            user="### 이전 질문:\n{content}\n",
            user_with_input="### 맥락:\n{input}\n### 이전 질문:\n{content}\n",
            opening="### 이전 답변:\n",
            reply="{content}",
        ),
        separator="\n",
    ),
    stop=("###",),
)

_KOALPACA_1_0_TURN = Turn(
    user="### Instruction(명령어):\n{content}\n\n",
    user_with_input="### Instruction(명령어):\n{content}\n\n### Input(입력):\n{input}\n\n",
    opening="### Response(응답):",
)
KOALPACA_V1_0 = Template(
    name="koalpaca-v1.0",
    source="Beomi/KoAlpaca, the LLaMA models",
    verified=True,
    one_turn=True,
    form=Form(
        header=(
            "Below is an instruction that describes a task.\n"
            "아래는 작업을 설명하는 명령어입니다.\n\n"
            "Write a response that appropriately completes the request.\n"
            "명령어에 따른 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
        ),
        header_with_input=(
            "Below is an instruction that describes a task, paired with an input that provides further context.\n"
            "아래는 작업을 설명하는 명령어와 추가적 맥락을 제공하는 입력이 짝을 이루는 예제입니다.\n\n"
            "Write a response that appropriately completes the request.\n"
            "요청을 적절히 완료하는 응답을 작성하세요.\n\n"
        ),
        last=_KOALPACA_1_0_TURN,
        earlier=replace(_KOALPACA_1_0_TURN, reply="{content}"),
        separator="\n\n",
    ),
    stop=("###",),
)

VICUNA_V0_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
# "\n" as a header: the separator follows even an empty system text.
VICUNA_V0_FORM = Form(
    header="\n",
    system="{system}\n",
    last=Turn(user="### Human: {content}\n", opening="### Assistant:", reply=" {content}{eos}"),
    earlier=Turn(user="### Human: {content}\n", opening="### Assistant:", reply=" {content}"),
    separator="\n",
)
_KORANI_INPUT = (
    "우리는 아래와 같은 정보를 갖고 있습니다.\n"
    "---------------------\n{input}\n---------------------\n"
    "### 주어진 정보에 따라, 질문에 답해주세요.: '{content}'\n"
)
KORANI = Template(
    name="korani",
    source="krafton-ai/KORani; its chat form is inferred from the stop strings",
    verified=True,
    one_turn=False,
    form=replace(
        VICUNA_V0_FORM,
        header_with_input="",
        last=replace(VICUNA_V0_FORM.last, user_with_input=_KORANI_INPUT),
        earlier=replace(VICUNA_V0_FORM.before_last, user_with_input=_KORANI_INPUT),
    ),
    default_system=VICUNA_V0_SYSTEM,
    stop=("\n### Human:", "\n### Assistant"),
)

# The space that ends this opening is in the project's inference code and not in its training code.
_KOMT_TURN = Turn(user="### instruction: {content}\n\n", opening="### Response: ")
KOMT = Template(
    name="komt",
    source="davidkim205/komt, inference code",
    verified=True,
    one_turn=True,
    form=Form(last=_KOMT_TURN, earlier=replace(_KOMT_TURN, reply="{content}"), separator="\n\n"),
)

_KOAT_TURN = Turn(user="{content}\n\n", opening="정답:", reply=" {content}{eos}")
KOAT = Template(
    name="koat",
    source="Marker-Inc-Korea/K-G-OAT README; its notebook has one more space before 정답",
    verified=True,
    one_turn=True,
    form=Form(last=_KOAT_TURN, earlier=replace(_KOAT_TURN, reply=" {content}"), separator="\n\n"),
)

_AULM_TURN = Turn(user="### 사용자:\n{content}\n\n", opening="### 챗봇:\n")
AULM_CHAT = Template(
    name="aulm-chat",
    source="second-hand: programs that ask heegyu's chat models",
    verified=False,
    one_turn=False,
    form=Form(
        system="{system}\n\n",
        last=_AULM_TURN,
        earlier=replace(_AULM_TURN, reply="{content}"),
        separator="\n\n",
    ),
    default_system=(
        "당신은 AI 챗봇입니다. 사용자에게 도움이 되고 유익한 내용을 제공해야합니다. "
        "답변은 길고 자세하며 친절한 설명을 덧붙여서 작성하세요."
    ),
    stop=("###",),
)

_QUANTUM_TURN = Turn(user="### User: {content}\n\n", opening="### Assistant:\n")
QUANTUM_LM = Template(
    name="quantum-lm",
    source="second-hand: a program that asks quantumaikr/llama-2-70b-fb16-korean",
    verified=False,
    one_turn=True,
    form=Form(
        system="### System:\n{system}\n\n",
        last=_QUANTUM_TURN,
        earlier=replace(_QUANTUM_TURN, reply="{content}"),
        separator="\n\n",
    ),
    default_system=(
        "귀하는 지시를 매우 잘 따르는 AI인 QuantumLM입니다. 최대한 많이 도와주세요. "
        "안전에 유의하고 불법적인 행동은 하지 마세요."
    ),
    stop=("###",),
)

KOREAN = (
    KULLM_V2,
    KULLM_PAPER,
    KULLM3,
    KOALPACA_V1_1,
    KOALPACA_V1_0,
    KORANI,
    KOMT,
    KOAT,
    LLAMA2_KO_CHAT,
    AULM_CHAT,
    QUANTUM_LM,
)
