import pytest

from kullm_tui.core.korean import particle


@pytest.mark.parametrize(
    ("word", "pair", "chosen"),
    [
        ("모델", "을/를", "을"),
        ("어댑터", "을/를", "를"),
        ("서울", "으로/로", "로"),
        ("부산", "으로/로", "으로"),
        ("제주", "으로/로", "로"),
        ("질문", "과/와", "과"),
        ("kullm-5.8b", "은/는", "는"),
        ("job-20", "이/가", "이"),
        ("gpt2", "이/가", "가"),
        ("kullm3", "을/를", "을"),
        ("koalpaca-v1.1", "으로/로", "로"),
        ("AWQ", "을/를", "를"),
        ("GGML", "을/를", "을"),
        ("alpaca", "을/를", "를"),
        ("'모델'", "은/는", "은"),
        ("mistral-nemo-base", "을/를", "을(를)"),
        ("model", "으로/로", "(으)로"),
        ("llm.example", "이/가", "이(가)"),
        ("", "은/는", "은(는)"),
        ("끝)", "은/는", "은(는)"),
    ],
)
def test_the_particle_follows_how_the_word_is_read(word: str, pair: str, chosen: str) -> None:
    assert particle(word, pair) == chosen
