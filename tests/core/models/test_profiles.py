import re
from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.models import profiles
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.profiles import (
    PAPER_DECODING,
    all_profiles,
    decoding_for,
    forget_profile,
    profiles_from,
    read_profiles,
    save_profile,
    shipped_profiles,
)
from kullm_tui.core.templates.registry import TEMPLATES

SHIPPED = Path(profiles.__file__).with_name("profiles")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "en")
    return tmp_path


def test_every_shipped_file_is_read() -> None:
    read = sum(len(read_profiles(path)) for path in SHIPPED.glob("*.toml") if path.name != "decoding.toml")
    assert read == len(shipped_profiles()) > 100


def test_every_shipped_profile_says_what_a_user_needs() -> None:
    for profile in shipped_profiles().values():
        assert re.search("[가-힣]", profile.description), profile.name
        assert profile.title, profile.name
        assert profile.licence, profile.name
        assert profile.source, profile.name
        assert bool(profile.note_korean) == bool(profile.note_english), profile.name
        if profile.kind == "endpoint":
            assert profile.key
        else:
            assert profile.template == OWN_TEMPLATE or profile.template in TEMPLATES


def test_what_does_not_run_here_says_why() -> None:
    away = {name for name, profile in shipped_profiles().items() if not profile.runs_here}
    assert away == {
        *("kullm3-awq", "koalpaca-korwkv-6b", "alpaca-7b", "oasst-llama-30b", "eeve-2.8b", "exaone-4.5-33b"),
        *("exaone-3.5-2.4b", "exaone-3.5-7.8b", "exaone-3.5-32b"),
        *("hyperclovax-seed-think-32b", "hyperclovax-seed-omni-8b"),
        *("kanana-2-30b-a3b-instruct", "kanana-2-30b-a3b-thinking"),
        *("flan-t5-base", "flan-t5-large", "flan-t5-xl", "flan-t5-xxl", "t0-3b", "t0", "t0pp"),
    }
    assert all(shipped_profiles()[name].note for name in away)


def test_a_profile_with_an_unverified_template_is_unverified() -> None:
    for profile in shipped_profiles().values():
        template = TEMPLATES.get(profile.template)
        assert not (profile.verified and template and not template.verified), profile.name


def test_adapters_stand_on_shipped_weights() -> None:
    adapters = [profile for profile in shipped_profiles().values() if profile.kind == "adapter"]
    assert {profile.name for profile in adapters} >= {"koat-5.8b", "alpaca-lora-7b", "koalpaca-lora-13b"}
    for profile in adapters:
        assert shipped_profiles()[profile.base or ""].kind == "weights"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "kullm-5.8b",
            "kullm-12.8b",
            "kullm-12.8b-v1",
            "koalpaca-5.8b",
            "koalpaca-12.8b",
            "korani-v1-13b",
            "koat-5.8b",
        ),
        *("polyglot-ko-1.3b", "polyglot-ko-3.8b", "polyglot-ko-5.8b", "polyglot-ko-12.8b"),
    ],
)
def test_the_polyglot_family_ends_with_id_2_and_begins_with_nothing(name: str) -> None:
    profile = shipped_profiles()[name]
    assert (profile.bos, profile.eos, profile.pad) == (None, (2,), 2)
    assert profile.context == 2048


def test_ids_that_the_files_have_wrong_are_put_right() -> None:
    kovicuna = shipped_profiles()["kovicuna-7b"]
    assert (kovicuna.bos, kovicuna.eos, kovicuna.pad) == (1, (2,), 0)
    assert shipped_profiles()["exaone-4.0-32b"].eos == (361,)
    assert shipped_profiles()["gpt4all-j"].eos == (50256,)
    assert shipped_profiles()["ko-gpt-trinity-1.2b"].context == 1024


def test_the_stricter_licence_counts() -> None:
    research = {name for name, profile in shipped_profiles().items() if profile.licence_class == "research"}
    tagged_otherwise = {"koalpaca-llama-7b", "koalpaca-lora-13b", "kovicuna-7b", "korani-v1-13b", "korani-v2-13b"}
    assert tagged_otherwise <= research
    assert not {"kullm-5.8b", "kullm-12.8b", "kullm3", "koalpaca-5.8b", "vicuna-7b-v1.5"} & research


