"""Table 1 of the KULLM paper: 252 items, judged by the GPT-4 of 2023. Facts, to stand beside what is measured here."""

from collections.abc import Mapping

ITEMS = 252
JUDGE = "gpt-4 (2023)"
RUBRIC = "kullm-2023-ko"
# In the order of the rubric's criteria: 이해 가능성, 자연스러움, 맥락 유지, 흥미롭기, 지시어 사용, 전반적인 품질.
TABLE_1: Mapping[str, tuple[float, ...]] = {
    "GPT-3.5-turbo": (0.980, 2.806, 2.849, 2.056, 0.917, 3.905),
    "GPT-4": (0.984, 2.897, 2.944, 2.143, 0.968, 4.083),
    "KoAlpaca 12.8b": (0.651, 1.909, 1.901, 1.583, 0.385, 2.575),
    "KoVicuna 7b": (0.460, 1.583, 1.726, 1.528, 0.409, 2.440),
    "KULLM 5.8b": (0.754, 2.099, 2.187, 1.746, 0.579, 3.028),
    "KULLM 12.8b": (0.802, 2.480, 2.310, 1.996, 0.754, 3.325),
}
