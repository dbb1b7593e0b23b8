"""Password sign-ins through the front, at 16 and at 64 clients, against what the machine can hash on all of its cores at once
(cores divided by the time of a hash, measured before and after the front by the same library and nothing around it).

Meanwhile /livez is asked every 25 ms, each time on a new connection, and so is a bare Hummingbird route in a process of its
own, which says how long a process waits for a core on so busy a machine. Sign-ins that fail or hang are counted.
"""

import argparse
import socket
import threading
import time
import urllib.parse

import bench_drain
import bench_hash
import bench_wrk
import say
import web
from bench_figures import Figure, Result, quantile
from bench_options import positive
from bench_stage import Stage
from bench_timing import UNLIMITED
from bench_wrk import Run

TITLE = "Sign-ins by password"
CLIENTS = (16, 64)


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=positive, default=5, help="how long each time (5)")
    parser.add_argument("--accounts", type=positive, default=512, help="people who sign in in turn (512)")


def measure(options: argparse.Namespace, stage: Stage) -> Result:
    add_accounts(stage, options.accounts)
    base, probe = stage.start_front(**UNLIMITED)
    bare = stage.start_floor(b"alive")
    script = bench_wrk.posts("passwords", {"Content-Type": "application/x-www-form-urlencoded"}, [
        urllib.parse.urlencode({"username": f"bench {number}", "password": "password"})
        for number in range(1, options.accounts + 1)
    ])
    front = stage.fleet.members["front"]
    url = f"{base}/api/v1/login/access-token"
    bench_wrk.run(front, url, CLIENTS[0], 1, script)
    alone: list[float] = []
    floors: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    runs: dict[int, list[Run]] = {clients: [] for clients in CLIENTS}
    lives: dict[int, list[list[float]]] = {clients: [] for clients in CLIENTS}
    bares: dict[int, list[list[float]]] = {clients: [] for clients in CLIENTS}
    for pair in range(options.pairs):
        alone.append(bench_hash.per_second(1, options.seconds / 4))
        for clients in CLIENTS:
            # Half before and half after: a machine that others use as well changes its speed within seconds.
            before = bench_hash.per_second(bench_hash.cores(), options.seconds / 4)
            with Sampler(f"{probe}/livez", bare) as sampler:
                runs[clients].append(bench_wrk.run(front, url, clients, options.seconds, script, may_fail=True))
            let_end(url)
            floors[clients].append((before + bench_hash.per_second(bench_hash.cores(), options.seconds / 4)) / 2)
            lives[clients].append(sampler.first)
            bares[clients].append(sampler.second)
        say.line(
            f"  pair {pair + 1}: " + "   ".join(
                f"hashes {floors[clients][-1]:5.1f}/s, {clients} clients {runs[clients][-1].per_second:5.1f} sign-ins/s, "
                f"/livez p99 {quantile(lives[clients][-1], 0.99):5.1f} ms" for clients in CLIENTS)
        )
    with bench_drain.running(stage, 1, {}):
        stage.verify(wait=120)
    what = (
        f"`POST /login/access-token` of {options.accounts} people, {options.seconds} s each, {options.pairs} pairs, against "
        f"Argon2id hashes on {bench_hash.cores()} cores at once; /livez on a connection of its own each time, against a "
        "bare route in another process asked in turn with it."
    )
    figures = [Figure("sign-in.hash", "hashes on all cores at once, on one alone times the cores", "hashes/s",
                      floors[CLIENTS[0]], [rate * bench_hash.cores() for rate in alone])]
    for clients in CLIENTS:
        figures += told(clients, runs[clients], floors[clients], lives[clients], bares[clients])
    return Result("sign-in", TITLE, what, figures)


def told(
    clients: int, runs: list[Run], floors: list[float], lives: list[list[float]], bares: list[list[float]]
) -> list[Figure]:
    a = f"{clients} clients"
    key = f"sign-in.{clients}"
    return [
        Figure(key, a, "sign-ins/s", [run.per_second for run in runs], floors),
        Figure(f"{key}.failed", f"{a}: failed or hung", "sign-ins", [float(run.failed) for run in runs]),
        Figure(f"{key}.cpu", f"{a}: processor time of the front", "ms/sign-in", [run.microseconds / 1e3 for run in runs]),
        *(Figure(f"{key}.livez.p{part * 100:g}", f"{a}: /livez, p{part * 100:g}", "ms",
                 [quantile(times, part) for times in lives], [quantile(times, part) for times in bares])
          for part in (0.5, 0.99)),
    ]


def add_accounts(stage: Stage, count: int) -> None:
    """People with the password of the seeded one, who have signed in before."""
    stage.sql(f"""
        INSERT INTO auth.users (user_id, user_name, password_hash, status, first_sign_in_at)
        SELECT gen_random_uuid(), 'bench ' || n, u.password_hash, 1, now()
        FROM auth.users u, generate_series(1, {count}) AS n WHERE u.user_name = 'user'
    """, stage.template)


def let_end(url: str) -> None:
    """Returns when nothing is hashed any more of what the clients have left behind: each waits for its turn."""
    answer = web.call("POST", url, form={"username": "bench 1", "password": "password"})
    if answer.status != 200:
        raise say.Stop(f"The front answered {answer.status}: {answer.body}")


class Sampler:
    """Asks two URLs in turn every 25 ms for as long as the block lasts; milliseconds of each answer."""

    def __init__(self, first: str, second: str):
        self.first: list[float] = []
        self.second: list[float] = []
        self.asked = ((urllib.parse.urlsplit(first), self.first), (urllib.parse.urlsplit(second), self.second))
        self.over = threading.Event()
        self.failure: OSError | None = None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Sampler":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        if self.failure or not self.first or not self.second:
            raise say.Stop(f"/livez or the bare route has not answered: {self.failure}")

    def run(self) -> None:
        try:
            while not self.over.wait(0.025):
                for url, times in self.asked:
                    began = time.perf_counter()
                    ask(url)
                    times.append(1000 * (time.perf_counter() - began))
        except OSError as failure:
            self.failure = failure


def ask(url: urllib.parse.SplitResult) -> None:
    with socket.create_connection((url.hostname, url.port), timeout=10) as client:
        client.sendall(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = client.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"{url.path} answered {answer[:80]!r}")
