"""Tools from PyPI that only tests need, in virtual environments of their own under .stack."""

import subprocess
import sys
from pathlib import Path

import say

REQUIREMENTS = ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")


def install(folder: Path, requirements: tuple[str, ...] = REQUIREMENTS) -> Path:
    """The folder of the executables, installed if they are not there yet."""
    executables, marker = folder / "bin", folder / "installed"
    # An environment knows its folder and its Python: it is made anew when either is another one.
    wanted = "\n".join([*requirements, sys.version, str(folder.resolve())])
    if marker.exists() and marker.read_text() == wanted:
        return executables
    say.line(f"Installing {', '.join(requirements)} from PyPI into {folder} (once).")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)]).returncode != 0:
        raise say.Stop("No virtual environment could be made: install the package python3-venv.")
    pip = [str(executables / "python"), "-m", "pip", "--disable-pip-version-check", "--retries", "2", "--timeout", "20"]
    if subprocess.run([*pip, "install", "--progress-bar", "off", *requirements]).returncode != 0:
        raise say.Stop(
            "The tools could not be installed: pip says why above. Is PyPI reachable from here? A mirror is set by "
            "PIP_INDEX_URL, wheels in a folder by PIP_FIND_LINKS and PIP_NO_INDEX=1."
        )
    marker.write_text(wanted)
    return executables