def test_stop_strings_are_the_templates_unless_the_profile_says_otherwise() -> None:
    assert shipped_profiles()["kullm-5.8b"].stop == ("###",)
    assert shipped_profiles()["dolly-v2-3b"].stop == ("### End",)
    own = profiles_from({"x": {"repository": "a/b", "template": "kullm-v2", "stop": ["끝"]}}, Path("x.toml"))
    assert own["x"].stop == ("끝",)


def test_generation_defaults_are_the_templates_and_the_profiles_own_go_before_them() -> None:
    koalpaca = shipped_profiles()["koalpaca-5.8b"].defaults
    assert (koalpaca.temperature, koalpaca.top_p, koalpaca.max_new_tokens) == (0.7, 0.9, 512)
    kullm = shipped_profiles()["kullm-5.8b"].defaults
    assert (kullm.num_beams, kullm.temperature) == (1, 0.2)  # a chat streams: no beams
    assert decoding_for("koalpaca-v1.0").no_repeat_ngram_size == 6
    assert decoding_for("korani").repetition_penalty == 1.05
    assert shipped_profiles()["kullm3"].defaults.max_new_tokens == 1024
    assert shipped_profiles()["koalpaca-korwkv-6b"].defaults.repetition_penalty == 1.2


def test_the_papers_decoding_asks_for_beams_without_sampling() -> None:
    assert PAPER_DECODING.request_fields() == {
        "max_tokens": 400,
        "temperature": 0.0,
        "top_p": 0.75,
        "top_k": 40,
        "repetition_penalty": 1.4,
        "no_repeat_ngram_size": 0,
        "num_beams": 4,
    }


def test_all_faults_are_told_at_once_and_the_nearest_name_with_them() -> None:
    faulty = {
        "Big": {"repository": "a/b"},
        "one": {"repository": "not a repository", "templat": "kullm-v2"},
        "two": {"template": "kulm-v2", "context": "long", "eos": [2, True]},
        "three": {"kind": "adapter", "repository": "a/b", "decoding": {"temprature": 1}},
        "four": {"kind": "endpoint", "endpoint": "https://user:secret@host/v1"},
        "five": 5,
    }
    with pytest.raises(ConfigError) as caught:
        profiles_from(faulty, Path("models.toml"))
    told = str(caught.value)
    for fault in (
        "'Big': a name is made of",
        "one.repository: must look like",
        "one.templat: is not known here. Did you mean template?",
        "two.template: is no template. Did you mean kullm-v2",
        "two.context: must be a whole number",
        "two.eos: must be a whole number",
        "two.repository: is missing",
        "three.base: is missing",
        "three.decoding.temprature: is not known here. Did you mean temperature?",
        "four.endpoint: must look like",
        "four.model: is missing",
        "five: must be a table",
    ):
        assert fault in told


def test_broken_toml_and_other_encodings_are_told_with_the_file(home: Path) -> None:
    (home / "models.toml").write_text("[x\n")
    with pytest.raises(ConfigError, match=r"models\.toml(.|\n)*not TOML"):
        all_profiles()
    (home / "models.toml").write_bytes("[x]\ntitle = '구름'".encode("euc-kr"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        all_profiles()


def test_a_saved_profile_is_read_back_and_the_rest_of_the_file_stays(home: Path) -> None:
    (home / "models.toml").write_text('# 내 모델\n[other]\nrepository = "a/b"  # 그대로\n')
    saved = save_profile("my.model-1", {"repository": "me/mine", "template": "kullm-v2"})
    assert all_profiles()["my.model-1"] == saved
    assert saved.stop == ("###",)
    text = (home / "models.toml").read_text()
    assert text.startswith('# 내 모델\n[other]\nrepository = "a/b"  # 그대로\n')
    assert forget_profile("my.model-1")
    assert not forget_profile("my.model-1")
    assert "my.model-1" not in all_profiles()
    assert "other" in all_profiles()


def test_a_profile_that_would_not_be_read_is_not_saved(home: Path) -> None:
    with pytest.raises(ConfigError):
        save_profile("mine", {"repository": "me/mine", "template": "nothing"})
    assert not (home / "models.toml").exists()


def test_the_users_profile_hides_the_shipped_one_of_its_name() -> None:
    save_profile("kullm-5.8b", {"repository": "me/mine"})
    assert all_profiles()["kullm-5.8b"].repository == "me/mine"
    forget_profile("kullm-5.8b")
    assert all_profiles()["kullm-5.8b"].repository == "nlpai-lab/kullm-polyglot-5.8b-v2"
