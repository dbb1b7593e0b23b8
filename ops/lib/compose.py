"""Docker Compose, whichever generation of it is here, and the containers of one project."""

import ipaddress
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import processes
import say
import stack

# What compose.yaml reads: nothing of a person's own settings may reach a project of ours.
SETTINGS = ("QUESTLINE_", "POSTGRES_", "REDIS_", "CACHE_", "DATABASE_", "ADMINER_", "GATEWAY_", "EDGE_", "COMPOSE_",
            "PROMETHEUS_")
SERVICE = "com.docker.compose.service"
PROJECT = "com.docker.compose.project"


def program() -> list[str]:
    """`docker compose` or `docker-compose`."""
    if not shutil.which("docker"):
        raise say.Stop("Docker is missing. As root on Debian: apt-get install docker.io docker-compose")
    if subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        raise say.Stop("No Docker engine answers: start it (`systemctl start docker`), or join the group `docker`.")
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    raise say.Stop("Docker Compose is missing. As root on Debian: apt-get install docker-compose")


def free_network() -> str:
    """The first three numbers of a network of 256 addresses that no network of Docker's and no route reaches into."""
    names = subprocess.run(["docker", "network", "ls", "-q"], capture_output=True, text=True).stdout.split()
    ranges = subprocess.run(
        ["docker", "network", "inspect", "-f", "{{range .IPAM.Config}}{{.Subnet}} {{end}}", *names],
        capture_output=True, text=True,
    ).stdout.split()
    taken = [ipaddress.ip_network(text, strict=False) for text in ranges]
    while True:
        start = f"10.{random.randint(214, 250)}.{random.randint(0, 255)}"
        if not any(ipaddress.ip_network(f"{start}.0/24").overlaps(other) for other in taken if other.version == 4):
            return start


class Container:
    """One container, as the engine tells of it when asked."""

    def __init__(self, id: str):
        self.id = id

    def inspect(self) -> dict:
        return json.loads(checked(["docker", "inspect", self.id]))[0]

    @property
    def service(self) -> str:
        return self.inspect()["Config"]["Labels"][SERVICE]

    @property
    def name(self) -> str:
        return self.inspect()["Name"].lstrip("/")

    def condition(self) -> str:
        """`healthy`, `starting` or `unhealthy`; `running` of one without a health check; else how it ended."""
        state = self.inspect()["State"]
        if state["Status"] == "exited":
            return f"exited with {state['ExitCode']}"
        return state.get("Health", {}).get("Status") or state["Status"]

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess:
        """Runs a program inside; `text` is what it reads."""
        return subprocess.run(["docker", "exec", "-i", self.id, *command], input=text, capture_output=True, text=True)

    def signal(self, name: str) -> None:
        checked(["docker", "kill", "--signal", name, self.id])


class Project:
    """Services of compose.yaml under a name of their own, with settings that come from nowhere else."""

    def __init__(self, name: str, settings: dict[str, str], folder: Path):
        self.name = name
        nothing = folder / "empty.env"  # instead of a person's .env; the older generation wants a file
        nothing.write_text("")
        own = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        self.environment = own | settings
        self.command = [*program(), "-p", name, "--env-file", str(nothing), "-f", str(stack.PROJECT / "compose.yaml")]

    def run(self, *arguments: str, extra: dict[str, str] | None = None, log: Path | None = None) -> int:
        """Runs a command of compose, in front of the person or into a log."""
        environment = self.environment | (extra or {})
        if log is None:
            return processes.run([*self.command, *arguments], environment=environment, folder=stack.PROJECT)
        with open(log, "ab") as output:
            return subprocess.run(
                [*self.command, *arguments], env=environment, cwd=stack.PROJECT, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
            ).returncode

    def containers(self, *services: str, all: bool = False) -> list[Container]:
        """Those that run, of some services or of every one; with `all` also those that have ended."""
        found = []
        for service in services or (None,):
            filters = ["--filter", f"label={PROJECT}={self.name}"]
            if service:
                filters += ["--filter", f"label={SERVICE}={service}"]
            listed = checked(["docker", "ps", "-q", "--no-trunc", *(["-a"] if all else []), *filters])
            found += [Container(id) for id in listed.split()]
        return found

    def the(self, service: str) -> Container:
        return self.containers(service)[0]

    def left(self) -> list[str]:
        """What of the project is there: containers, volumes, networks."""
        own = ["--filter", f"label={PROJECT}={self.name}"]
        return [
            *checked(["docker", "ps", "-a", "--format", "{{.Names}}", *own]).split(),
            *checked(["docker", "volume", "ls", "-q", *own]).split(),
            *checked(["docker", "network", "ls", "--format", "{{.Name}}", *own]).split(),
        ]


def size(image: str) -> int:
    """Of an image, in bytes."""
    return int(checked(["docker", "image", "inspect", "-f", "{{.Size}}", image]))


def checked(command: list[str]) -> str:
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise say.Stop(f"{' '.join(command[:3])} has failed: {answer.stderr.strip()}")
    return answer.stdout
