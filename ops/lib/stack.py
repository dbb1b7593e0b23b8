"""Where things are, and the settings that everything in the stack is started with."""

import json
import os
import secrets
from pathlib import Path

from fleet import write_whole

PROJECT = Path(__file__).resolve().parents[2]
# Tests keep a stack of their own beside the one that a person may have running.
STACK = Path(os.environ.get("QUESTLINE_STACK") or PROJECT / ".stack").resolve()
EXECUTABLES = ("questline-front", "questline-worker")


def kept_secrets(folder: Path) -> dict[str, str]:
    """Random secrets, made once; the next start finds the same ones. What the environment gives at the first start
    is taken instead."""
    file = folder / "secrets.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    wanted = {
        "REDIS_PASSWORD": 16, "POSTGRES_PASSWORD": 16,
        "QUESTLINE_API_KEY": 24, "QUESTLINE_ADMIN_PASSWORD": 12, "QUESTLINE_JWT_SECRET": 32,
    }
    missing = {name: size for name, size in wanted.items() if name not in kept}
    if missing:
        for name, size in missing.items():
            given = os.environ.get(name) if name.startswith("QUESTLINE_") else None
            kept[name] = given or secrets.token_hex(size)
        write_whole(file, json.dumps(kept, indent=2) + "\n")
    return kept


def write_environment(folder: Path, values: dict[str, str]) -> None:
    """Writes `env`, which a shell reads with `. .stack/env`."""
    quoted = {name: value.replace("'", "'\\''") for name, value in values.items()}
    write_whole(folder / "env", "".join(f"export {name}='{value}'\n" for name, value in quoted.items()))


def shown(path: Path) -> str:
    """A path as somebody standing in the current folder would write it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("../..") else relative


def read_environment(folder: Path) -> dict[str, str]:
    """What `env` holds, on top of our own environment."""
    try:
        rows = (folder / "env").read_text().splitlines()
    except OSError:
        return {}
    pairs = (row.removeprefix("export ").partition("=") for row in rows)
    return os.environ | {name: value[1:-1].replace("'\\''", "'") for name, _, value in pairs}
