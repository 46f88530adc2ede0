"""The paper's filters, by langid itself."""

import pytest

from data.filters.paper import PaperFilter, language_of
from data.row import Rejection, Row
from tests.data.shared_rows import SharedFile, honest_rows, pair


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            pair("Describe a process of making crepes.", "Making crepes is an easy and delicious process!"),
            "paper-language",
        ),
        (pair("日本の首都はどこですか。", "日本の首都は東京です。"), "paper-language"),
        (pair("수도는?", "서울"), "paper-short"),
        (pair("대한민국의 수도는 어디인가요?", "서울입니다."), None),
        (pair("맞나요, 아닌가요?", "네"), None),
    ],
)
def test_a_row_is_korean_and_ten_characters_long(row: Row, reason: str | None) -> None:
    found = PaperFilter()(row)
    assert (found.reason if isinstance(found, Rejection) else None) == reason


@pytest.mark.shared_data
def test_the_language_is_the_one_that_langid_says(shared_file: SharedFile) -> None:
    from langid import langid

    theirs = langid.LanguageIdentifier.from_modelstring(langid.model)
    texts = ["\n".join(row.texts) for row in honest_rows(shared_file)][::60]
    texts += ["", "\0", "1 2 3", "안", "a", "한국어와 English mixed"]
    assert len(texts) > 140
    assert [language_of(text) for text in texts] == [theirs.classify(text)[0] for text in texts]
