"""A job's page in the real app: what it shows of a job's files, while they grow and whatever is in them."""

import asyncio
import random
import shutil
import time
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from kullm_tui.core.plot.rows import plain
from kullm_tui.ui.train.page.job_page import JobPage
from kullm_tui.ui.train.page.log_view import LogLines
from kullm_tui.ui.widgets.chart import Chart
from kullm_tui.ui.widgets.differences import marked
from tests.trainer.jobs.elsewhere import FaultyTransport, dispatched, make_job, running, set_state, wait_for
from tests.trainer.jobs.here import Here, here  # noqa: F401 - a fixture
from tests.ui.train.page.paging import BEGAN, STEPS, card, ended, paging, row_of, written_job
from trainer.jobs.agent.files import append
from trainer.jobs.mirror import Mirror, Patience
from trainer.jobs.registry import known_in, put_down


async def test_a_page_shows_the_loss_the_numbers_the_cards_the_alarms_and_the_log(home: Path) -> None:
    job = written_job(home)
    with running(job):
        async with paging(job) as one:
            for words in (
                "학습 중",
                "260/400 단계",
                "남은 시간 22분",
                "GPU 0",
                "88°C",
                "120단계 손실이 이상해서 건너뜀",
                "step 260 loss",
            ):
                await one.tells(words)
            loss = one.page.query_one("#glance-loss", Chart)
            foot = "".join("".join(piece.text for piece in row) for row in loss.rows[-2:])
            assert {"×", "△", "!"} <= set(foot)


async def test_a_page_grows_with_its_job(home: Path) -> None:
    job, dice = written_job(home, done=20), random.Random(1)
    with running(job):
        async with paging(job) as one:
            await one.tells("20/400 단계")
            for step in range(21, 60):
                append(job.metrics, row_of(step, dice))
            await one.tells("59/400 단계")
            append(job.metrics, row_of(40, dice))
            await one.tells("40/400 단계")
            assert one.page.watching.whole == (1, 40)


async def test_the_machine_is_read_over_the_whole_job_under_its_own_cursor(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job, size=(140, 60)) as one:
        await one.press("3")
        await one.tells("네트워크(MB/초)")
        chart = one.page.query_one("#cards-use", Chart)
        assert plain(chart.rows[0]).split() == ["GPU", "사용률(%)", "━", "0", "42%", "━", "1", "43%"]
        await one.press("home", "left")
        await one.until(lambda: "0초째" in plain(chart.rows[0]))
        assert plain(chart.rows[0]).split() == ["GPU", "사용률(%)", "━", "0", "60%", "━", "1", "90%", "0초째"]
        assert one.page.watching.sight.cursor is None  # the curves' own stays where it was
        now = card(0, 90) | {"use": 7, "who": []}
        append(job.gpu, {"time": BEGAN + 2 * 90, "cards": [now]})
        await one.press("escape")
        await one.until(lambda: "0 7%" in plain(chart.rows[0]))


async def test_a_page_that_is_being_taken_apart_is_drawn_no_more(home: Path) -> None:
    last, gone = asyncio.Event(), asyncio.Event()

    class Last(Static):
        async def on_unmount(self) -> None:
            last.set()
            await gone.wait()

    async with paging(ended(written_job(home))) as one:
        await one.page.mount(Last())
        removal = one.page.remove()
        await last.wait()
        while one.page.query("#job-head"):
            await asyncio.sleep(0.01)
        try:
            one.page.draw()
        finally:
            gone.set()
            await removal


async def test_another_job_takes_its_place_and_none_empties_the_page(home: Path) -> None:
    first, second = ended(written_job(home, "one")), ended(written_job(home, "two", done=30), "CANCELLED")
    async with paging(first) as one:
        await one.tells("260/400")
        await one.press("4")
        await one.tells("step 260 loss")
        await one.opens(second)
        await one.tells("30/400")
        await one.tells("step 30 loss")
        assert not one.told("step 260 loss")
        await one.press("1")
        await one.opens(None)
        await one.tells("고른 학습이 없어요")
        assert not one.told("step 30 loss")


