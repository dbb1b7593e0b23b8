"""Building the executables in front of the person."""

import shutil
import tempfile
from pathlib import Path

import processes
import say
from stack import EXECUTABLES, PROJECT


def need_swift() -> None:
    if not shutil.which("swift"):
        raise say.Stop("No Swift toolchain is on the PATH: install Swift 6.2 or newer, then run this again.")


def folder(configuration: str) -> Path:
    return PROJECT / ".build" / configuration


def is_first(configuration: str) -> bool:
    return not all((folder(configuration) / name).exists() for name in EXECUTABLES)


def executables(configuration: str) -> Path:
    """Builds both executables and returns the folder they are in."""
    need_swift()
    if is_first(configuration):
        say.line(f"Building ({configuration}). The first build takes about eight minutes on two cores, later ones seconds.")
    else:
        say.line(f"Building ({configuration}), which takes seconds unless much has changed.")
    if processes.run(["swift", "build", "-c", configuration], folder=PROJECT) != 0:
        raise say.Stop("The build has failed; the compiler says why above.")
    return folder(configuration)


def everything_strictly() -> tuple[bool, list[str]]:
    """Builds all targets and tests for debugging, where an undeclared import is an error. Whether that worked, and the
    warnings about our own code."""
    need_swift()
    if is_first("debug"):
        say.line("The first build takes about eight minutes on two cores, later ones seconds.")
    with tempfile.TemporaryFile("w+") as output:
        code = processes.run(
            ["swift", "build", "--build-tests", "--explicit-target-dependency-import-check", "error"],
            folder=PROJECT, output=output,
        )
        output.seek(0)
        warnings = sorted({row.strip() for row in output if is_ours(row)})
    return code == 0, warnings


def is_ours(row: str) -> bool:
    """Whether a line of the compiler's output is a warning about this project's own files or manifest."""
    if "warning:" not in row or "/.build/" in row:
        return False
    return row.startswith((f"{PROJECT}/", "warning: 'questline'", "warning: '" + PROJECT.name.lower() + "'"))
