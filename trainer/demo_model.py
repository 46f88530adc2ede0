"""`make demo-model`: the small model that comes with the product, made anew from its own corpus.

    corpus → tokenizer and shape → base, from scratch → one LoRA adapter a template → kullm_tui/demo/

Every part is trained by the trainer as users run it. A part that is there already is kept, so that a stopped rebuild goes on.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from data.demo.corpus import TEMPLATES
from data.demo.tokenizer import corpus_texts, write_model_folder
from trainer.estimate.machines import this_machine
from trainer.estimate.tokens import recorded_lengths
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.directory import create
from trainer.recipe import load_recipe, recipe_dict
from trainer.settle import settled

_SHIPPED = Path(__file__).parent.parent / "kullm_tui" / "demo"
_NOT_SHIPPED = {"manifest.json", "generation_config.json"}
_LARGEST_BYTES = 16_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the demo model anew.")
    parser.add_argument("--build", type=Path, default=Path("build/demo-model"))
    arguments = parser.parse_args()
    started = time.monotonic()
    build = arguments.build.absolute()
    shape = build / "shape"
    if not (shape / "config.json").exists():
        write_model_folder(shape, corpus_texts())
    base = _trained(build / "base", "demo-base", str(shape))
    _ship(base, _SHIPPED / "base")
    for name in TEMPLATES:
        adapter = _trained(build / name, f"demo-{name}", "demo-base")
        _ship(adapter, _SHIPPED / "adapters" / name)
    shipped = sum(file.stat().st_size for file in _SHIPPED.rglob("*") if file.suffix in (".safetensors", ".json"))
    print(f"{shipped / 1e6:.1f} MB in {_SHIPPED}, {(time.monotonic() - started) / 60:.1f} minutes")
    if shipped > _LARGEST_BYTES:
        raise SystemExit("the demo model is larger than 16 MB")


def _trained(run: Path, recipe: str, base: str) -> Path:
    """The artifacts of a run of the recipe over the base, resumed if it was begun."""
    folder = JobDirectory(run)
    if not folder.spec.exists():
        chosen = load_recipe(recipe, [f"model.base={base}", "train.minutes=0"])  # what is shipped has seen every row
        chosen = settled(chosen, this_machine(), recorded_lengths(chosen))
        create(run, {"recipe": recipe_dict(chosen), "digest": chosen.digest, "name": recipe})
    if not folder.artifacts.exists():
        environment = {**os.environ, "KULLM_ATTEMPT": str(folder.begin_attempt())}
        subprocess.run([sys.executable, "-P", "-m", "trainer", str(run)], check=True, env=environment)
    return folder.artifacts


def _ship(artifacts: Path, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(artifacts, to, ignore=lambda _, names: _NOT_SHIPPED & set(names))
    for path in (to, *to.iterdir()):  # a run is its owner's alone; this is for everybody
        path.chmod(0o755 if path.is_dir() else 0o644)
    options = to / "adapter_config.json"
    if options.exists():  # peft wrote down a folder of this machine
        facts = {**json.loads(options.read_text()), "base_model_name_or_path": "demo-base"}
        options.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
