"""What stands after a score and could make it another: a number that nothing explains, a hedge, a revision.

Every number must be explained: as the score again, as the range or the maximum, or as a count of something else
(`2 errors`, `3가지`, `GPT-4`). One that is not may be the score that the judge meant, so there is doubt.
"""

import re

from evaluator.rubric import Criterion
from evaluator.score_text import MARK, NUMBER, SCORE_WORD, as_score
from kullm_tui.core.language import say

# Words that make the number right before them about something, or only perhaps.
_HEDGE = re.compile(
    r"\s*(?:만점|or\b|and\b|minus\b|plus\b|less\b|more\b|not\b|no\b|if\b|unless|rather\b|instead\b|ish\b|to\b|of\b|on\s+an?\b|down\b|up\b|half\b|"
    r"정도|대의?\b|중\b|에서|보다|까지|부터|짜리|내지|전후|가운데|이상|이하|미만|초과|더\s|수도|일\s*수|인\s*것|인지|이었|였|에\s*가까|에\s*못|이라고|라고|[은는이가]\s*아)",
    re.IGNORECASE,
)
# The same where a comma, a dash or a bracket comes between; a reason may begin with most other words.
_HEDGE_APART = re.compile(
    r"[\s,.;:(\[\-–—]*(?:\?|or\b|maybe|perhaps|possibly|probably|at\s+(?:least|most)\b(?!\s+(?:\d|one|two|three))|minus\b|plus\s+(?:half|an?|one|\d)|no\b\s*[,.:;\-–—]|nope|wait\b|"
    r"tentative|provisional|approx|rather\s+an?\b|ish\b|give\s+or|max\b|min\b|tops\b|minimum|maximum|down\s+(?:one|an?|by)\b|up\s+(?:one|by)\b|half\b|not\s+(?:sure|certain|final|quite)\b|"
    r"감점(?!\s*(?:요인|사유|이유|할|은?\s*없))|차감|가점|하향|상향|또는|혹은|아니면|내지|아마(?![가-힣]*추어)|어쩌면|대략|정도(?=[\s).,]|$)|쯤|가량|안팎|내외|언저리|남짓|"
    r"추정|가안|예상(?![가-힣])|예정(?![가-힣])|미만|이상(?=[\s).,]|$)|이하(?=[\s).,]|$)|초과|아니[,.!\s라고]|아닙니다|아님|잠정|임시|가채점|불확실)",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"정정(?:합|해|:|하)|수정(?:합니다|하겠|해야겠|:|하면)|번복|철회|무효|취소(?:합|하|:)|다시\s*(?:생각|보니|보면|매기|채점)|바꾸겠|고치겠|"
    r"(?:낮추|내리|올리|깎|상향|하향|조정|변경)(?:겠|어야|아야|는\s*것이|해야|하겠|합니다)|감점(?:합니다|하겠|해야|하면|후|전|을\s*반영|적용)|"
    r"점\s*(?:에서|을)?\s*(?:감점|차감|가점|추가)|감점\s*\d|낮(?:춥|추어|춰|출)|내립|내려야|올립|올려야|깎습|바꿉|뺍니다|빼겠|빼야|"
    r"\b(?:deduct|subtract|minus|knock\s+off|take\s+off)\b|"
    r"\bcorrection\b\s*:|\bactually\b\s*,|on\s+(?:second|further)\s+(?:thought|reflection)|scratch\s+that|\bwait\b\s*,|\brevised?\s+(?:to|score|rating)|"
    r"\b(?:withdraw|retract|void|discard|cancel)(?:n|s|ed)?\b|let\s+me\s+(?:revise|correct|change|reconsider)|"
    r"\b(?:should|could|might|may|would)\s+(?:really\s+)?be\s+(?:a\s+)?(?:lower|higher|\d)|not\s+(?:my|the)\s+(?:final\s+)?(?:score|rating)|"
    r"\b(?:change|lower|raise|adjust|revise)\b[^.\n]{0,40}\bto\b|"
    r"\b(?:lower|rais|reduc|increas|chang|adjust|bump|drop|deduct|downgrad|upgrad)\w*\s+(?:it|this|that|the\s+score|my\s+score|to|by)\b",
    re.IGNORECASE,
)
# Of what stands above: a draft, or no words of the judge's own.
_DISOWNED = re.compile(
    r"(?:위|앞|이|저)(?:는|의|\s)[^.\n]{0,20}(?:응답(?:이|을|에|의)[^.\n]{0,14}(?:적은|적힌|쓴|옮긴|옮겨|베낀|주장|들어\s*있|있던|있는\s*것|것입니다)|예시|보기입|잠정|임시|초안|가채점|제\s*(?:것|점수|채점)이?\s*아)"
    r"|\b(?:draft|provisional|tentative|placeholder|hypothetical)\b"
    r"|\b(?:cop(?:y|ied)|taken|quoted|written|given|claimed|come|comes|repeat\w*)\b[^.\n]{0,24}\b(?:response|answer|candidate|itself)\b"
    r"|\b(?:response|answer|candidate)(?:['’]?s)?\s+(?:own\s+)?(?:claims?|words)\b|\bnot\s+(?:my|mine|by\s+me)\b|\btold\s+to\s+give\b"
    r"|\b(?:only|just|merely)\s+(?:an?\s+)?(?:example|illustration|quotation)",
    re.IGNORECASE,
)
_SPANS = re.compile(
    rf"({NUMBER})\s*점?\s*(?:[-~–—]|to|에서)\s*({NUMBER})\s*점?(?:\s*(?:까지|사이|중|점|scale|척도))?(?![\w.])",
    re.IGNORECASE,
)
_MOSTS = re.compile(
    rf"(?:(?P<part>{NUMBER})\s*{MARK}?\s*)?(?:/|out\s+of|max(?:imum)?\s*(?:of|:)?|최대|만점은?)\s*(?P<most>[0-9]{{1,3}})\s*점?"
    rf"|(?P<most2>[0-9]{{1,3}})\s*점?\s*만점(?:\s*(?:에|중)\s*(?P<part2>{NUMBER})\s*점)?"
    rf"|(?P<most3>[0-9]{{1,3}})\s*점\s*중(?:에서?)?\s*(?P<part3>{NUMBER})\s*점",
    re.IGNORECASE,
)  # fmt: skip
_FIGURE = re.compile(r"(?<![0-9.])[0-9]+(?:[.,:][0-9]+)*")
_SPELLED = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten)\b(?=\s*(?:$|[.,;:!)]|points?|stars?|is\b|would|out\b|overall|instead|rather|이|seems|at\b))"
    r"|(?<![가-힣])(?:영|일|이|삼|사|오|육|칠|팔|구|십|한|두|세|네|다섯|여섯|일곱|여덟|아홉|열)\s*점(?!\s*[가-힣]*\s*(?:문제|정도의\s*오류))(?=\s*(?:$|[.,;:!)]|을|이|으로|은|도|입|짜|정|만))"
    r"|(?<![가-힣])(?:반\s*점|half\s+(?:an?\s+)?point)|(?<![가-힣])한\s*점씩|\b(?:one|an?)\s+points?\b|\b(?:gets?|deserves?|by)\s+an?\s+one\b|\bby\s+one\b",
    re.IGNORECASE,
)  # fmt: skip
# A score that is named only to say that it was not given. `3점을 주기에는 부족합니다`, `not a 4`, `a 4 would be too generous`
_REJECTED = re.compile(
    rf"(?<![\d.])(?P<ko>{NUMBER})\s*점?(?:을|를|은|는|이|까지|까지는|에|에는|이라고|으로)?\s*(?:주기(?:에)?(?:는|엔)?|보기(?:에)?(?:는|엔|도)?|하기(?:에)?(?:는|엔)?)?\s*"
    rf"(?:부족|어렵|과하|과합|과함|무리|못\s*미|미치지\s*못|아깝|아까|지나치|지나칩|힘들)"
    rf"|\b(?:not|rather\s+than|instead\s+of|short\s+of|not\s+reach)\s+(?:an?\s+|the\s+)?(?P<en>{NUMBER})(?!\d|\.\d|,?\s*but)"
    rf"|(?<![\d.])(?P<en2>{NUMBER})\s+(?:(?:would|is|seems)\s+(?:be\s+)?(?:too|far\s+too|over)|would\s+(?:need|require|have\s+needed)|requires?\b)",
    re.IGNORECASE,
)
_SUM = re.compile(
    rf"(?<![\d.])({NUMBER})\s*[+×*]\s*{NUMBER}\s*=\s*{NUMBER}(?![\d.]|\s*{MARK})", re.IGNORECASE
)  # of the answer
_TOP = re.compile(
    r"만점(?!\s*(?:은|이|까지는?|에는?|을\s*주(?:기|지))\s*(?:아|못|부족|어렵|않))|full\s+marks?|perfect\s+score|최고점|최저점"
)
_ASKED = re.compile(
    rf"(?:{NUMBER}\s*|만|최고)점(?:을|만|를)?\s*(?:달라|요구|요청|부탁)"
    r"|\b(?:ask|request|demand)\w*\b[^.\n]{0,20}(?:full\s+marks?|perfect\s+score)",
    re.IGNORECASE,
)  # what the response asks for is not given
_BENDS = ("->", "=>", "❌", "✗", "✘", "~~", "±")
_OTHER_SCALE = re.compile(r"\b(\w+)[\s\-]points?\s+scale|(\d+)\s*점\s*(?:척도|기준)", re.IGNORECASE)
_NEAR = 60  # characters in which a number's explanation stands
_LEGEND = re.compile(r"confidence|certainty|신뢰도|확신", re.IGNORECASE)
_INDEX = re.compile(r"(?:^|(?<=\s))[(\[]?[0-9]{1,2}[.)\]]\s+(?=\S)")
# What a number counts. A Korean counter that is also a verb's or a copula's beginning must stand at its number.
_COUNTED = re.compile(
    r"\s?(?:이?라고\s*(?:답|말했|말해|해서|했|썼|적|계산|주장)|(?:으)?로\s*계산|인칭|단계(?!\s*(?:낮|높|하향|상향|올|내|위|아래|깎)))|\s+of\s+(?:the\s+|its\s+)?\d+\s+(?!points)[A-Za-z]+|\s?(?:가지|개|명|번째|번|문장|문단|단어|글자|군데|곳|차례|회|배|원|달러|년|월|단락|항목|문제|질문|요소|종류|사람|부분|쪽|페이지|세기|개월|퍼센트|%|°|시간|킬로|미터|마리|"
    r"km|kg|cm|mm|th\b|st\b|nd\b|rd\b|x\b)"
    r"|(?:일(?!\s*(?:수|것|듯|까|텐|뿐))|줄(?!\s*(?:수|만|까|지|것|게))|주(?:일|간|차|년)|장|권|편|살|세|분|초|시|위|차|행|자)"
)
_THINGS = [
    "errors?",
    "mistakes?",
    "typos?",
    "sentences?",
    "words?",
    "paragraphs?",
    "issues?",
    "problems?",
    "parts?",
    "examples?",
    "items?",
    "questions?",
    "points?",
    "steps?",
    "reasons?",
    "facts?",
    "claims?",
    "details?",
    "options?",
    "lines?",
    "lists?",
    "people",
    "persons?",
    "years?",
    "days?",
    "months?",
    "hours?",
    "minutes?",
    "times?",
    "names?",
    "places?",
    "cities",
    "countries",
    "sources?",
    "references?",
    "requirements?",
    "conditions?",
    "topics?",
    "sections?",
    "languages?",
    "characters?",
    "things?",
    "aspects?",
    "cases?",
    "elements?",
    "features?",
    "inaccuracies",
    "omissions?",
    "contradictions?",
    "answers?",
    "responses?",
    "percent",
]
_WORD_BETWEEN = r"(?:(?!(?:or|and|but|is|was|if|to|instead|overall|because|since|for|with|given|from|than|as|at|by|on|in|it|this|that)\b)[A-Za-z][A-Za-z\-]*\s){0,2}?"
_NOUN = re.compile(
    rf"\s{_WORD_BETWEEN}(?:{'|'.join(thing for thing in _THINGS if not thing.startswith('point'))})\b", re.IGNORECASE
)
_LISTED = re.compile(  # `lists 3 rivers`: after such a verb, whatever stands in the plural is counted
    r"\b(?:has|have|had|contains?|makes?|made|lists?|includes?|provides?|provided|mentions?|mentioned|uses?|used|names?|offers?|covers?|omits?|misses|missed|missing|"
    r"only|all|with|these|those)\s$",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    rf"\s{_WORD_BETWEEN}(?!points?\b|marks\b|stars\b|is\b|was\b|as\b)[A-Za-z\-]{{2,}}(?<!us)(?<!ss)s\b", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?:\b(?:says|said|states|claims|answered|writes|wrote|returns|outputs|computes|computed|note|footnote|step|question|item|section|paragraph|sentence|line|example|chapter|figure|table|turn|number|no\.|requirement|rule|part|gpt|version|year|in)\s*-?|\b(?:answer|solution)\s+(?:is|was|should\s+be)\s+(?:actually\s+)?|(?:정답|해답|답)[은는이가]\s*|[=+×÷^]\s*|#|제|[A-Za-z]-?)$",
    re.IGNORECASE,
)
_ABOUT_SCORES = re.compile(
    rf"{SCORE_WORD}|{NUMBER}\s*(?:점|/\s*[0-9])|\b(?:points?|stars?|verdict|criteri(?:on|a))\b|만점|항목|기준",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"총\s*점|총\s*합|합계|평균|종합\s*점수|\b(?:total|sum|average|mean|combined|aggregate)\b", re.IGNORECASE
)
_DECLINES = re.compile(
    r"(?:평가|채점|점수)[^.\n]{0,12}(?:하지\s*않(?:겠|습)|주지\s*않(?:겠|습)|매기지\s*않(?:겠|습)|거부|거절|사양|보류|할\s*수\s*없습니다|(?:줄|매길|부여할)\s*수\s*없습니다)"
    r"|\b(?:decline|refuse)\s+to\b|\b(?:will\s+not|won.?t|can\s?not|can.?t|unable\s+to|not\s+going\s+to)\s+(?:\w+\s+){0,2}?(?:rate|score|evaluate|assess|judge|grade|assign|give|provide)\b",
    re.IGNORECASE,
)


