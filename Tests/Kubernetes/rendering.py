"""What kustomize makes of ops/kubernetes, and ways to find something in it."""

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

import yaml

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "ops" / "kubernetes"
Object = dict[str, Any]

# As an operator who has filled in secrets.env for servers elsewhere.
MANAGED_SECRETS = """\
DATABASE_URL=postgres://questline:0f3c5a@db.example.org:5432/questline?sslmode=verify-full
REDIS_URL=redis://default:77c1e0@redis.example.org:6379/0
CACHE_REDIS_URL=redis://default:77c1e0@cache.example.org:6379/0
REDIS_PASSWORD=77c1e0
QUESTLINE_JWT_SECRET=1b7d0c6f54a94c6b8f3e2d1c0b9a8776
QUESTLINE_ADMIN_PASSWORD=5e1f6a7b8c9d
QUESTLINE_PLAYER_PASSWORD=9d8c7b6a5f4e
QUESTLINE_API_KEY=ql_0123456789abcdef0123456789abcdef
"""


class Rendering:
    """One overlay or base, rendered."""

    def __init__(self, text: str):
        self.objects: list[Object] = [one for one in yaml.safe_load_all(text) if one]

    def all(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        found = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} {kind} {name}"
        return found[0]

    def stateful(self, name: str) -> Object:
        """The specification of the StatefulSet of this name, or nothing."""
        return next((one["spec"] for one in self.all("StatefulSet") if one["metadata"]["name"] == name), {})

    def pods(self) -> Iterator[tuple[str, Object]]:
        """The name of each workload, and what its pods are made from."""
        for one in self.objects:
            if one["kind"] in ("Deployment", "StatefulSet", "Job"):
                yield one["metadata"]["name"], one["spec"]["template"]

    def pod(self, name: str) -> Object:
        return dict(self.pods())[name]

    def settings(self, name: str) -> dict[str, str]:
        return self.one("ConfigMap", name).get("data", {})

    def secrets(self, name: str) -> dict[str, str]:
        return {key: base64.b64decode(value or "").decode() for key, value in self.one("Secret", name)["data"].items()}

    def environment(self, name: str) -> dict[str, str]:
        """What a container of a workload sees, as the kubelet would put it together."""
        container = self.pod(name)["spec"]["containers"][0]
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.settings(source["configMapRef"]["name"])
        for entry in container.get("env", []):
            if "value" in entry:
                found[entry["name"]] = entry["value"]
                continue
            reference = entry["valueFrom"]["secretKeyRef"]
            values = self.secrets(reference["name"])
            if reference["key"] in values or not reference.get("optional"):
                found[entry["name"]] = values[reference["key"]]
        return found


class Tree:
    """A copy of ops/kubernetes with secrets in it, so that nothing is written beside the sources."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="questline-kubernetes-"))
        self.root = self.folder / "kubernetes"
        shutil.copytree(SOURCE, self.root, ignore=shutil.ignore_patterns("secrets.env"))

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def fill(self) -> None:
        self.make_secrets()
        (self.root / "overlays" / "managed" / "secrets.env").write_text(MANAGED_SECRETS)

    def leave_empty(self) -> None:
        for overlay in ("single-node", "managed"):
            folder = self.root / "overlays" / overlay
            shutil.copy(folder / "secrets.env.example", folder / "secrets.env")

    def make_secrets(self) -> subprocess.CompletedProcess:
        command = [str(self.root / "overlays" / "single-node" / "make-secrets")]
        return subprocess.run(command, capture_output=True, text=True)

    def render(self, kubectl: Path | str, name: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(kubectl), "kustomize", str(self.root / name)], capture_output=True, text=True, timeout=120
        )
