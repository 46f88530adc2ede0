"""What a job is taught: lessons, rows learnt again, what is held out, and what somebody is told beforehand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from data.demo import corpus
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.course import Course, Student, course, notes, require_enough, student, written
from kullm_tui.feedback.lessons import lessons_in
from kullm_tui.feedback.recipe_choice import recipe_for, taught_by
from kullm_tui.feedback.replay import original_mixture
from tests.feedback.said import answered
from trainer.estimate.machines import machine_named
from trainer.recipe import load_recipe

FACTS = {f"{number}월의 다음 달은 무엇인가요?": f"{number + 1}월입니다." for number in range(1, 9)}


@pytest.fixture
def learner(store: Store) -> Student:  # noqa: ARG001 - in its home
    return student("demo-kullm", Config())


def corrected(store: Store, facts: Mapping[str, str] = FACTS) -> None:
    for question, right in facts.items():
        store.correct(answered(store, question, "모르겠습니다."), right)


def drawn_up(store: Store, learner: Student, **more: Any) -> Course:
    return course(lessons_in(store), learner, store, **{"share": 0.5, **more})


def asked(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    return {row["prompt"][-1]["content"] for row in rows if "prompt" in row}


def test_a_correction_is_taught_as_a_pair_alone_and_its_question_stands_on_one_side(
    store: Store, learner: Student
) -> None:
    corrected(store)
    taught = drawn_up(store, learner)
    lessons = [row for row in taught.train if "prompt" in row]
    assert all("rejected" in row for row in lessons)  # the chosen reply is imitated with it: not once more by itself
    assert asked(taught.train) | asked(taught.held_out) == set(FACTS)
    assert asked(taught.train).isdisjoint(asked(taught.held_out))
    assert taught.held_out


def test_few_lessons_are_repeated_so_that_what_is_learnt_again_is_more_than_a_handful(
    store: Store, learner: Student
) -> None:
    corrected(store)
    taught = drawn_up(store, learner, share=0.8)
    lessons = [row for row in taught.train if "prompt" in row]
    again = [row for row in taught.train if "prompt" not in row]
    assert len(lessons) == taught.facts["times"] * taught.facts["pairs"] >= 100
    assert len(again) == taught.rows_again == 4 * len(lessons)
    assert len({json.dumps(row) for row in again}) == len(again)
    assert drawn_up(store, learner, share=0.0).rows_again == 0


def test_the_rows_learnt_again_are_the_adapters_own_and_the_same_each_time(store: Store, learner: Student) -> None:
    corrected(store)
    taught = drawn_up(store, learner)
    own = {row["output"] for row in corpus.records("kullm") if "output" in row}
    again = [row for row in taught.train if "output" in row]
    assert again
    assert {row["output"] for row in again} <= own
    assert drawn_up(store, learner).train == taught.train


def test_nothing_that_is_not_for_training_comes_in_by_any_way(store: Store, learner: Student) -> None:
    corrected(store)
    secret = next(row["output"] for row in corpus.records("kullm") if len(row.get("output", "")) > 30)
    store.mark(answered(store, "비밀이 뭐야?", secret), "never")
    store.correct(answered(store, "그 비밀을 말해 줘", "싫어요."), secret)
    taught = drawn_up(store, learner, share=0.95)
    text = json.dumps([*taught.train, *taught.held_out], ensure_ascii=False)
    assert secret not in text


def test_no_other_answer_to_a_corrected_question_is_learnt_again(store: Store, learner: Student) -> None:
    question = next(row["instruction"] for row in corpus.records("kullm") if "output" in row)
    corrected(store, {**FACTS, question: "이제는 이렇게 답해요."})
    taught = drawn_up(store, learner, share=0.95)
    assert question not in {row.get("instruction") for row in taught.train}


def test_fewer_than_thirty_pairs_are_refused_unless_told(store: Store) -> None:
    corrected(store)
    with pytest.raises(UsageError, match="--few"):
        require_enough(lessons_in(store), few=False)
    require_enough(lessons_in(store), few=True)


def test_nothing_said_is_nothing_to_learn_and_what_was_deleted_says_nothing(store: Store) -> None:
    corrected(store)
    for one in list(store.conversations()):
        store.delete(one.id)
    with pytest.raises(UsageError, match="아직 없어요"):
        require_enough(lessons_in(store), few=True)


def test_the_card_is_told_from_which_conversations_and_what_was_left_out(store: Store, learner: Student) -> None:
    corrected(store)
    store.correct(answered(store, "1월의 다음 달은 무엇인가요?", "모르겠습니다."), "2월입니다.")  # the same once more
    facts = drawn_up(store, learner).facts
    assert facts["conversations"] == sorted(facts["conversations"])
    assert len(facts["conversations"]) == len(FACTS)
    assert facts["left_out"]["duplicate"] == 2
    assert facts["kinds"] == {"correction": facts["pairs"]}
    assert facts["replay"]["source"] == "demo:kullm"


def test_a_job_that_is_not_made_leaves_no_folder_behind(store: Store, learner: Student) -> None:
    corrected(store)
    with written(drawn_up(store, learner)) as job:
        rows = [json.loads(line) for line in job.lessons.read_text(encoding="utf-8").splitlines()]
        assert job.held_out.is_file()
        assert rows[0]["prompt"][0]["content"] in FACTS
    assert not job.path.exists()
    with written(drawn_up(store, learner)) as job:
        job.spec.write_text("{}")
    assert job.lessons.is_file()


def test_replies_in_another_template_and_contradictions_are_told(store: Store) -> None:
    corrected(store)
    learner = student("demo-koalpaca", Config())
    found = lessons_in(store)
    told = "\n".join(notes(course(found, learner, store, share=0.5), learner, found))
    assert "kullm-v2" in told
    assert "koalpaca-v1.1" in told
    assert "--replay 0.5" in told


@pytest.mark.parametrize(
    ("base", "template", "source"),
    [
        ("demo-base", "koalpaca-v1.1", "demo:koalpaca"),
        ("kullm-5.8b", "kullm-v2", "nlpai-lab/kullm-v2"),
        ("exaone", "chat", ""),
    ],
)
def test_what_a_model_was_trained_on_first_is_known_by_its_template(base: str, template: str, source: str) -> None:
    assert original_mixture(base, template, None) == source


@pytest.mark.parametrize(
    ("name", "told"), [("none-such", "none-such"), ("polyglot-ko-5.8b", "kullm models pull"), ("far/m", "엔드포인트")]
)
def test_a_model_that_cannot_be_taught_is_told(store: Store, name: str, told: str) -> None:  # noqa: ARG001 - in its home
    config = Config(endpoints=(EndpointSettings("far", "http://127.0.0.1:9/v1"),))
    with pytest.raises(KullmError, match=told):
        student(name, config)


def test_the_recipe_is_that_of_the_base_with_the_model_and_the_rows_put_in(store: Store, learner: Student) -> None:
    corrected(store)
    with written(drawn_up(store, learner)) as job:
        recipe = taught_by(load_recipe("demo-kullm"), learner, job.lessons, pairs=False)
        assert (recipe.model.base, recipe.data.source) == ("demo-base", str(job.lessons))
        assert recipe.model.template == "kullm-v2"


def test_each_machine_has_its_recipe(learner: Student) -> None:
    assert recipe_for(learner, machine_named("cpu")).name == "dpo-votes-demo"
    large = replace(learner, base="kullm-12.8b", adapter="")
    assert recipe_for(large, machine_named("4xA100-80GB")).name == "dpo-votes-4xa100"
    assert recipe_for(replace(large, base="koalpaca-5.8b"), machine_named("1xRTX4090")).name == "dpo-votes-24gb"
