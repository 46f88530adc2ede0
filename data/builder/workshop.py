"""Where builds work: stages by their keys, shared by all mixtures, and one lock, since two builds at once would do everything twice.

cache/data/stages/KEY/   a stage; may be deleted at any time, and is then made again
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.builder.stage import Stage, stage_key
from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.files import clear_drafts
from kullm_tui.core.language import say


class BuildRuns(KullmError):
    pass


@dataclass(frozen=True)
class Workshop:
    folder: Path

    def stage(self, step: str, settings: Mapping[str, Any], before: list[str]) -> Stage:
        """For one who builds, alone: what one that was killed was just writing goes."""
        stage = self.of_key(stage_key(step, settings, before))
        clear_drafts(paths.private_dir(stage.folder))
        return stage

    def of_key(self, key: str) -> Stage:
        return Stage(self.folder / "stages" / key)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """BuildRuns where another process builds here."""
        descriptor = os.open(
            paths.private_dir(self.folder) / "build.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BuildRuns(
                say(
                    "다른 kullm이 데이터를 만들고 있어요. 그것이 끝난 다음에 다시 해 보세요.",
                    "another kullm is building a data set. Try again when it is done.",
                )
            ) from error
        else:
            yield
        finally:
            os.close(descriptor)


def own_workshop() -> Workshop:
    return Workshop(paths.private_dir(paths.cache_dir() / "data"))