async def test_a_page_that_is_told_its_job_before_it_is_on_the_screen_shows_it(home: Path) -> None:
    job = ended(written_job(home, done=30))
    async with paging(None) as one:
        page = JobPage(id="early")
        page.show(job.id)
        one.page.display = False
        await one.app.screen.mount(page, before=0)
        await one.tells("30/400 단계")


async def test_a_job_without_a_single_line_has_a_page_with_every_view(home: Path) -> None:
    async with paging(make_job(home)) as one:
        for key in "123456":
            await one.press(key, "right", "plus", "y", "minus", "0", "escape")
        await one.tells("경보가 없어요")


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (140, 45)])
async def test_every_view_fits_and_stands_a_terminal_that_is_resized(home: Path, size: tuple[int, int]) -> None:
    job = ended(written_job(home))
    async with paging(job, size=size) as one:
        for key in "123456":
            await one.press(key)
            for other in ((20, 5), size):
                await one.pilot.resize_terminal(*other)
                await one.pilot.pause()
        assert one.page.shown == "facts"


# -- curves --------------------------------------------------------------------------------------------------------------


async def test_the_cursor_reads_all_curves_at_one_step(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.press("2", "right", "home")
        assert one.page.watching.sight.cursor == 1
        await one.tells("1단계에서")
        await one.tells("학습률 7.5e-06")
        await one.tells("토큰/초")
        await one.press("end", "left")
        assert 1 < (one.page.watching.sight.cursor or 0) < 260
        await one.press("escape")
        assert one.page.watching.sight.cursor is None


async def test_a_zoom_is_around_the_cursor_and_the_same_in_all_charts(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.press("2", "right", "home", "plus", "plus")
        first, last = one.page.watching.sight.span((1, 260))
        assert (first, last - first) == (1, 64)
        await one.press("end")
        first, last = one.page.watching.sight.span((1, 260))
        assert (last, last - first) == (260, 64)
        await one.press("0")
        assert one.page.watching.sight.span((1, 260)) == (1, 260)


async def test_a_zoom_without_a_cursor_follows_the_newest_step(home: Path) -> None:
    job, dice = written_job(home, done=100), random.Random(1)
    with running(job):
        async with paging(job) as one:
            await one.press("plus")
            before = one.page.watching.sight.span(one.page.watching.whole or (0, 0))
            append(job.metrics, row_of(140, dice))
            await one.until(lambda: one.page.watching.whole == (1, 140))
            after = one.page.watching.sight.span((1, 140))
            assert (before[1], after[1]) == (100, 140)


async def test_a_click_puts_the_cursor_where_it_was(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.pilot.click("#glance-loss", offset=(60, 4))
        cursor = one.page.watching.sight.cursor
        assert cursor is not None
        await one.pilot.click("#glance-loss", offset=(30, 4))
        assert 0 < (one.page.watching.sight.cursor or 0) < cursor


async def test_charts_without_figures_are_not_there(home: Path) -> None:
    job = make_job(home)
    append(job.metrics, {"step": 1, "loss": 2.0})
    append(job.metrics, {"step": 2, "loss": 1.0})
    async with paging(job) as one:
        await one.press("2")
        assert [chart.id for chart in one.page.query("Curves Chart").results() if chart.display] == ["loss"]


async def test_a_training_on_pairs_has_their_curves(home: Path) -> None:
    job = make_job(home)
    for step in range(1, 40):
        said = {
            "chosen_logp": -20.0 - step / 4,
            "rejected_logp": -30.0,
            "chosen_gain": -step / 4,
            "rejected_gain": -9.0,
        }
        of_pairs = {"margin": step / 40, "accuracy": 0.75, "chosen_length": 17.0, "rejected_length": 21.0}
        evaluated = {"eval_margin": 0.5, "eval_accuracy": 0.5, "eval_chosen_gain": -3.0} if step == 20 else {}
        append(job.metrics, {"step": step, "loss": 0.6, **said, **of_pairs, **evaluated})
    async with paging(job) as one:
        await one.press("2")
        there = [chart.id for chart in one.page.query("Curves Chart").results() if chart.display]
        assert there == ["loss", "margin", "accuracy", "chosen_gain", "chosen_logp", "chosen_length"]
        for words in ("맞힌 쌍(%)  ━ 학습 75%  ▪ 평가 50% (20단계)", "━ 좋은 답 17  ━ 아닌 답 21"):
            await one.tells(words)
        await one.press("1")
        await one.tells("좋은 답의 확률이 처음보다 낮아짐")


# -- the log ---------------------------------------------------------------------------------------------------------------


async def test_the_end_of_the_log_is_followed_until_its_reader_scrolls(home: Path) -> None:
    job = written_job(home)
    with running(job):
        async with paging(job) as one:
            await one.press("4")
            await one.tells("step 260 loss")
            await one.tells("attempt-1.log의 끝을 따라가는 중 / 찾기 · e 첫 오류")
            with job.log(1).open("a") as log:
                log.write("a new line\n")
            await one.tells("a new line")
            await one.press("pageup")
            await one.until(lambda: not one.told("따라가는 중"))
            await one.tells("end 따라가기")
            top = one.page.query_one(LogLines).scroll_offset.y
            with job.log(1).open("a") as log:
                log.write("another line\n")
            await one.press("up")
            assert one.page.query_one(LogLines).scroll_offset.y == top - 1
            assert not one.told("another line")
            await one.press("end")
            await one.tells("another line")


async def test_the_first_error_is_one_key_away_and_words_are_found_in_both_directions(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.press("4", "e")
        await one.tells("Traceback (most recent call last)")
        await one.press("home", "slash", *"step 25", "enter")
        await one.until(lambda: found(one.page) == "step 25 loss 2.1200")
        await one.press("n")
        await one.until(lambda: found(one.page) == "step 250 loss 2.0120")
        await one.press("b")
        await one.until(lambda: found(one.page) == "step 25 loss 2.1200")
        await one.press("b")
        await one.tells("더 없어요")


async def test_a_word_is_looked_for_in_korean_and_escape_ends_the_search(home: Path) -> None:
    job = ended(written_job(home))
    with job.log(1).open("a") as log:
        log.write("학습을 마쳤어요\n")
    async with paging(job) as one:
        await one.press("4", "slash")
        one.page.query_one(Input).value = "마쳤"
        await one.press("enter")
        await one.until(lambda: found(one.page) == "학습을 마쳤어요")
        await one.press("escape")
        assert found(one.page) == ""


def found(page: JobPage) -> str:
    lines = page.query_one(LogLines)
    return "" if lines.found is None else lines.page.lines[lines.found]


# -- replies ---------------------------------------------------------------------------------------------------------------


async def test_replies_are_scrubbed_by_step_and_two_steps_stand_side_by_side(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.press("5")
        await one.tells("대한민국의 수도는 부산이다")
        await one.tells("대한민국의 수도는 서울입니다.")
        await one.press("left", "left")
        await one.tells("150단계 · 7토큰")
        await one.press("p", "right")
        await one.tells("200단계 · 7토큰")
        assert one.told("150단계")
        assert not one.told("부산")
        await one.press("n")
        await one.tells("3 더하기 4는?")


def test_words_that_differ_are_marked_on_both_sides_and_what_is_alike_is_not() -> None:
    left, right = marked("수도는 부산이다 그렇다", "수도는 서울입니다 그렇다")
    assert [left.plain[span.start : span.end] for span in left.spans] == ["부산이다 "]
    assert [right.plain[span.start : span.end] for span in right.spans] == ["서울입니다 "]


# -- faults ----------------------------------------------------------------------------------------------------------------


async def test_garbage_in_every_file_is_counted_and_the_rest_is_shown(home: Path) -> None:
    job = ended(written_job(home))
    for file in (job.metrics, job.events, job.samples, job.gpu):
        with file.open("ab") as end:
            end.write(b'\x00\xff\x1b[2J garbage\n{"step": [\n' + b"9" * 5000 + b"\n")
        append(file, {"step": {"a": 1}, "event": ["x"], "cards": "none", "prompt": 4, "loss": "much", "time": "now"})
    append(job.metrics, {**row_of(261, random.Random(1)), "loss": 1.25})
    async with paging(job) as one:
        await one.press("6")
        await one.tells("읽지 못한 줄 12개는 뺐어요")
        for key in "12345":
            await one.press(key)
        await one.tells("261/400 단계")


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_machine_whose_clock_is_a_day_off_is_shown_like_any_other(home: Path, days: int) -> None:
    shown, now = [], time.time()
    for name, shift in (("right", 0.0), ("wrong", 86_400.0 * days)):
        job = make_job(home, {"name": "far"})
        put_down(job, machine="box", heard=time.time())
        set_state(job, "RUNNING", since=now + shift)
        append(job.events, {"event": "starting", "time": now + shift})
        for step in range(1, 31):
            append(
                job.metrics,
                {"step": step, "steps": 60, "loss": 1.0, "eta_s": 600.0, "time": now + shift + step},
            )
        async with paging(job) as one:
            await one.tells("30/60 단계")
            shown.append((name, one.page.watching.look))
            assert one.told("연결됨")
            assert one.told("남은 시간 10분")
    (_, one_look), (_, other) = shown
    assert one_look is not None
    assert other is not None
    assert one_look.reckoning == other.reckoning


async def test_a_machine_that_vanishes_leaves_its_numbers_and_the_age_of_them(home: Path) -> None:
    job = written_job(home, machine="a100")
    set_state(job, "RUNNING")
    put_down(job, heard=time.time() - 40)
    async with paging(job) as one:
        await one.tells("전 소식")
        assert known_in(job).link.state == "STALE"
        assert one.told("260/400 단계")
        assert one.told("2.6")
        put_down(job, heard=time.time())
        await one.tells("연결됨")


async def test_a_job_elsewhere_is_seen_through_its_mirror_while_the_way_there_breaks(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The real agent, the real supervisor, a program in the trainer's place, and a mirror whose stream is cut."""
    there = tmp_path_factory.mktemp("there")
    program = Here(there, None).program(  # type: ignore[arg-type]
        """
step = 0
while not (job / "finish").exists():
    step += 1
    row(step, steps=0, eta_s=60.0)
    time.sleep(0.05)
"""
    )
    job = dispatched(home, there, {"schema": 1, "name": "far", "recipe": {"name": "tiny"}}, path=program)
    transport = FaultyTransport(there)
    path = str(known_in(job).place["path"])
    mirror = Mirror(job, transport, path, Patience(silent=5.0, pause=0.1))
    following = asyncio.get_running_loop().run_in_executor(None, mirror.follow)
    try:
        async with paging(job) as one:
            await one.until(lambda: (one.page.watching.whole or (0, 0))[1] > 5)
            transport.cut()
            at = (one.page.watching.whole or (0, 0))[1]
            await one.until(lambda: (one.page.watching.whole or (0, 0))[1] > at + 5)
            (Path(path) / "finish").touch()
            await one.tells("완료")
    finally:
        (Path(path) / "finish").touch()
        await asyncio.to_thread(wait_for, mirror.ended.is_set)
        await following


async def test_a_job_that_is_removed_while_its_page_is_open_is_no_fault(home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job) as one:
        await one.tells("260/400")
        shutil.rmtree(job.path)
        look = one.page.watching.look
        await one.until(lambda: one.page.watching.look is not look)
        for key in "123456":
            await one.press(key)


async def test_two_pages_look_at_one_job(home: Path) -> None:
    job = written_job(home, done=50)
    with running(job):
        async with paging(job) as one, paging(job) as other:
            append(job.metrics, {"step": 51, "steps": STEPS, "loss": 1.25, "time": BEGAN + 500})
            await one.tells("51/400")
            await other.tells("51/400")


async def test_the_recipe_stands_on_the_page(home: Path) -> None:
    async with paging(written_job(home, "first", train={"learning_rate": 1e-4}), size=(140, 60)) as one:
        await one.press("6")
        await one.tells("레시피")
        await one.tells("train.learning_rate")
        await one.tells("0.0001")