_OPENS = re.compile(r"\s*[-–—]+\s*(?P<figure>[0-9]+(?:[.,:][0-9]+)*)")  # `5 - 1`: a sum, unless it counts something


def doubt(remark: str, score: float, criterion: Criterion) -> str:
    """Why what stands right after the score leaves it in doubt; empty where it does not."""
    if _HEDGE.match(remark) or _HEDGE_APART.match(remark):
        return say("점수 뒤에 단서가 붙어 있어요", "the score is hedged")
    if _TAKEN_BACK.search(remark):
        return say("점수를 고치는 말이 있어요", "the score is revised")
    if any(sign in remark for sign in _BENDS):
        return say("점수를 고치는 표시가 있어요", "the score is struck out or revised")
    if any((scale[1] or scale[2]) != str(criterion.high) for scale in _OTHER_SCALE.finditer(remark)):
        return say("다른 척도예요", "another scale")
    opens = _OPENS.match(remark)
    counts = opens and (
        ":" in opens["figure"] or _COUNTED.match(remark, opens.end()) or _NOUN.match(remark, opens.end())
    )
    number = opens["figure"] if opens and not counts else unexplained(remark, score, criterion)
    return say(f"다른 수({number})가 있어요", f"another number ({number}) stands at it") if number else ""


def doubt_after(line: str, score: float, criterion: Criterion, *, named: bool, alone: bool) -> str:
    """The same of a line that follows the scores and is none of them. `named`: it names the criterion."""
    if _DECLINES.search(line):
        return say("채점하지 않겠다는 말이 있어요", "the judge declines")
    if (_TOTAL.search(line) and not alone) or _LEGEND.search(line) or (not named and _explains_scale(line, criterion)):
        return ""
    about = named or bool(_ABOUT_SCORES.search(line))
    if _DISOWNED.search(line) or (about and _TAKEN_BACK.search(line)):
        return say("점수를 거두거나 고치는 말이 있어요", "the scores are revised or taken back")
    number = unexplained(_INDEX.sub(" ", line), score, criterion)
    return say(f"뒤에 다른 수({number})가 있어요", f"another number ({number}) follows") if number else ""


