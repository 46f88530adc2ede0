"""`kullm paper` as a person runs it: real builds, trainings, answers and grades of a small study, killed at random and gone on with."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import chromium
from tests.evaluator.judge_server import FORM, JudgeServer
from tests.kullm_command import kullm
from tests.studies.killing import kill_at_random
from tests.studies.looked_at import DESK, PHONE, faults
from tests.studies.small import small_study

_KILLS = 4
_LONGEST_LIFE = 25.0  # seconds; a run that lives longer than its share has come to its end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small study has come to its end."""
    folder = tmp_path_factory.mktemp("paper")
    done = kullm(folder, "paper", "--study", str(small_study(folder)), seconds=800)
    assert done.returncode == 0, done.stderr
    return folder


def report(home: Path) -> Path:
    return home / "studies" / "small" / "report"


def numbers(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report(home) / "numbers.json").read_text(encoding="utf-8"))
    return found


def states(home: Path) -> dict[str, int]:
    study = home / "studies" / "small"
    return {str(file.relative_to(study)): file.stat().st_mtime_ns for file in study.rglob("*") if file.is_file() and file.name != "study.lock"}  # fmt: skip


class _Loads(HTMLParser):
    """Every address that a browser would load or that a person could follow out of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data", "poster", "srcset")
        ]


def test_it_ends_with_a_table_a_figure_and_a_report_that_loads_nothing(home: Path) -> None:
    found = numbers(home)
    (graded,) = found["graders"]
    assert list(graded["rows"]) == ["demo-base", "long", "both"]
    assert all(row["n"] == 6 for row in graded["rows"].values())
    assert "known-answers" in graded["grader"]

    page = (report(home) / "report.html").read_text(encoding="utf-8")
    parser = _Loads()
    parser.feed(page)
    assert [one for one in parser.found if not one.startswith("#")] == []
    assert not {"script", "link", "img", "iframe", "object"} & set(parser.tags)
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert {"table", "svg", "figure"} <= set(parser.tags)
    assert "\\toprule" in (report(home) / "tables.tex").read_text(encoding="utf-8")
    assert "| demo-base |" in (report(home) / "report.md").read_text(encoding="utf-8")


def test_a_report_says_who_graded_and_whether_the_mixtures_differ(home: Path) -> None:
    text = (report(home) / "report.md").read_text(encoding="utf-8")

    assert "알려진 정답과 맞춘 오프라인 채점(채점자 없음)" in text
    assert "쌍이 없어요" in text or "쌍이 구간을 넘어 달라요" in text
    assert "| GPT-4 | 0.984 | 2.897 |" in text
    assert "논문의 여섯 항목과 여기의 점수는 비교할 수 없어요" in text
    assert "kullm train demo-kullm" in text


def test_a_second_run_does_nothing(home: Path) -> None:
    before, jobs = states(home), len(list((home / "jobs").iterdir()))

    again = kullm(home, "paper", "--study", str(home / "small.toml"), "--json")

    assert again.returncode == 0, again.stderr
    assert states(home) == before
    assert len(list((home / "jobs").iterdir())) == jobs
    assert again.stderr.count("✓") == 9
    assert json.loads(again.stdout)["graders"] == numbers(home)["graders"]


def test_killed_at_random_and_begun_again_it_ends_with_the_same_numbers(home: Path, tmp_path: Path) -> None:
    study = ("paper", "--study", str(small_study(tmp_path)))
    killed = kill_at_random(tmp_path, study, kills=_KILLS, longest=_LONGEST_LIFE)
    done = kullm(tmp_path, *study, seconds=800)

    assert done.returncode == 0, f"{killed}: {done.stderr}"
    assert numbers(tmp_path) == numbers(home), killed


def test_a_stage_that_fails_ends_it_with_its_own_last_words(tmp_path: Path) -> None:
    file = small_study(tmp_path)
    mixture = tmp_path / "parts.toml"
    text = mixture.read_text(encoding="utf-8")
    mixture.write_text(text.replace('name = "demo"\n', 'name = "demo"\nfile = "gone.jsonl"\n', 1), encoding="utf-8")

    done = kullm(tmp_path, "paper", "--study", str(file))

    assert done.returncode == 1
    assert "gone.jsonl" in done.stderr
    assert "sources" in done.stderr
    assert not list((tmp_path / "studies" / "small").rglob("marks/*.json"))


def test_a_plan_says_every_stage_its_command_and_the_bill_and_begins_nothing(tmp_path: Path) -> None:
    done = kullm(tmp_path, "paper", "--scale", "full", "--plan", "--json", "--on", "4xA100-80GB")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not any(stage["done"] for stage in told["stages"])
    assert {item["basis"] for item in told["bill"]["items"]} <= {"computed", "measured", "recorded", "assumed"}
    assert set(told["bill"]["totals"]) >= {
        "characters",
        "calls",
        "gpu-seconds",
        "memory",
        "bytes",
        "dollars",
        "answers",
        "seconds",
    }
    assert not (tmp_path / "jobs").exists() or not list((tmp_path / "jobs").iterdir())


def test_what_costs_is_not_begun_before_somebody_agrees(tmp_path: Path) -> None:
    machine = 'machines = [{name = "lab", ssh = "lab", gpus = "4xA100-80GB"}]'
    (tmp_path / "config.toml").write_text(f"{machine}\n", encoding="utf-8")
    done = kullm(tmp_path, "paper", "--scale", "full", "--on", "lab")

    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert "DeepL" in done.stderr or "deepl" in done.stderr
    assert not list((tmp_path / "studies" / "paper").rglob("marks/*.json"))


def test_a_machine_that_is_not_in_the_configuration_is_refused_before_anything_begins(tmp_path: Path) -> None:
    done = kullm(tmp_path, "paper", "--scale", "full", "--on", "4xA100-80GB", "--yes")

    assert done.returncode != 0
    assert "'4xA100-80GB' 장비가 없어요" in done.stderr
    assert not (tmp_path / "studies" / "paper" / "logs").exists()


def test_judges_are_asked_about_the_same_answers_and_their_offset_is_told(home: Path, tmp_path: Path) -> None:
    """Over what was trained and answered already; the second judge is two points milder on the last criterion."""
    judged = tmp_path / "home"
    shutil.copytree(home, judged, ignore=shutil.ignore_patterns("engine", "alive.lock"))
    mild, strict = (
        JudgeServer(verdict=lambda _asked: FORM),
        JudgeServer(verdict=lambda _asked: FORM.replace("(1 - 5): 4", "(1 - 5): 2")),
    )
    with mild, strict:
        (judged / "config.toml").write_text(
            f'endpoints = [{{name = "mild", base_url = "{mild.base_url}"}}, {{name = "strict", base_url = "{strict.base_url}"}}]\n'
        )
        command = ("paper", "--study", str(home / "small.toml"), "--judge", "mild/gpt-4.1", "--judge", "strict/gpt-4.1")
        done = kullm(judged, *command, "--yes", "--json")
        assert done.returncode == 0, done.stderr
        asked = len(mild.requests), len(strict.requests)
        again = kullm(judged, *command, "--json")

    assert again.returncode == 0, again.stderr
    assert (len(mild.requests), len(strict.requests)) == asked
    graders = json.loads(done.stdout)["graders"]
    assert [one["rubric"] for one in graders] == ["known-answers", "kullm-2023-ko", "kullm-2023-ko"]
    assert {row["전반적인 품질"][0] for row in graders[1]["rows"].values()} == {4.0}
    assert {row["전반적인 품질"][0] for row in graders[2]["rows"].values()} == {2.0}
    text = (report(judged) / "report.md").read_text(encoding="utf-8")
    (offset,) = [line for line in text.splitlines() if line.startswith("| mild/gpt-4.1 − strict/gpt-4.1 |")]
    assert "+2.000" in offset
    assert "2023년의 gpt-4" in text
    assert len(list((judged / "jobs").iterdir())) == len(list((home / "jobs").iterdir()))


@pytest.mark.browser
def test_a_browser_shows_the_report_whole_and_nothing_leaves_it(home: Path) -> None:
    page = report(home) / "report.html"
    with chromium() as browser:
        assert {width: faults(browser, page, width) for width in (PHONE, DESK)} == {PHONE: [], DESK: []}
        assert browser.requests == [page.as_uri()]
        assert browser.left == []
