"""ops/up and ops/down as a person uses them, on debug executables and a stack folder of its own."""

import http.server
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 300
# Anonymous memory of a front and of a worker with nothing to do.
MOST_IDLE_KB = 15_000_000 // 1024
# ops/test has built the executables; without it they are built here.
BUILT = os.environ.get("QUESTLINE_TEST_BIN")
EXECUTABLES = ("--bin", BUILT) if BUILT else ("--debug",)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A stack folder, its port, and the two commands."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="questline-ops-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("QUESTLINE_", "REDIS_", "DATABASE_"))
        } | {"QUESTLINE_STACK": str(self.folder)}

    def command(self, name: str, *options: str) -> list[str]:
        return [str(PROJECT / "ops" / name), *options]

    def up(self, *options: str) -> subprocess.CompletedProcess:
        return self.run(self.command("up", *EXECUTABLES, "--port", str(self.port), *options))

    def down(self, *options: str) -> subprocess.CompletedProcess:
        return self.run(self.command("down", *options))

    def run(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, cwd=PROJECT, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE,
        )

    def pids(self) -> dict[str, int]:
        return {path.stem: int(path.read_text()) for path in (self.folder / "pids").glob("*.pid")}

    def remove(self) -> None:
        self.down("--erase")
        shutil.rmtree(self.folder)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class DetachedTests(unittest.TestCase):
    """One detached start with the demo, looked at from all sides."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.remove)
        cls.first = cls.stack.up("--demo", "--detach", "--workers", "2")

    def setUp(self) -> None:
        self.assertEqual(self.first.returncode, 0, self.first.stdout + self.first.stderr)

    def test_the_demo_is_the_example(self) -> None:
        self.assertEqual(len(re.findall(r" NewUserSignIn ", self.first.stdout)), 1)
        self.assertEqual(len(re.findall(r" UserSignIn +\d +\d", self.first.stdout)), 7 + 8)
        self.assertEqual(len(re.findall(r" QuestCompleted ", self.first.stdout)), 2 + 2)
        self.assertIn("Exactly the example", self.first.stdout)

    def test_what_scripts_need_is_there(self) -> None:
        folder = self.stack.folder
        self.assertEqual(set(self.stack.pids()), {"redis", "cache", "postgres", "worker-1", "worker-2", "front"})
        self.assertTrue(all(map(is_alive, self.stack.pids().values())))
        for name in ("env", "secrets.json"):
            self.assertEqual(stat.S_IMODE((folder / name).stat().st_mode), 0o600, name)
        rows = (folder / "env").read_text().splitlines()
        names = [re.fullmatch(r"export ([A-Z_]+)='[^']+'", row).group(1) for row in rows]
        self.assertEqual(set(names), {
            "QUESTLINE_URL", "DATABASE_URL", "REDIS_URL", "CACHE_REDIS_URL", "QUESTLINE_API_KEY",
            "QUESTLINE_ADMIN_USER", "QUESTLINE_ADMIN_PASSWORD", "QUESTLINE_JWT_SECRET",
        })
        for name in ("questline-front", "questline-worker"):
            self.assertTrue(os.access(folder / "bin" / name, os.X_OK), name)

    def test_no_secret_stands_on_a_command_line(self) -> None:
        secrets = re.findall(r'": "([0-9a-f]{16,})"', (self.stack.folder / "secrets.json").read_text())
        self.assertGreaterEqual(len(secrets), 5)
        for name, pid in self.stack.pids().items():
            line = Path(f"/proc/{pid}/cmdline").read_text()
            self.assertFalse([secret for secret in secrets if secret in line], name)

    def test_the_lines_work_when_pasted(self) -> None:
        after = self.first.stdout.partition("To paste:\n")[2]
        page, sign_in, stream, events, verify = (row.strip() for row in after.splitlines()[:5])
        for line, expected in (
            (f"curl -sS {page}", "<html"), (sign_in, "access_token"), (stream, "NewUserSignIn"),
            (events, "QuestCompleted"), (verify, "no difference"),
        ):
            answer = self.stack.run(["bash", "-c", line])
            self.assertEqual(answer.returncode, 0, f"{line}\n{answer.stderr}")
            self.assertIn(expected, answer.stdout, line)

    def test_the_servers_are_as_durable_as_promised(self) -> None:
        def ask(line: str) -> str:
            return self.stack.run(["bash", "-c", f". {self.stack.folder}/env; {line}"]).stdout.split()[-1]

        redis = "redis-cli --no-auth-warning -u"
        self.assertEqual(ask(f'{redis} "$REDIS_URL" CONFIG GET appendfsync'), "always")
        self.assertEqual(ask(f'{redis} "$REDIS_URL" CONFIG GET maxmemory-policy'), "noeviction")
        self.assertEqual(ask(f'{redis} "$CACHE_REDIS_URL" CONFIG GET maxmemory-policy'), "allkeys-lru")
        self.assertEqual(ask(f'{redis} "$CACHE_REDIS_URL" CONFIG GET appendonly'), "no")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.assertEqual(ask(f'psql "$DATABASE_URL" -Atc "SHOW {setting}"'), "on")

    def test_idle_processes_are_small(self) -> None:
        """After the demo, which has loaded and used everything; the heap is trimmed every ten seconds."""
        until = time.monotonic() + 60
        for name, pid in self.stack.pids().items():
            while name == "front" or name.startswith("worker"):
                anonymous = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
                if int(anonymous.group(1)) < MOST_IDLE_KB:
                    break
                self.assertLess(time.monotonic(), until, f"{name}: {anonymous.group(0)}")
                time.sleep(0.5)

    def test_a_second_start_says_so_and_changes_nothing(self) -> None:
        before = self.stack.pids()
        second = self.stack.up()
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"already running at http://127.0.0.1:{self.stack.port}", second.stderr)
        self.assertIn("ops/down", second.stderr)
        self.assertEqual(self.stack.pids(), before)


class StartAndStopTests(unittest.TestCase):
    def setUp(self) -> None:
        self.stack = Stack()
        self.addCleanup(self.stack.remove)

    def test_ctrl_c_stops_everything_and_the_next_start_finds_its_data(self) -> None:
        pids = self.in_front(signal.SIGINT, 130)
        self.assertFalse([name for name, pid in pids.items() if is_alive(pid)])
        self.assertEqual(self.stack.pids(), {})
        kept = (self.stack.folder / "env").read_text()
        again = self.stack.up("--detach")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual((self.stack.folder / "env").read_text(), kept)

    def test_a_second_start_names_what_has_ended(self) -> None:
        self.assertEqual(self.stack.up("--detach").returncode, 0)
        worker = self.stack.pids()["worker-1"]
        os.kill(worker, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while is_alive(worker):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        second = self.stack.up()
        self.assertEqual(second.returncode, 1)
        self.assertIn("worker-1 has ended", second.stderr)

    def test_down_stops_a_start_in_another_terminal(self) -> None:
        self.in_front(None, 143)
        self.assertIn("Nothing is running", self.stack.down().stdout)

    def in_front(self, number: signal.Signals | None, expected: int) -> dict[str, int]:
        """Starts in front, waits until everything runs, and ends it by a signal or, without one, by ops/down."""
        log = self.stack.folder / "up.log"
        with log.open("w") as output:
            child = subprocess.Popen(
                self.stack.command("up", *EXECUTABLES, "--port", str(self.stack.port)), cwd=PROJECT,
                env=self.stack.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )
        try:
            until = time.monotonic() + PATIENCE
            while "Following the logs" not in log.read_text():
                self.assertIsNone(child.poll(), log.read_text())
                self.assertLess(time.monotonic(), until, log.read_text())
                time.sleep(0.05)
            pids = self.stack.pids()
            self.assertEqual(set(pids), {"redis", "cache", "postgres", "worker-1", "front"})
            if number:
                child.send_signal(number)
            else:
                self.assertEqual(self.stack.down().returncode, 0)
            self.assertEqual(child.wait(60), expected, log.read_text())
            return pids
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(60)

    def test_a_taken_port_is_named_with_the_option(self) -> None:
        server = http.server.HTTPServer(("127.0.0.1", self.stack.port), http.server.BaseHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            answer = self.stack.up()
        finally:
            server.shutdown()
            server.server_close()
        self.assertEqual(answer.returncode, 1)
        self.assertIn(f"Port {self.stack.port} is taken by python3", answer.stderr)
        self.assertIn("ops/up --port", answer.stderr)
        self.assertEqual(self.stack.pids(), {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