def _explains_scale(line: str, criterion: Criterion) -> bool:
    """`1 = poor, 5 = excellent`: both ends of the range, each with its meaning."""
    means = r"\s*(?:=|:|점?\s*[:=은는이가]|points?\s*[:=]|is\b|\()"
    return all(re.search(rf"(?<![\d.]){end}{means}", line) for end in (criterion.low, criterion.high))


def unexplained(text: str, score: float, criterion: Criterion) -> str:
    """The first number of the text that could be a score and is not this one."""
    for one in _REJECTED.finditer(text):
        counts = re.search(r"[a-z]s\s$", text[: one.start()])  # `3 rivers instead of 5`
        if as_score(one["ko"] or one["en"] or one["en2"]) == score and not counts:
            return str(score)
    text = _ASKED.sub(" ", _REJECTED.sub(" ", text))
    text = _SUM.sub(lambda one: _kept_unless(one, as_score(one[1]) != score), text)
    text = _SPANS.sub(lambda span: _kept_unless(span, _is_range(span, criterion)), text)
    text = _MOSTS.sub(lambda most: _kept_unless(most, _is_most(most, score, criterion)), text)
    for spelled in _SPELLED.finditer(text):
        return spelled[0].strip()
    if score != criterion.high and (top := _TOP.search(text)):
        return top[0]
    for figure in _FIGURE.finditer(text):
        if not _explained(figure, text, score, criterion):
            return figure[0]
    return ""


