"""What each field of a recipe is called and what it is for, for whoever fills one in; and what was typed read as a field's value.

A field's own rule says what is wrong with it (`trainer/recipe_rules.py`); here nothing is checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kullm_tui.core.language import say
from trainer.recipe import Recipe, recipe_dict

Kind = Literal["text", "number", "choice", "truth", "words", "numbers", "sentences", "columns", "share", "sources"]
SOURCES = "data.source"
_BETWEEN_SENTENCES = " | "
BETWEEN_SOURCES = "\n"  # a line each: no other character is kept out of the names of files


@dataclass(frozen=True)
class RecipeField:
    key: str  # as `--set` takes it
    name: tuple[str, str]  # Korean, English
    purpose: tuple[str, str]
    kind: Kind = "number"
    choices: tuple[str, ...] = ()
    usual: bool = False  # what most people look at

    @property
    def label(self) -> str:
        return say(*self.name)

    @property
    def help(self) -> str:
        return say(*self.purpose)

    def text(self, recipe: Recipe) -> str:
        """Its value as it is typed."""
        return _text(self.kind, _value(recipe_dict(recipe), self.key))

    def read(self, typed: str) -> Any:
        """What was typed as a value, for the rules to look at."""
        return _READ.get(self.kind, str)(typed.strip())


def fields_of(recipe: Recipe) -> list[RecipeField]:
    """Those that mean something for its method and its kind."""
    other = {
        "lora": ("adapter_len", "adapter_layers"),
        "ia3": _OF_LORA + _OF_PREFIX,
        "llama-adapter": (*_OF_LORA, "targets"),
    }
    left_out = {f"method.{name}" for name in other.get(recipe.method.kind, _OF_LORA + _OF_PREFIX + ("targets",))}
    if recipe.train.kind != "dpo":
        left_out |= {field.key for field in FIELDS if field.key.startswith("preference.")}
    return [field for field in FIELDS if field.key not in left_out]


def field_named(key: str) -> RecipeField | None:
    return next((field for field in FIELDS if field.key == key), None)


_OF_LORA = ("rank", "alpha", "dropout")
_OF_PREFIX = ("adapter_len", "adapter_layers")


def _value(tables: Mapping[str, Any], key: str) -> Any:
    table, _, name = key.partition(".")
    return tables[table][name]


def _text(kind: Kind, value: Any) -> str:
    if kind == "truth":
        return "true" if value else "false"
    if kind == "sentences":
        return _BETWEEN_SENTENCES.join(value)
    if kind == "columns":
        return ", ".join(f"{ours}={theirs}" for ours, theirs in value.items())
    if kind == "sources":
        return value if isinstance(value, str) else BETWEEN_SOURCES.join(value)
    if isinstance(value, list):
        return ", ".join(_text("number", one) for one in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _number(typed: str) -> Any:
    """What is no number stays as it was typed, and the rule refuses it."""
    plain = typed.replace(",", "")
    for reading in (int, float):
        try:
            return reading(plain)
        except ValueError:
            continue
    return typed


def _share(typed: str) -> Any:
    return _number(typed) if typed[:1].isdigit() or typed[:1] in "+-." else typed


def _parts(typed: str, between: str = ",") -> list[str]:
    return [part.strip() for part in typed.split(between) if part.strip()]


def _columns(typed: str) -> Any:
    parts: Sequence[str] = _parts(typed)
    if not all("=" in part for part in parts):
        return typed
    return {ours.strip(): theirs.strip() for ours, _, theirs in (part.partition("=") for part in parts)}


def _sources(typed: str) -> Any:
    parts = _parts(typed, BETWEEN_SOURCES)
    return parts if len(parts) > 1 else "".join(parts)


_READ: Mapping[Kind, Any] = {
    "number": _number,
    "share": _share,
    "truth": lambda typed: {"true": True, "false": False}.get(typed, typed),
    "words": _parts,
    "sentences": lambda typed: _parts(typed, _BETWEEN_SENTENCES.strip()),
    "numbers": lambda typed: [_number(part) for part in _parts(typed)],
    "columns": _columns,
    "sources": _sources,
}

_F = RecipeField
FIELDS: tuple[RecipeField, ...] = (
    _F("model.base", ("베이스 모델", "base"), ("위에 학습할 모델: 이름, 저장소, 폴더", "the model to train over: a name, a repository, a folder"), "text", usual=True),
    _F("model.adapter", ("시작 어댑터", "start from"), ("이어서 학습할 어댑터의 이름이나 폴더. 방법과 템플릿도 따라가요. 비우면 새로 시작해요", "an adapter to go on from, by name or folder; its method and template come along; empty: a fresh one"), "text"),
    _F("train.kind", ("배우는 것", "learns from"), ("sft는 답에서, dpo는 더 나은 답과 못한 답의 쌍에서 배워요", "sft: replies; dpo: pairs of a better and a worse reply"), "choice", ("sft", "dpo")),
    _F("preference.loss", ("선호 손실", "preference loss"), ("sigmoid_norm은 답의 길이로 나누어 긴 답이 유리하지 않게 해요", "sigmoid_norm divides by each reply's length, so that none wins by it"), "choice", ("sigmoid", "sigmoid_norm")),
    _F("preference.beta", ("베타", "beta"), ("시작한 모델에서 얼마나 멀어져도 되는지. 클수록 가까이 머물러요", "how near the model stays to its start; the larger, the nearer")),
    _F("preference.sft_weight", ("고른 답 배우기", "likelihood's weight"), ("고른 답 자체를 함께 배우는 무게. 쌍이 없는 행은 0보다 커야 배워요", "of learning the chosen reply itself beside; rows without a rejected reply need it above 0")),
    _F("preference.label_smoothing", ("뒤바뀐 쌍", "label smoothing"), ("거꾸로 투표했을지 모르는 쌍의 비율", "the share of pairs that may be the wrong way round")),
    _F("data.source", ("데이터", "data"), ("파일, mixture:이름, Hub의 데이터. 두 번 적으면 두 번 배워요", "a file, mixture:NAME, a data set of the Hub; named twice, learnt twice"), "sources", usual=True),
    _F("data.evaluate", ("평가 데이터", "evaluation"), ("떼어 둘 비율(0.05)이나 행의 수, 또는 파일. 0이면 평가하지 않아요", "a share (0.05) or number of rows to hold out, or a file; 0: none"), "share", usual=True),
    _F("data.cutoff", ("길이 제한", "cutoff"), ("한 행의 토큰 수. 넘는 행은 잘려요", "tokens of a row; longer ones are cut"), usual=True),
    _F("method.kind", ("방법", "method"), ("lora와 ia3는 작은 어댑터를, full은 모든 가중치를 학습해요", "lora and ia3 train a small adapter, full trains all weights"), "choice", ("lora", "ia3", "llama-adapter", "full"), usual=True),
    _F("method.rank", ("LoRA 랭크", "LoRA rank"), ("클수록 많이 배우고 메모리를 더 써요", "the larger, the more is learnt and the more memory it takes"), usual=True),
    _F("method.alpha", ("LoRA 알파", "LoRA alpha"), ("어댑터의 크기를 정하는 수. 보통 랭크의 두 배", "scales the adapter; usually twice the rank")),
    _F("method.dropout", ("드롭아웃", "dropout"), ("학습할 때 어댑터의 입력을 이 비율로 지워요", "the share of the adapter's input that is dropped in training")),
    _F("method.targets", ("LoRA 층", "LoRA layers"), ("쉼표로 나눈 층의 이름. 비우면 모델에 흔한 것", "names of layers, by commas; empty: what is usual for the model"), "words"),
    _F("method.adapter_len", ("어댑터 길이", "adapter length"), ("층마다 앞에 붙일 가상 토큰의 수", "virtual tokens before each layer")),
    _F("method.adapter_layers", ("어댑터 층", "adapter layers"), ("위에서부터 붙일 층의 수. 0이면 모두", "layers from the top that get one; 0: all")),
    _F("model.precision", ("정밀도", "precision"), ("베이스의 가중치. 4bit가 가장 작아요", "of the base's weights; 4bit is the smallest"), "choice", ("auto", "fp32", "bf16", "8bit", "4bit"), usual=True),
    _F("train.epochs", ("에포크", "epochs"), ("데이터를 몇 번 볼지", "how many times the data is gone through"), usual=True),
    _F("train.minutes", ("시간 제한(분)", "minutes"), ("이 시간에 맞춰 단계를 정해요. 0이면 제한 없음", "steps are made to fit this time; 0: no bound"), usual=True),
    _F("train.max_steps", ("최대 단계", "most steps"), ("0이면 에포크만큼", "0: what the epochs come to")),
    _F("train.batch", ("배치", "batch"), ("한 단계에 배우는 행의 수(모든 GPU를 합쳐)", "rows a step, over all GPUs"), usual=True),
    _F("train.learning_rate", ("학습률", "learning rate"), ("한 번에 얼마나 바꿀지", "how much a step changes"), usual=True),
    _F("train.schedule", ("학습률 일정", "schedule"), ("학습률이 줄어드는 모양", "how the learning rate falls"), "choice", ("cosine", "linear", "constant")),
    _F("train.warmup", ("워밍업", "warm-up"), ("1보다 작으면 비율, 아니면 단계의 수", "below 1 a share of the steps, else steps")),
    _F("train.micro_tokens", ("마이크로배치 토큰", "micro-batch tokens"), ("GPU 하나가 한 번에 계산하는 토큰. 줄이면 메모리를 덜 써요", "what a GPU computes at once; fewer take less memory")),
    _F("train.recompute", ("다시 계산", "recompute"), ("중간값을 남기지 않고 다시 계산할 층의 비율. 메모리를 덜 쓰고 느려져요", "the share of layers computed again in place of kept: less memory, slower")),
    _F("model.template", ("템플릿", "template"), ("profile이면 모델의 것, chat이면 토크나이저의 것", "profile: the model's; chat: its tokenizer's"), "text"),
    _F("model.init", ("시작", "begins"), ("scratch면 가중치를 무작위로 시작해요", "scratch begins with random weights"), "choice", ("pretrained", "scratch")),
    _F("data.loss", ("배우는 부분", "loss on"), ("output이면 답만, all이면 모든 토큰", "output: the answer alone; all: every token"), "choice", ("output", "all")),
    _F("data.split", ("데이터의 나눔", "split"), ("데이터 가운데 쓸 부분의 이름", "the part of the data set"), "text"),
    _F("data.columns", ("열 이름", "columns"), ("instruction=질문, output=답처럼 우리 이름=그 데이터의 이름", "ours=theirs, as in instruction=question, output=answer"), "columns"),
    _F("data.limit", ("행 제한", "row limit"), ("데이터마다 앞의 몇 행만. 0이면 모두", "the first rows of each data file only; 0: all")),
    _F("data.evaluate_limit", ("평가 행 제한", "evaluation rows"), ("평가 파일의 앞 몇 행만. 0이면 모두", "the first rows of an evaluation file; 0: all")),
    _F("train.eval_every", ("평가 간격", "evaluate every"), ("몇 단계마다 평가할지. 0이면 에포크마다", "steps between evaluations; 0: each epoch")),
    _F("train.save_every", ("저장 간격", "save every"), ("몇 단계마다 저장할지. 0이면 에포크마다", "steps between checkpoints; 0: each epoch")),
    _F("train.keep", ("남길 체크포인트", "checkpoints kept"), ("가장 좋은 것 말고 남길 수", "beside the best")),
    _F("train.patience", ("참을성", "patience"), ("이만큼 평가해도 나아지지 않으면 멈춰요. 0이면 끝까지", "evaluations without gain before it stops; 0: to the end")),
    _F("train.samples", ("시험 질문", "sample prompts"), ("평가할 때마다 답을 받아 볼 질문들. | 로 나눠요", "asked at each evaluation; divided by |"), "sentences"),
    _F("train.weight_decay", ("가중치 감쇠", "weight decay"), ("가중치를 0으로 당기는 힘", "the pull of weights towards 0")),
    _F("train.betas", ("Adam 베타", "Adam's betas"), ("두 이동 평균의 계수", "of its two running means"), "numbers"),
    _F("train.eps", ("Adam 엡실론", "Adam's epsilon"), ("0으로 나누지 않게 더하는 수", "added so that nothing is divided by 0")),
    _F("train.clip", ("기울기 제한", "clip"), ("기울기의 크기를 이만큼으로 줄여요. 0이면 끔", "the most that a gradient may measure; 0: off")),
    _F("train.spike", ("튐 감지", "spike"), ("손실이 평균의 몇 배를 넘으면 그 단계를 버려요. 0이면 끔", "a loss above so many times its mean is not taken; 0: off")),
    _F("train.seed", ("시드", "seed"), ("같으면 같은 차례로 배워요", "equal ones learn in the same order")),
    _F("train.packing", ("붙여 담기", "packing"), ("짧은 행들을 한 줄에 담아 빨라져요", "short rows share a line: faster"), "truth"),
    _F("train.compile", ("컴파일", "compile"), ("모델을 먼저 컴파일해요. 시작이 느리고 단계가 빨라져요", "the model is compiled first: a slow start, faster steps"), "truth"),
)  # fmt: skip
