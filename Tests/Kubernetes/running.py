"""The executables started with exactly what their containers would see."""

import os
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import tools
from case import OURS, OVERLAYS, Case
from rendering import Rendering, Tree

PATIENCE = 30
BUILT = os.environ.get("QUESTLINE_TEST_BIN")
PROGRAMS = {"front": ["questline-front"], "worker": ["questline-worker", "run"], "migrate": ["questline-worker", "migrate"]}


def start(name: str, environment: dict[str, str], until: str = "") -> tuple[int | None, str]:
    """The exit code, None for one that goes on, and what it said, at the latest when it has said `until`. It listens elsewhere,
    for this machine is no container."""
    own = {"QUESTLINE_PORT": "0", "QUESTLINE_PROBE_PORT": "0", "QUESTLINE_HOST": "127.0.0.1", "QUESTLINE_PROBE_HOST": "127.0.0.1"}
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            [str(Path(BUILT) / PROGRAMS[name][0]), *PROGRAMS[name][1:]], env={"PATH": "/usr/bin:/bin"} | environment | own,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )
        end, said = time.monotonic() + PATIENCE, False
        try:
            while (code := child.poll()) is None and not said and time.monotonic() < end:
                time.sleep(0.05)
                said = until != "" and until.encode() in os.pread(output.fileno(), 1 << 20, 0)
        finally:
            child.kill()
            child.wait()
        return code, os.pread(output.fileno(), 1 << 20, 0).decode(errors="replace")


@unittest.skipUnless(BUILT, "the executables were not built: ops/test does that")
class RunningTests(Case):
    def test_the_settings_are_taken(self) -> None:
        """There are no such servers here, so whoever has read its settings waits for Postgres, and says so."""
        for _, rendering in self.each():
            for name in OURS:
                environment = rendering.environment(name)
                environment["DATABASE_URL"] = "postgres://questline:0f3c5a@127.0.0.1:9/questline"
                code, output = start(name, environment, until="Postgres is away")
                self.assertIsNone(code, f"{name}: {output}")
                self.assertIn("Postgres is away", output, name)

    def test_with_empty_secrets_nothing_starts(self) -> None:
        tree = Tree()
        self.addCleanup(tree.remove)
        tree.leave_empty()
        expected = {
            "front": ("DATABASE_URL", "REDIS_URL", "QUESTLINE_JWT_SECRET"), "worker": ("DATABASE_URL", "REDIS_URL"),
            "migrate": ("DATABASE_URL", "QUESTLINE_ADMIN_PASSWORD", "QUESTLINE_PLAYER_PASSWORD"),
        }
        for overlay in OVERLAYS:
            rendering = Rendering(tree.render(tools.kubectl(), f"overlays/{overlay}").stdout)
            for name in OURS:
                code, output = start(name, rendering.environment(name))
                self.assertEqual(code, 64, f"{name}: {output}")
                for setting in expected[name]:
                    self.assertIn(f"wrong setting: {setting} ", output, name)

    def test_secrets_are_made_once_and_for_their_owner_only(self) -> None:
        tree = Tree()
        self.addCleanup(tree.remove)
        self.assertEqual(tree.make_secrets().returncode, 0)
        file = tree.root / "overlays" / "single-node" / "secrets.env"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        first = file.read_text()
        values = dict(row.split("=", 1) for row in first.splitlines())
        example = (file.parent / "secrets.env.example").read_text()
        self.assertEqual(set(values), {row[:-1] for row in example.splitlines() if not row.startswith("#")})
        self.assertGreaterEqual(min(len(values[name]) for name in values if name.startswith("QUESTLINE_")), 32)
        again = tree.make_secrets()
        self.assertEqual((again.returncode, file.read_text()), (1, first))
        self.assertIn("left as it is", again.stderr)