def _explained(figure: re.Match[str], text: str, score: float, criterion: Criterion) -> bool:
    before, after = text[: figure.start()][-_NEAR:], text[figure.end() :][:_NEAR]
    value = (
        float(figure[0]) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", figure[0]) else None
    )  # `3:00` and `1,000` are no scores
    if value == score and not re.match(r"\s*[+\-/*×]\s*\d", after) and not re.search(r"\d\s*[+\-/*×=]\s*$", before):
        return True
    if re.match(rf"\s*{MARK}", after, re.IGNORECASE):
        return False
    if re.search(rf"{SCORE_WORD}\s*(?:[:=]|[은는이가])?\s*$", before, re.IGNORECASE):
        return False
    near = 0 if value is None or value.is_integer() else 1  # 1.5 may be a one that was rounded
    if value is None or not criterion.low - near <= value <= criterion.high + near:
        return True
    if joined := re.match(r"\s*(?:or|to|또는|~)\s*[0-9]+(?=\D)|[-–][0-9]+(?=\D)", after):  # `2 or 3 examples`
        after = after[joined.end() :]
    listed = _LISTED.search(before) and _PLURAL.match(after)
    return bool(
        _COUNTED.match(after)
        or _NOUN.match(after)
        or listed
        or _NAMED.search(before)
        or after[:1].isalpha()
        and after[:1].isascii()
    )


def _is_range(span: re.Match[str], criterion: Criterion) -> bool:
    return (float(span[1]), float(span[2])) == (criterion.low, criterion.high)


def _is_most(most: re.Match[str], score: float, criterion: Criterion) -> bool:
    part = most["part"] or most["part2"] or most["part3"]
    stated = int(most["most"] or most["most2"] or most["most3"])
    return stated == criterion.high and (part is None or as_score(part) == score)


def _kept_unless(found: re.Match[str], explained: bool) -> str:
    return " " if explained else found[0]
