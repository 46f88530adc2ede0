"""Which studies there are: the shipped ones, and those of one's own that were begun, wherever they were begun from.

studies/NAME/study.json   where the file of a study of one's own lies
"""

import json

from kullm_tui.core import foreign_json, paths
from kullm_tui.core.files import publish
from kullm_tui.studies.study import Study, is_shipped, shipped_studies

_FILE = "study.json"


def note_begun(study: Study) -> None:
    place, told = paths.study_dir(study.name) / _FILE, {"file": str(study.file)}
    if not is_shipped(study) and foreign_json.fields(place) != told:
        publish(place, f"{json.dumps(told, ensure_ascii=False)}\n", mode=0o600)


def known_studies() -> list[str]:
    """As `load_study` takes them; of one's own those whose file is still there."""
    begun = sorted((paths.state_dir() / "studies").glob(f"*/{_FILE}"))
    files = [str(foreign_json.fields(one).get("file", "")) for one in begun]
    return [*shipped_studies(), *(file for file in files if file.endswith(".toml") and paths.typed(file).is_file())]


def as_typed(study: Study) -> str:
    """As `--study` and `load_study` take it."""
    return study.name if is_shipped(study) else str(study.file)
