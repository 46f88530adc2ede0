"""The forms by their names. A form is a module; a source names the one that its files are in."""

from collections.abc import Mapping
from functools import partial

from data.sources.form import Form
from data.sources.forms import (
    alpaca,
    dolly,
    flan,
    korquad,
    natural_instructions,
    oasst,
    p3,
    self_instruct,
    sharegpt,
)
from data.sources.raw import Layout

FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("alpaca", alpaca.read),
        Form("dolly", dolly.read),
        Form("sharegpt", sharegpt.read_pairs),
        Form("sharegpt-conversations", sharegpt.read_conversations),
        Form("oasst", oasst.read),
        Form("oasst-ko", partial(oasst.read, language="ko")),
        Form("self-instruct", self_instruct.read),
        Form("natural-instructions", natural_instructions.read, Layout(inside="Instances")),
        Form("p3", p3.read),
        Form("flan-cot", flan.read, Layout(header=("question", "answer", "chain"), quoted=False)),
        Form("korquad", korquad.read, Layout(inside="data")),
    )
}
