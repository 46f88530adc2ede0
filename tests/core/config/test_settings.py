import os
import resource
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import remove_row, set_value
from kullm_tui.core.config.settings import Config, EndpointSettings, EngineSettings, load_config, parse_config
from kullm_tui.core.errors import ConfigError, KullmError

COMMENTED = """\
# 내 설정
model = "kullm-5.8b"  # 늘 쓰는 것

[engine]
precision = "4bit"

[[endpoints]]
# 집에 있는 서버
name = "home"
base_url = "http://10.0.0.2:8000/v1"
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path / "config.toml"


def test_an_endpoint_is_taken_out_and_the_rest_stays(file: Path) -> None:
    file.write_text(COMMENTED)
    assert not remove_row("endpoints", "nobody")
    assert file.read_text() == COMMENTED
    assert remove_row("endpoints", "home")
    assert load_config().endpoints == ()
    assert "# 늘 쓰는 것" in file.read_text()


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config() == Config()
    assert EngineSettings() == EngineSettings(30, "4bit", "auto", None, 8, ())


def test_every_setting_is_read() -> None:
    config = parse_config(
        """
        model = "a"
        language = "en"
        engine = {idle_minutes = 0.5, precision = "fp32", device = "cuda:1", memory_gb = 12, max_rows = 2, trust_remote_code = ["b"]}
        endpoints = [{name = "openai", base_url = "https://api.openai.com/v1/", key = "OPENAI_API_KEY"}]
        """
    )
    assert config == Config(
        "a",
        "en",
        EngineSettings(0.5, "fp32", "cuda:1", 12, 2, ("b",)),
        endpoints=(EndpointSettings("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),),
    )


def test_all_faults_are_told_together_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            """
            modle = "a"
            language = "fr"
            [engine]
            precison = "4bit"
            max_rows = true
            idle_minutes = nan
            [[endpoints]]
            name = "a/b"
            base_url = "ftp://x"
            [[endpoints]]
            nmae = "x"
            """
        )
    message = str(caught.value)
    for words in (
        "modle: 알 수 없는 항목이에요. 혹시 model인가요?",
        "language: ",
        "engine.precison: 알 수 없는 항목이에요. 혹시 precision인가요?",
        "engine.max_rows: ",
        "engine.idle_minutes: ",
        "endpoints[1].name: ",
        "endpoints[1].base_url: ",
        "endpoints[2].nmae: 알 수 없는 항목이에요. 혹시 name인가요?",
        "endpoints[2].base_url: 빠져 있어요",
    ):
        assert words in message


@pytest.mark.parametrize(
    "text",
    [
        "model = 3",
        'model = "a\\nb"',
        "engine = 3",
        "engine.precision = 4",
        'engine.precision = ["4bit"]',
        'engine.device = "gpu"',
        "engine.memory_gb = 0",
        "engine.max_rows = 1.0",
        "engine.max_rows = 0",
        'engine.trust_remote_code = "a"',
        "engine.trust_remote_code = [1]",
        "engine.idle_minutes = inf",
        "endpoints = 1",
        "endpoints = [1]",
        "[endpoints]\nname = 'a'",
        "endpoints = [{name = 'a', base_url = 'http://user:pw@host/v1'}]",
        "endpoints = [{name = 'a', base_url = 'http://localhost\\@evil.example/v1'}]",
        "endpoints = [{name = 'a', base_url = 'http://host:99999/v1'}]",
        "endpoints = [{name = 'a', base_url = 'http:///v1'}]",
        "endpoints = [{name = 'a', base_url = 'http://h/v1', key = 'sk-not-a-name'}]",
        "endpoints = [{name = 'a', base_url = 'http://h/v1'}, {name = 'a', base_url = 'http://i/v1'}]",
        "model = ",
    ],
)
def test_wrong_values_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml"):
        parse_config(text)


def test_a_byte_order_mark_is_no_fault(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfmodel = 'a'")
    assert load_config().model == "a"


def test_text_that_is_not_utf8_is_a_fault(file: Path) -> None:
    file.write_bytes("model = '구름'".encode("cp949"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config()


def test_a_folder_in_the_files_place_is_a_fault(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError):
        load_config()


def test_a_change_keeps_comments_and_order(file: Path) -> None:
    file.write_text(COMMENTED)
    set_value("model", "koalpaca-5.8b")
    set_value("engine.precision", "8bit")
    assert file.read_text() == COMMENTED.replace("kullm-5.8b", "koalpaca-5.8b").replace("4bit", "8bit")


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("model", "12", lambda c: c.model == "12"),
        ("model", "/폴더/이름 하나", lambda c: c.model == "/폴더/이름 하나"),
        ("language", "en", lambda c: c.language == "en"),
        ("engine.idle_minutes", "5", lambda c: c.engine.idle_minutes == 5),
        ("engine.memory_gb", "7.5", lambda c: c.engine.memory_gb == 7.5),
        ("engine.trust_remote_code", "a, b/c", lambda c: c.engine.trust_remote_code == ("a", "b/c")),
        ("engine.trust_remote_code", '["a"]', lambda c: c.engine.trust_remote_code == ("a",)),
        ("endpoints.home.key", "HOME_KEY", lambda c: c.endpoints[0].key == "HOME_KEY"),
        ("endpoints.v1.5.base_url", "http://h/v1", lambda c: c.endpoints[1] == EndpointSettings("v1.5", "http://h/v1")),
    ],
)
def test_values_take_the_type_of_their_setting(file: Path, key: str, value: str, read: object) -> None:
    file.write_text(COMMENTED)
    set_value(key, value)
    assert callable(read)
    assert read(load_config())


def test_an_empty_value_takes_the_line_away(file: Path) -> None:
    file.write_text(COMMENTED)
    set_value("engine.precision", "")
    assert load_config().engine.precision == "4bit"
    assert "precision" not in file.read_text()
    set_value("engine.max_rows", "")
    set_value("endpoints.nobody.key", "")


def test_an_endpoint_written_inline_can_be_extended(file: Path) -> None:
    file.write_text('endpoints = [{name = "home", base_url = "http://h/v1"}]\n')
    set_value("endpoints.home.key", "K")
    set_value("endpoints.other.base_url", "http://i/v1")
    assert [(e.name, e.key) for e in load_config().endpoints] == [("home", "K"), ("other", "")]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("modle", "x", "혹시 model인가요"),
        ("engine.prcision", "4bit", "혹시 engine.precision인가요"),
        ("endpoints.home.url", "http://x", "혹시 endpoints.home.base_url인가요"),
        ("engine", "x", "알 수 없는 항목"),
        ("endpoints", "x", "알 수 없는 항목"),
        ("engine.precision", "3bit", '"4bit"'),
        ("engine.max_rows", "많이", "정수"),
        ("endpoints.new.key", "K", "base_url"),
    ],
)
def test_a_wrong_change_is_refused_and_the_file_untouched(file: Path, key: str, value: str, words: str) -> None:
    file.write_text(COMMENTED)
    with pytest.raises(ConfigError, match=words):
        set_value(key, value)
    assert file.read_text() == COMMENTED
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_linked_configuration_stays_linked(file: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "kullm.toml"
    real.write_text(COMMENTED)
    file.symlink_to(real)
    set_value("model", "x")
    assert file.is_symlink()
    assert 'model = "x"' in real.read_text()


def test_the_first_change_makes_the_file_readable_to_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "new" / "folder"))
    old = os.umask(0)
    try:
        set_value("model", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "new/folder/config.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new/folder").stat().st_mode & 0o777 == 0o700


def test_a_write_that_fails_leaves_the_old_file(file: Path) -> None:
    file.write_text(COMMENTED)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))  # like a disk that fills up in the middle of the file
    try:
        with pytest.raises(KullmError, match="쓰지 못했어요"):
            set_value("model", "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_text() == COMMENTED
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]
