"""Debian's kubectl, unpacked and not installed, and the schemas of Kubernetes from PyPI, both under .stack."""

import os
import subprocess
import sys
from pathlib import Path

import packages
import say
import stack

REQUIREMENTS = ("kubernetes-validate==1.37.0",)
FOLDER = stack.STACK / "tools"


def kubectl() -> Path:
    """Debian's, which is old: what it renders, newer ones do as well. Another one on this machine may well be installed, so it is
    unpacked and not installed."""
    return packages.unpacked(packages.KUBECTL, FOLDER / "kubectl") / "usr" / "bin" / "kubectl"


def python() -> Path:
    """A Python that has the validator, installed if it is not there yet."""
    folder = FOLDER / "kubernetes"
    executable, marker = folder / "bin" / "python", folder / "installed"
    wanted = "\n".join([*REQUIREMENTS, sys.version, str(folder.resolve())])
    if marker.exists() and marker.read_text() == wanted:
        return executable
    say.line(f"Installing {', '.join(REQUIREMENTS)} from PyPI into {folder} (once).")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)]).returncode != 0:
        raise say.Stop("No virtual environment could be made: install the package python3-venv.")
    pip = [str(executable), "-m", "pip", "--disable-pip-version-check", "--retries", "2", "--timeout", "20"]
    if subprocess.run([*pip, "install", "--progress-bar", "off", *REQUIREMENTS]).returncode != 0:
        raise say.Stop("The validator could not be installed: pip says why above. A mirror is set by PIP_INDEX_URL.")
    marker.write_text(wanted)
    return executable


def in_its_python() -> None:
    """Goes on in that Python."""
    if os.environ.get("QUESTLINE_IN_TOOLS") != "1":
        executable = python()
        os.execve(executable, [str(executable), "-B", "-u", *sys.argv], os.environ | {"QUESTLINE_IN_TOOLS": "1"})
