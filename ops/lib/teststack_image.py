"""The image: that it is built, small, of one user without rights, and whole."""

import json
import re
import subprocess

import compose
import say
import stack

NAME, BASE = "questline:test", "debian:bookworm-slim"
LARGEST = 200_000_000


class Image:
    def __init__(self, project: compose.Project):
        self.project = project

    def build(self) -> str:
        """Builds it, and refuses a build that warns."""
        log = stack.STACK / "test-stack" / "build.log"
        log.unlink(missing_ok=True)
        say.line(f"Building. The first time takes about fifteen minutes on two cores; {stack.shown(log)} has the output.")
        if self.project.run("build", log=log) != 0:
            raise say.Stop("the build has failed:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:]))
        # Those about the packages we depend on are theirs, and the linker's about Swift's own library are Swift's.
        warnings = [
            row for row in log.read_text(errors="replace").splitlines()
            if "warning:" in row and not re.search("/[.]build/|/swift_static/|warning: '(?!questline)", row)
        ]
        if warnings:
            raise say.Stop("the build warns:\n" + "\n".join(warnings[:10]))
        return "no warnings"

    def look(self) -> str:
        beyond = compose.size(NAME) - compose.size(BASE)
        configuration = json.loads(compose.checked(["docker", "image", "inspect", NAME]))[0]["Config"]
        faults = []
        if beyond >= LARGEST:
            faults.append(f"it has {beyond / 1e6:.0f} MB beyond its base")
        if configuration.get("User", "").partition(":")[0] in ("", "0", "root"):
            faults.append("it runs as root")
        if configuration.get("Healthcheck", {}).get("Test") != ["CMD", "questline-worker", "health"]:
            faults.append("its health check needs more than its own executable")
        for name in stack.EXECUTABLES:
            libraries = self.run("ldd", f"/usr/local/bin/{name}")
            faults += [f"{name}: {row.strip()}" for row in libraries.splitlines() if "not found" in row]
            if "libswift" in libraries:
                faults.append(f"{name} is not linked statically with Swift")
        if faults:
            raise say.Stop("; ".join(faults))
        return f"{beyond / 1e6:.0f} MB beyond its base, user {configuration['User']}"

    def run(self, *command: str) -> str:
        """What a program in the image says."""
        answer = subprocess.run(
            ["docker", "run", "--rm", "--network", "none", "--entrypoint", command[0], NAME, *command[1:]],
            capture_output=True, text=True,
        )
        return answer.stdout + answer.stderr
