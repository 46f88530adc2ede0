"""`python -P -m kullm_tui.engine`: without arguments the user's own engine; with models, the server behind `kullm serve`."""

import argparse
import ipaddress
import json
import os
import secrets
import sys
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.local_engine import EngineFiles, hold_alive_lock
from kullm_tui.core.errors import ConfigError, KullmError, UsageError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.processor import hold
from kullm_tui.core.text import terminal_safe
from kullm_tui.core.trust import check_homes
from kullm_tui.engine.life import Listening, Served, open_socket, serve_until_ended

_SHORTEST_KEY = 8


def main() -> int:
    os.umask(0o077)
    parser = argparse.ArgumentParser(prog="kullm serve")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--adapter", action="append", default=[])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key-file", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        check_homes()
        hold()
        return _serve_publicly(args) if args.model else _serve_own_user()
    except KullmError as error:
        sys.stderr.write(f"kullm: {terminal_safe(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _serve_own_user() -> int:
    files = EngineFiles()
    if hold_alive_lock(files) is None:
        return 0  # another engine was elected
    settings = load_config().engine
    listening = Listening(open_socket("127.0.0.1", 0), token=secrets.token_urlsafe(32), any_host=False)
    return serve_until_ended(settings, listening, files=files)


def _serve_publicly(args: argparse.Namespace) -> int:
    served = _served(args.model, args.adapter)
    settings = load_config().engine
    loopback = _is_loopback(args.host)
    key, key_place = _key(args.api_key_file, loopback=loopback)
    listening = Listening(open_socket(args.host, args.port), token=key, any_host=not loopback)
    _announce(listening.url, key_place, sorted(served.models), as_json=args.json)
    return serve_until_ended(settings, listening, served=served)


def _served(models: list[str], adapters: list[str]) -> Served:
    offered: dict[str, tuple[str, str | None]] = {}
    for entry in models:
        name, separator, model = entry.partition("=")
        offered[name] = (model if separator else name, None)
    base = next(iter(offered.values()))[0]
    for entry in adapters:
        name, separator, folder = entry.partition("=")
        if not (name and separator and folder):
            raise UsageError(
                say(f"--adapter는 NAME=FOLDER로 써요: {entry}", f"--adapter is written NAME=FOLDER: {entry}")
            )
        offered[name] = (base, str(paths.typed(folder).absolute()))
    for model, adapter in offered.values():
        _require_found(model, adapter)
    return Served(offered)


def _require_found(model: str, adapter: str | None) -> None:
    """Before anything is announced: what is offered has to be here."""
    local_folder(resolve(model))
    if adapter and not (Path(adapter) / "adapter_config.json").exists():
        raise UsageError(
            say(f"어댑터 폴더에 adapter_config.json이 없어요: {adapter}", f"No adapter_config.json in {adapter}")
        )


def _key(file: Path | None, *, loopback: bool) -> tuple[str, str]:
    """The key and a word on where it is; without one given, only this machine's own programs may come in."""
    if file:
        try:
            key, place = file.read_text(encoding="utf-8").strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                say(f"키 파일을 읽을 수 없어요: {file}", f"The key file cannot be read: {file}")
            ) from error
    elif "KULLM_API_KEY" in os.environ:
        key, place = os.environ.pop("KULLM_API_KEY"), "KULLM_API_KEY"
    elif loopback:
        own_file = paths.state_dir() / "serve.key"
        if not own_file.exists():
            publish(own_file, secrets.token_urlsafe(32), mode=0o600)
        key, place = own_file.read_text().strip(), str(own_file)
    else:
        raise UsageError(
            say(
                "이 컴퓨터 밖에서 오는 요청을 받으려면 키가 있어야 해요. --api-key-file이나 KULLM_API_KEY로 주세요.",
                "To answer other machines, give a key with --api-key-file or KULLM_API_KEY.",
            )
        )
    if len(key) < _SHORTEST_KEY or not key.isascii():
        raise ConfigError(
            say(
                f"{place}의 키는 ASCII {_SHORTEST_KEY}자 이상이어야 해요.",
                f"The key in {place} must have at least {_SHORTEST_KEY} ASCII characters.",
            )
        )
    return key, place


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _announce(url: str, key_place: str, models: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": url, "key": key_place, "models": models}, ensure_ascii=False), flush=True)
        return
    print(f"{url}/v1", flush=True)
    listed = ", ".join(models)
    sys.stderr.write(
        say(
            f"모델: {listed}\n키: {key_place}\n멈추기: ctrl-c\n",
            f"models: {listed}\nkey: {key_place}\nstop: ctrl-c\n",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
