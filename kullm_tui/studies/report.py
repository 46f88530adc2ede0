"""The report's sections, from the evidence: what was run, the paper's table beside ours, pairs, manner, contamination, samples, limits."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from evaluator.chart import chart_rows
from evaluator.figure import figure_bytes
from evaluator.manner import manner_of
from evaluator.report import difference_lines, judge_notes, pair_notes, system_notes, table_lines
from evaluator.statistics import Difference, Interval, paired_difference
from kullm_tui import __version__
from kullm_tui.core.errors import MissingExtra
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.plot.rows import plain
from kullm_tui.studies import paper_table
from kullm_tui.studies.contamination import left_out, overlaps
from kullm_tui.studies.document import Block, Document, Figure, Notes, Plain, Section, Table
from kullm_tui.studies.evidence import Evidence, Graded, label
from kullm_tui.studies.stages import Plan, kind_text, recipe_of
from kullm_tui.studies.training_cost import cost_blocks, sum_text, training_costs
from trainer.estimate.machines import this_machine
from trainer.jobs.text import time_text

_CHART_COLUMNS = 64
_SAMPLES = 3
_LONGEST_SAMPLE = 400
_LEVEL = 0.05


def document_of(evidence: Evidence) -> Document:
    plan = evidence.plan
    return Document(
        plan.study.told,
        [verdict_line(one, evidence.trained) for one in evidence.graded],
        [
            *(_scores(one) for one in evidence.graded),
            _beside_the_paper(evidence),
            *([_offsets(evidence)] if evidence.anchors else []),
            _manners(evidence),
            _contamination(evidence),
            _samples(evidence),
            _what_was_run(evidence),
            _limits(evidence),
        ],
    )


def differing(graded: Graded, trained: Sequence[str]) -> list[tuple[str, str, Difference]]:
    """The pairs of trained models that differ beyond chance, among all pairs of the table (Holm)."""
    return [
        (a, b, one)
        for (a, b), one in graded.table.differences.items()
        if a in trained and b in trained and (one.p if one.p_among_all is None else one.p_among_all) < _LEVEL
    ]


def verdict_line(graded: Graded, trained: Sequence[str]) -> str:
    """Whether the mixtures differ, said either way."""
    pairs, found = len(list(combinations(trained, 2))), differing(graded, trained)
    judge = grader_text(graded)
    if not found:
        return say(
            f"{judge}: 학습한 모델 {pairs}쌍 가운데 구간을 넘어 다른 쌍이 없어요.",
            f"{judge}: of {pairs} pairs of trained models none differs beyond its interval.",
        )
    listed = "; ".join(f"{a} − {b} {one.mean:+.3f} [{one.interval.low:+.3f}, {one.interval.high:+.3f}]" for a, b, one in found[:3])  # fmt: skip
    return say(
        f"{judge}: 학습한 모델 {pairs}쌍 가운데 {len(found)}쌍이 구간을 넘어 달라요: {listed}",
        f"{judge}: of {pairs} pairs of trained models {len(found)} differ beyond their intervals: {listed}",
    )


def grader_text(graded: Graded) -> str:
    if graded.is_judge:
        return say(f"채점자 {graded.table.judge}", f"judge {graded.table.judge}")
    return say("알려진 정답과 맞춘 오프라인 채점(채점자 없음)", "graded offline by known answers (no judge)")


def _scores(graded: Graded) -> Section:
    head, *rows = table_lines(graded.table, intervals=True)
    blocks: list[Block] = [Table(head, rows, say("표 1: ", "Table 1: ") + grader_text(graded)), _figure(graded)]
    if graded.table.differences:
        first, *pairs = difference_lines(graded.table)
        blocks += [Table(first, pairs, say("짝지은 검정: ", "Paired tests: ") + graded.table.rubric.criteria[-1].name)]
    blocks.append(Notes([*judge_notes(graded.table), *pair_notes(graded.table), *system_notes(graded.table)]))
    return Section(grader_text(graded), blocks)


def _figure(graded: Graded) -> Figure:
    title = say("그림 1: 0–100으로 옮긴 점수와 95 % 구간", "Figure 1: scores on 0–100 with 95 % intervals")
    rows = [plain(row) for row in chart_rows(graded.table, _CHART_COLUMNS)]
    try:
        return Figure(title, rows, figure_bytes(graded.table, "svg"))
    except MissingExtra:
        return Figure(title, rows)


def _beside_the_paper(evidence: Evidence) -> Section:
    judged = [one for one in evidence.graded if one.table.rubric.name.startswith(paper_table.RUBRIC) and one.is_judge]
    names = [one.name for one in judged[0].table.rubric.criteria] if judged else _criteria()
    paper = [
        [name, *(f"{value:.3f}" for value in row), f"{paper_table.ITEMS}/{paper_table.ITEMS}", say("논문", "paper")]
        for name, row in paper_table.TABLE_1.items()
    ]
    ours = [[*line, grader_text(one)] for one in judged for line in table_lines(one.table, intervals=True)[1:]]
    table = Table([say("모델", "model"), *names, "n", say("채점", "graded by")], [*paper, *ours])
    return Section(say("논문의 표와 나란히", "Beside the paper's table"), [table, Notes(list(_not_comparable(judged)))])


def _criteria() -> list[str]:
    from evaluator.rubric import load_rubric

    return [one.name for one in load_rubric(paper_table.RUBRIC).criteria]


def _not_comparable(judged: Sequence[Graded]) -> Iterator[str]:
    yield say(
        "논문은 구간을 싣지 않았어요. 0–1 항목의 구간은 252개에서 셈할 수 있지만 논문의 것으로 적지 않았어요.",
        "The paper prints no intervals, and none are put into its mouth here.",
    )
    if not judged:
        yield say(
            "이 연구는 논문의 기준으로 채점하지 않았어요. 논문의 여섯 항목과 여기의 점수는 비교할 수 없어요.",
            "This study was not judged by the paper's rubric: its scores and the paper's six criteria cannot be compared.",
        )
        return
    yield say(
        "논문의 채점자는 2023년의 gpt-4예요. 그 모델에는 이제 물을 수 없어서 같은 답에서 얼마나 다른지 잴 수 없고, "
        "점수의 높낮이는 논문과 비교할 수 없어요. 한 채점자 안에서 모델끼리의 순서만 비교하세요.",
        "The paper's judge is the gpt-4 of 2023, which cannot be asked any more: how far it is from this one on the same answers is "
        "not known, so levels are not comparable. Compare systems within one judge alone.",
    )


def _offsets(evidence: Evidence) -> Section:
    """Each judge on the frozen answers, and how far two are apart on the same ones."""
    criteria = next(one.table.rubric.criteria for one in evidence.graded if one.is_judge)
    head = [say("채점자", "judge"), *(one.name for one in criteria), "n"]
    rows = []
    for judge, scores in evidence.anchors.items():
        means = [
            f"{sum(one[c.name] for one in scores.values()) / len(scores):.3f}" if scores else "–" for c in criteria
        ]
        rows.append([judge, *means, str(len(scores))])
    for (a, ours), (b, theirs) in combinations(evidence.anchors.items(), 2):
        apart = [_apart(ours, theirs, one.name, one.high - one.low) for one in criteria]
        rows.append([f"{a} − {b}", *apart, str(len(ours.keys() & theirs.keys()))])
    told = say(
        "모든 연구의 모든 채점자에게 같은 답 20개를 물어요. 두 채점자의 차이는 이 답에서 잰 것이고, 논문의 채점자는 여기 없어요.",
        "Every judge of every study is asked about the same 20 answers. Offsets are measured on these; the paper's judge is not among them.",
    )
    return Section(say("기준 답에서의 채점자", "Judges on the frozen answers"), [told, Table(head, rows)])


def _apart(ours: object, theirs: object, criterion: str, furthest: float) -> str:
    a, b = ({key: one[criterion] for key, one in side.items()} for side in (ours, theirs))  # type: ignore[attr-defined]
    found = paired_difference(a, b, furthest=furthest)
    return f"{found.mean:+.3f} {_span(found.interval)}" if found else "–"


def _span(interval: Interval) -> str:
    return f"[{interval.low:+.3f}, {interval.high:+.3f}]"


def _manners(evidence: Evidence) -> Section:
    head = [say("모델", "model"), say("답", "answers"), say("평균 길이(자)", "mean length"), say("가운뎃값", "median"),
            say("한국어를 벗어난 답", "left Korean"), "95 %"]  # fmt: skip
    rows = []
    for one in evidence.answers:
        found = manner_of(one.answers, evidence.questions.questions)
        share = f"{found.interval.low:.3f}–{found.interval.high:.3f}"
        rows.append([one.system.name, str(found.answers), f"{found.mean_characters:.1f}", f"{found.median_characters:g}", f"{found.confused}/{found.may_be_confused}", share])  # fmt: skip
    told = say(
        "한국어를 벗어난 답: 글자의 30 %도 한글이 아니거나 영어 문장이 15 %를 넘거나, 한자나 가나가 섞인 답이에요. 영어에 관한 질문은 세지 않아요.",
        "Left Korean: fewer than 30 % of the letters Hangul, or more than 15 % in English sentences, or Chinese or Japanese letters. Questions about English are not counted.",
    )
    return Section(say("길이와 언어", "Length and language"), [Table(head, rows), told])


def _contamination(evidence: Evidence) -> Section:
    found, kept_out = overlaps(evidence.plan, evidence.questions), left_out(evidence.plan)
    blocks: list[Block] = []
    if kept_out:
        head = [say("소스", "source"), say("평가 문항과 닮아 뺀 행", "rows left out as near an evaluation's")]
        blocks.append(Table(head, [[one.source, f"{one.rows:,}"] for one in kept_out]))
    if found:
        head = [
            say("혼합", "mixture"),
            say("행", "rows"),
            say("질문이 글자 그대로", "a question word for word"),
            say("닮은 행", "near a question"),
        ]
        rows = [[one.mixture, f"{one.rows:,}", f"{one.word_for_word:,}", f"{one.near:,}"] for one in found]
        told = say(
            "닮은 행: 띄어쓰기나 낱말 하나가 다른 질문이 들어 있는 행이에요. 같은 사실을 다른 말로 묻는 데이터라면 많은 것이 당연하고, "
            "그 점수는 처음 보는 사실이 아니라 처음 보는 말을 재는 것이에요.",
            "Near: a question stands in the row with a word or its spacing changed. Where the data ask the same facts in other words, many are to be expected, "
            "and the scores measure wordings that were never seen, not facts that were never seen.",
        )
        blocks += [Table(head, rows), told]
    return Section(say("오염 확인", "Contamination"), blocks)


def _samples(evidence: Evidence) -> Section:
    """Evenly from the set, so that nobody picked them."""
    questions = evidence.questions.questions
    step = max(1, len(questions) // _SAMPLES)
    blocks: list[Block] = []
    for question in questions[::step][:_SAMPLES]:
        rows = [
            [one.system.name, _shortened(one.answers[question.id].response)]
            for one in evidence.answers
            if question.id in one.answers
        ]
        title = " ".join(filter(None, (question.instruction, question.input)))
        blocks.append(Table([say("모델", "model"), say("답", "answer")], rows, _shortened(title), is_words=True))
    return Section(
        say("답의 예", "Samples"),
        [say("질문 모음에서 같은 간격으로 골랐어요.", "Taken from the set at even distances."), *blocks],
    )


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_SAMPLE else f"{flat[:_LONGEST_SAMPLE]}…"


def _what_was_run(evidence: Evidence) -> Section:
    plan = evidence.plan
    head = [
        say("단계", "stage"),
        say("이름", "name"),
        say("걸린 시간", "time"),
        say("열쇠", "key"),
        say("명령", "command"),
    ]
    rows = [
        [kind_text(one.kind), one.title, time_text(evidence.marks[one.id].seconds), one.key[:12], one.shown_command]
        for one in plan.stages
        if one.id in evidence.marks
    ]  # fmt: skip
    seconds = sum(mark.seconds for mark in evidence.marks.values())
    spent, costs = sum(one.dollars for one in evidence.graded), training_costs(evidence)
    facts = [
        f"kullm {__version__}",
        say(f"이 컴퓨터: {this_machine().name}", f"this machine: {this_machine().name}"),
        say(
            f"모두 {time_text(seconds)}, 채점에 {money(spent)}",
            f"{time_text(seconds)} in all, {money(spent)} for judging",
        ),
        *filter(None, [sum_text(costs)]),
        *(f"{one.name}: {_machine(one.on)}, {one.recipe} {' '.join(one.set)}".strip() for one in plan.study.bases),
        *(one.asked for one in evidence.graded if one.asked),
        *_translated(evidence),
    ]
    return Section(
        say("무엇을 돌렸나", "What was run"),
        [
            Notes(facts),
            Table(head, rows, is_words=True),
            _recipes(plan),
            *cost_blocks(evidence, costs),
            Plain(plan.study.file.read_text(encoding="utf-8-sig")),
        ],
    )


def _translated(evidence: Evidence) -> Iterator[str]:
    """What was still to be bought when the sources had been read."""
    priced = evidence.marks["sources"].result
    if priced.get("to_pay"):
        dollars = priced.get("dollars")
        cost = "?" if dollars is None else money(dollars)
        characters = f"{priced['to_pay']:,}"
        yield say(
            f"번역 {priced['translator']}: {characters}자, {cost}",
            f"translation by {priced['translator']}: {characters} characters, {cost}",
        )


def _machine(on: str) -> str:
    return on or say("이 컴퓨터", "this machine")


def _recipes(plan: Plan) -> Table:
    head = [
        say("학습", "training"),
        say("베이스", "base"),
        say("양식", "template"),
        say("방법", "method"),
        say("에포크", "epochs"),
        say("배치", "batch"),
        say("학습률", "rate"),
        "sha256",
    ]
    rows = []
    for stage in plan.of("training"):
        recipe = recipe_of(plan.study, stage)
        method = f"{recipe.method.kind} r{recipe.method.rank}" if recipe.method.kind == "lora" else recipe.method.kind
        rows.append([label(plan, stage), f"{recipe.model.base} ({recipe.model.precision})", recipe.model.template, method,
                     f"{recipe.train.epochs:g}", str(recipe.train.batch), f"{recipe.train.learning_rate:g}", recipe.digest[:12]])  # fmt: skip
    return Table(head, rows, say("레시피", "Recipes"))


def _limits(evidence: Evidence) -> Section:
    items = [
        say(
            "혼합마다 한 번씩만 학습했어요. 구간은 질문을 뽑은 우연만 담고, 같은 학습을 다시 했을 때 달라지는 만큼은 담지 않아요.",
            "Each mixture was trained once. Intervals hold the chance of which questions were asked, not how much a second training would differ.",
        ),
        say(
            "큰 혼합은 같은 에포크에서 더 많은 단계를 배워요. 무엇이 들었는지와 얼마나 배웠는지를 이 표로는 가를 수 없어요. 논문도 그래요.",
            "A larger mixture takes more steps in as many epochs: what was in it and how long it was learnt cannot be told apart here, as in the paper.",
        ),
    ]
    if any(not one.is_judge for one in evidence.graded):
        items.append(
            say(
                "알려진 정답과 맞춘 점수는 정해진 낱말이나 수가 답에 있는지만 봐요. 자연스러운지, 공손한지는 재지 않아요.",
                "Grading by known answers sees whether a certain word or number is there, not whether the answer is natural or polite.",
            )
        )
    return Section(say("한계", "Limits"), [Notes(items)])
