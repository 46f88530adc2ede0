"""Strangers' files, mutated where that leads to code that no other of them had reached (atheris, libFuzzer).

    python bench/fuzz_files.py [--runs 20000] [--kinds zip,tar] [CULPRIT]

Without a KULLM_HOME it makes one. A file that makes a reader raise anything but a KullmError, or takes more than five seconds, is kept as
`crash-…` or `timeout-…` in the working folder, and the exit code says so; given as CULPRIT, it is read once more.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parent.parent))
with atheris.instrument_imports(include=["kullm_tui", "zipfile", "tarfile", "jinja2", "tomlkit", "tests.hostile"]):
    from tests.hostile.mutations import KINDS, attempt

_LONGEST_BYTES = 1 << 16
_SECONDS, _MEGABYTES = 5, 4096


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--kinds", default=",".join(kind.name for kind in KINDS))
    parser.add_argument("culprit", nargs="?")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kullm-fuzz-"))
    os.environ.setdefault("KULLM_HOME", str(folder / "home"))
    os.environ.setdefault("KULLM_LANG", "ko")
    kinds = [kind for kind in KINDS if kind.name in args.kinds.split(",")]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, kind in enumerate(kinds):
        for nth, seed in enumerate(kind.seeds):
            (corpus / f"{number}-{nth}").write_bytes(bytes([number]) + seed)
    place = folder / "place"

    def read(data: bytes) -> None:
        """The first byte says as what."""
        place.mkdir()
        try:
            if data:
                attempt(kinds[data[0] % len(kinds)], data[1:], place)
        finally:
            shutil.rmtree(place)

    limits = [f"-max_len={_LONGEST_BYTES}", f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}", "-len_control=0"]
    tried = [args.culprit] if args.culprit else [f"-runs={args.runs}", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *limits, *tried], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
