"""The model browser through its keys: finding, getting, removing and adding models, and what strangers wrote in them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from kullm_tui.core.config.keys import get_key, list_keys, set_key
from kullm_tui.core.hub import transfer
from kullm_tui.core.hub.cache import cached_snapshot, repository_folder
from kullm_tui.core.models.profiles import user_profiles
from kullm_tui.core.models.registration import register
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.dialogs.api_key import KeyScreen
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.models.add_dialog import AddModelScreen
from kullm_tui.ui.models.list import ModelList
from kullm_tui.ui.models.screen import ModelsScreen
from tests.hub_server import TOKEN, Hub, Repository, hub_server
from tests.openai_server import OpenAIServer, Reply, closed_port, refuses
from tests.ui.browsing import browser, choose, shows, stand_still, until
from tests.ui.snapshot import SIZES, assert_looks_like, text_of

NAME = "me/tiny"
CONFIG = json.dumps({"model_type": "gpt_neox", "vocab_size": 30080, "max_position_embeddings": 128}).encode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_still(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as server:
        server.repositories[NAME] = Repository({"config.json": CONFIG, "model.safetensors": os.urandom(2_000_000)})
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr(transfer, "_WAIT_SECONDS", 0.02)
        yield server


def offers(*models: str) -> Reply:
    return Reply(
        [json.dumps({"object": "list", "data": [{"id": model} for model in models]})], media_type="application/json"
    )


def listed(pilot: Pilot[int]) -> list[str]:
    return [entry.name for entry in pilot.app.screen.query_one(ModelList)._shown]


async def fill(pilot: Pilot[int], **fields: str) -> None:
    for name, value in fields.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = value
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_browser_looks_like_this(size: tuple[int, int]) -> None:
    async with browser(size) as pilot:
        await choose(pilot, "kullm-5.8b")
        await assert_looks_like(pilot, f"models-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_filter_looks_like_this(size: tuple[int, int]) -> None:
    async with browser(size) as pilot:
        await pilot.press("slash", *"구름", "enter", "l")
        assert listed(pilot)[:1] == ["kullm-12.8b"]  # the largest that fits
        assert "kullm-5.8b" in listed(pilot)
        assert "kullm3-awq" not in listed(pilot)  # for research only
        await assert_looks_like(pilot, f"models-filter-{size[0]}x{size[1]}")
        await pilot.press("escape", "l", "l")
        assert len(listed(pilot)) > 90


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_dialogs_look_like_this(size: tuple[int, int]) -> None:
    shape = f"{size[0]}x{size[1]}"
    async with browser(size) as pilot:
        await choose(pilot, "kullm-5.8b")
        await pilot.press("a")
        await assert_looks_like(pilot, f"models-add-{shape}")
        await pilot.press("shift+tab", "left")
        await assert_looks_like(pilot, f"models-add-endpoint-{shape}")
        await pilot.press("escape", "k")
        await pilot.press(*"secret")
        await assert_looks_like(pilot, f"models-key-{shape}")
        assert "secret" not in text_of(pilot.app)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_is_asked_and_told_looks_like_this(size: tuple[int, int], home: Path) -> None:
    shape = f"{size[0]}x{size[1]}"
    (home / "home").mkdir()
    (home / "home" / "config.toml").write_text('[[endpoints]]\nname = "lab"\nbase_url = "http://127.0.0.1:2/v1"\n')
    async with browser(size) as pilot:
        await choose(pilot, "kullm-5.8b")
        await pilot.press("x")
        await shows(pilot, "지울 것이 없어요")
        await assert_looks_like(pilot, f"models-told-{shape}")
        await choose(pilot, "lab/")
        await pilot.press("x")
        await shows(pilot, "lab 엔드포인트를 뺄까요?")
        await assert_looks_like(pilot, f"models-remove-{shape}")
        await pilot.press("escape", "enter")
        await shows(pilot, "lab의 어떤 모델을 쓸까요?")
        await pilot.press("enter")
        await assert_looks_like(pilot, f"models-ask-{shape}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_in_english_and_in_the_terminals_colours(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    shape = f"{size[0]}x{size[1]}"
    async with browser(size) as pilot:
        await choose(pilot, "kullm-5.8b")
        await assert_looks_like(pilot, f"models-{shape}-en")
        await pilot.press("a")
        await assert_looks_like(pilot, f"models-add-{shape}-en")
        await pilot.press("escape")
        pilot.app.theme = "ansi-dark"
        await assert_looks_like(pilot, f"models-{shape}-ansi-dark")


async def test_the_keys_work_in_hangul_mode() -> None:
    async with browser() as pilot:
        await pilot.press("ㅁ")
        assert isinstance(pilot.app.screen, AddModelScreen)
        await pilot.press("escape", "ㅏ")
        assert isinstance(pilot.app.screen, KeyScreen)
        await pilot.press("escape", "ㅣ")
        await shows(pilot, "이용: 상업 이용")


async def test_a_model_is_downloaded_and_removed_again(hub: Hub) -> None:
    register("mine", {"repository": NAME})
    async with browser() as pilot:
        await choose(pilot, "mine")
        await pilot.press("enter")
        await shows(pilot, "mine 모델을 아직 다 받지 않았어요")
        await pilot.press("d")
        await until(pilot, lambda: cached_snapshot(NAME, None) is not None)
        await shows(pilot, "다 받았어요")
        await shows(pilot, "디스크 2.0 MB 씀")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await shows(pilot, "2.0 MB 비우기 · 목록에서 빼기")
        await pilot.press("left", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "mine" not in listed(pilot))
    assert not repository_folder(NAME).exists()
    assert user_profiles() == {}
    assert hub.requests


async def test_a_gated_model_is_led_through(hub: Hub) -> None:
    hub.repositories[NAME] = Repository({"config.json": CONFIG, "model.safetensors": b"x" * 9000}, gate="needs-token")
    register("mine", {"repository": NAME})
    async with browser() as pilot:
        await choose(pilot, "mine")
        await pilot.press("d")
        await shows(pilot, f"{hub.url}/{NAME}")
        await shows(pilot, "k로 Hugging Face 토큰(HF_TOKEN)을 넣으세요")
        await pilot.press("k")
        await pilot.press(*"wrong", "enter")
        await shows(pilot, "허브가 이 토큰을 받아 주지 않아요")
        assert list_keys() == []
        await fill(pilot, value=TOKEN)
        await pilot.press("enter")
        await shows(pilot, "잘 되는 키예요")
        assert get_key("HF_TOKEN") == TOKEN
        await pilot.press("d")
        await shows(pilot, "다 받았어요")
        assert TOKEN not in text_of(pilot.app)


async def test_a_download_goes_on_behind_other_screens_and_tells_its_end(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("mine", {"repository": NAME})
    hub.faults.stall_seconds = 5.0  # it may not end while the browser is still there, which would tell it itself
    told: list[str] = []
    monkeypatch.setattr(KullmApp, "notify", lambda _app, message, **_more: told.append(message))
    async with browser() as pilot:
        await choose(pilot, "mine")
        await pilot.press("d", "escape")
        assert not isinstance(pilot.app.screen, ModelsScreen)
        hub.faults.stall_seconds = 0.0
        await until(pilot, lambda: "mine: 내려받았어요" in told)


async def test_choosing_a_model_closes_the_browser_with_it() -> None:
    async with browser() as pilot:
        chosen: list[str | None] = []
        await pilot.press("escape")
        pilot.app.push_screen(ModelsScreen(), chosen.append)
        await until(pilot, lambda: bool(pilot.app.screen.query(ModelList)) and bool(listed(pilot)))
        await choose(pilot, "demo-koalpaca")
        await pilot.press("enter")
        await until(pilot, lambda: bool(chosen))
        assert chosen == ["demo-koalpaca"]


async def test_what_cannot_run_or_be_removed_says_why() -> None:
    async with browser() as pilot:
        await choose(pilot, "kullm3-awq")
        await pilot.press("enter")
        await shows(pilot, "AWQ")
        await pilot.press("d")
        await shows(pilot, "kullm3-awq: ")
        await choose(pilot, "kullm-5.8b")
        await pilot.press("x")
        await shows(pilot, "지울 것이 없어요")
        await pilot.press("c")
        await shows(pilot, "비울 것이 없어요")
        await pilot.press("z")
        await shows(pilot, "아직 내려받지 않았어요")


async def test_a_repository_and_a_folder_are_added_with_the_checks_of_the_command(home: Path) -> None:
    folder = home / "내 모델"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    async with browser() as pilot:
        await pilot.press("a")
        await fill(pilot, name="Mine!", repository="a/b")
        await pilot.press("enter")
        await shows(pilot, "이름은 영문 소문자")
        await fill(pilot, name="mine", repository="a/b", template="kulm-v2")
        await pilot.press("enter")
        await shows(pilot, "혹시 kullm-v2")
        await fill(pilot, template="", base="kulm-5.8b")
        await pilot.press("enter")
        await shows(pilot, "혹시 kullm-5.8b인가요")
        await fill(pilot, base="")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "mine" in listed(pilot))
        await pilot.press("a", "shift+tab", "right")
        await fill(pilot, name="mine", folder=str(home / "no"))
        await pilot.press("tab", "enter")
        await shows(pilot, "이미 있는 이름이에요")
        await pilot.press("enter")
        await shows(pilot, "config.json도")
        await fill(pilot, folder=str(folder))
        await pilot.press("enter")
        await shows(pilot, "그래도 등록하기")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen))
    assert user_profiles()["mine"].folder == str(folder)


async def test_an_endpoint_is_asked_before_it_is_saved() -> None:
    with OpenAIServer([refuses(500, "\x1b[31m[/x] broken"), offers("small", "large\x1b[2J", "[/bold]")]) as server:
        async with browser() as pilot:
            await pilot.press("a", "shift+tab", "left")
            await fill(pilot, name="lab", base_url=server.base_url)
            await pilot.press("tab", "enter")
            await shows(pilot, "[/x] broken")
            assert user_profiles() == {}
            await fill(pilot, base_url=f"{server.base_url}/")
            await pilot.press("enter")
            await shows(pilot, "small")
            await shows(pilot, "[/bold]")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "lab" in listed(pilot))
    assert (user_profiles()["lab"].model, user_profiles()["lab"].endpoint) == ("small", server.base_url)


async def test_all_models_of_an_endpoint_go_to_the_configuration(home: Path) -> None:
    set_key("LAB", "sk-lab-secret")
    with OpenAIServer([offers("small", "large")]) as server:
        async with browser() as pilot:
            await pilot.press("a", "shift+tab", "left")
            await fill(pilot, name="lab", base_url=server.base_url, key="LAB")
            await pilot.press("tab", "enter")
            await shows(pilot, "모두 등록하기")
            await pilot.press("tab", "tab", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "lab/" in listed(pilot))
            assert isinstance(pilot.app, KullmApp)
            assert [one.name for one in pilot.app.config.endpoints] == ["lab"], "the chat can ask it at once"
        assert server.requests[0].headers["authorization"] == "Bearer sk-lab-secret"
    written = (home / "home" / "config.toml").read_text()
    assert server.base_url in written
    assert "sk-lab-secret" not in written


async def test_an_endpoint_is_removed_and_all_else_in_the_configuration_stays(home: Path) -> None:
    set_key("LAB", "sk-lab-secret")
    config = home / "home" / "config.toml"
    config.write_text(
        '# 내 설정\nmodel = "demo-kullm"\n\n[[endpoints]]\nname = "other"\nbase_url = "http://127.0.0.1:1/v1"\n\n'
        '[[endpoints]]\nname = "lab"\nbase_url = "http://127.0.0.1:2/v1"\nkey = "LAB"\n'
    )
    async with browser() as pilot:
        assert isinstance(pilot.app, KullmApp)
        await choose(pilot, "lab/")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await shows(pilot, "lab 엔드포인트를 뺄까요?")
        await shows(pilot, "http://127.0.0.1:2/v1")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen))
        assert "lab/" in listed(pilot), "the button with the focus takes nothing away"
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "lab/" not in listed(pilot))
        assert "other/" in listed(pilot)
        assert [one.name for one in pilot.app.config.endpoints] == ["other"], "the chat knows it too"
    written = config.read_text()
    assert "# 내 설정" in written
    assert "other" in written
    assert "lab" not in written
    assert get_key("LAB") == "sk-lab-secret"


async def test_an_endpoint_that_does_not_answer_is_saved_only_when_that_is_wished() -> None:
    async with browser() as pilot:
        await pilot.press("a", "shift+tab", "left")
        await fill(pilot, name="lab", base_url=f"http://127.0.0.1:{closed_port()}/v1", model="m")
        await pilot.press("tab", "enter")
        await shows(pilot, "연결하지 못했어요")
        assert user_profiles() == {}
        await shows(pilot, "그래도 등록하기")
        await pilot.press("enter")
        await until(pilot, lambda: "lab" in user_profiles())


async def test_a_key_is_tested_where_it_will_be_used_and_shown_nowhere() -> None:
    with OpenAIServer([refuses(401, "bad key sk-wrong-1"), offers("m")]) as server:
        register("lab", {"endpoint": server.base_url, "model": "m", "key": "LAB"})
        async with browser() as pilot:
            await choose(pilot, "lab")
            await pilot.press("k")
            await fill(pilot, value="sk-wrong-1")
            await pilot.press("enter")
            await shows(pilot, "키를 받아 주지 않았어요")
            await shows(pilot, "그래도 넣기")
            assert "sk-wrong-1" not in text_of(pilot.app)
            assert list_keys() == []
            await fill(pilot, value="sk-right-1")
            await pilot.press("enter")
            await shows(pilot, "잘 되는 키예요. LAB:")
            assert get_key("LAB") == "sk-right-1"
            assert "sk-right-1" not in text_of(pilot.app)


async def test_hostile_texts_of_a_profile_are_harmless(home: Path) -> None:
    evil = (
        "\\u009d52;c;ZXZpbA==\\u009c[/bold] [red]\\u202egnp.exe\\u202c \\u009b2J"  # C0 is refused when the file is read
    )
    (home / "home").mkdir()
    fields = "".join(
        f'{field} = "{field} {evil}"\n' for field in ("title", "description", "licence", "source", "note_korean")
    )
    (home / "home" / "models.toml").write_text(f'[evil]\nrepository = "a/b"\nsize_4bit_gb = 1\n{fields}')
    async with browser() as pilot:
        await choose(pilot, "evil")
        shown = text_of(pilot.app)
        assert "[/bold] [red]gnp.exe" in shown
        assert not any(character in shown for character in "\x1b\u202e\x9b\x07")


async def test_a_broken_profile_file_is_told_and_the_browser_stays(home: Path) -> None:
    (home / "home").mkdir()
    (home / "home" / "models.toml").write_text("[x]\nnonsense = '[/red]'")
    from kullm_tui.ui.app import KullmApp

    async with KullmApp().run_test(size=(100, 30)) as pilot:
        await pilot.press("f5")
        await shows(pilot, "모델 프로필 파일을 고쳐 주세요")
        await shows(pilot, "x.nonsense")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_buttons_of_adding_stay_in_sight_and_the_list_goes_to_what_was_added(size: tuple[int, int]) -> None:
    many = [f"model-{number}" for number in range(30)]
    with OpenAIServer([offers(*many)]) as server:
        async with browser(size) as pilot:
            await pilot.press("a", "shift+tab", "left")
            await fill(pilot, name="lab", base_url=server.base_url)
            await pilot.press("tab", "enter")
            await shows(pilot, "모두 등록하기")
            dialog = pilot.app.screen
            for button in dialog.query(Button):
                assert dialog.region.contains_region(button.region)
                assert button.region.bottom <= dialog.query_one(".dialog").region.bottom
                assert dialog.get_widget_at(*button.region.offset)[0] is button
            await pilot.press("tab", "tab", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and "lab/" in listed(pilot))
            rows = pilot.app.screen.query_one(ModelList)
            await until(pilot, lambda: rows.chosen is not None and rows.chosen.name == "lab/")


async def test_what_is_recommended_for_this_machine_stands_first_with_its_licence() -> None:
    async with browser() as pilot:
        first = pilot.app.screen.query_one(ModelList)._shown[0]
        assert first.recommended
        assert first.fit == "fits"
        assert first.profile.licence_class == "commercial"
        await shows(pilot, "추천 · ")
        names = listed(pilot)
        assert names.index("kullm-5.8b") < names.index("polyglot-ko-5.8b"), "a base that only continues a text is none"
        assert names.index("kullm-5.8b") < names.index("vicuna-7b-v1.5"), "nor what was not made for Korean"


async def test_descriptions_have_the_room_that_narrow_columns_leave() -> None:
    async with browser() as pilot:
        line = pilot.app.screen.query_one(ModelList)
        entry = next(one for one in line._shown if one.name == "koalpaca-5.8b")
        assert entry.profile.description[:14] in line._row(entry).plain
        assert "상태" in line.heading.plain
