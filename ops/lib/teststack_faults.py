"""What ops/test-stack breaks, under load, and what must not be seen of it."""

import threading
import time
import uuid

import say
import web
from compose import Container, checked
from teststack_load import Load
from teststack_stack import API_KEY, Stack, until

RATE = 50  # requests per second
BEFORE, AFTER = 4, 6  # seconds of load
GRACE = 20  # seconds, as compose.yaml gives our containers
SIGN_INS, GROUP = "quest:signins", "progress"
PAGE = 1_000


class Faults:
    def __init__(self, stack: Stack):
        self.stack = stack

    def stop_front(self) -> str:
        """`docker stop` of one of two fronts fails no request."""
        front = self.stack.project.the("front")
        with Load(self.stack.url, API_KEY, RATE) as load:
            time.sleep(BEFORE)
            began = time.monotonic()
            checked(["docker", "stop", "--time", str(GRACE), front.id])
            took = time.monotonic() - began
            time.sleep(AFTER)
        code = front.inspect()["State"]["ExitCode"]
        self.come_back(front)
        if code != 0:
            raise say.Stop(f"the front has ended with {code} after {took:.1f} s")
        return f"{self.judged(load)}; the front ended after {took:.1f} s"

    def kill_front(self) -> str:
        """SIGKILL of one of two fronts fails no read, for reads are sent again."""
        front = self.stack.project.the("front")
        with Load(self.stack.url, API_KEY, RATE, reads_only=True) as load:
            time.sleep(BEFORE)
            front.signal("KILL")
            time.sleep(AFTER)
        self.come_back(front)
        return self.judged(load)

    def judged(self, load: Load) -> str:
        self.stack.accepted += load.tally.accepted
        words = f"{load.tally.sent} requests, {load.rate:.0f}/s, {len(load.tally.failed)} failed"
        if load.tally.failed:
            raise say.Stop(f"{words}: {load.tally.failed[0]}")
        if load.rate < RATE * 0.9:
            raise say.Stop(f"{words}: the load was too small to tell")
        return f"{words}, the slowest took {load.tally.slowest:.1f} s"

    def come_back(self, container: Container) -> None:
        checked(["docker", "start", container.id])
        self.stack.wait_healthy()
        self.stack.wait_fronts(2)

    def kill_worker(self) -> str:
        """SIGKILL of a worker that has entries in hand: the others take them over, and count each once."""
        ending = threading.Event()
        senders = [threading.Thread(target=self.fill, args=(ending,), daemon=True) for _ in range(4)]
        for sender in senders:
            sender.start()
        try:
            worker, held = self.catch()
        finally:
            ending.set()
            for sender in senders:
                sender.join(30)
        worker.signal("KILL")
        began = time.monotonic()
        until(lambda: self.held(worker) == 0, lambda: f"{self.held(worker)} entries are still pending for {worker.name}")
        took = time.monotonic() - began
        proved = self.stack.proved()
        checked(["docker", "start", worker.id])
        self.stack.wait_healthy()
        return f"{held} entries taken over within {took:.0f} s; {proved}"

    def fill(self, ending: threading.Event) -> None:
        """Reports sign-ins, a thousand at a time, until told to end."""
        while not ending.is_set():
            events = [{"event_id": str(uuid.uuid4()), "user_id": str(uuid.uuid4())} for _ in range(PAGE)]
            answer = web.call(
                "POST", f"{self.stack.url}/api/v1/sign-ins", json_body=events, headers={"X-API-Key": API_KEY})
            if answer.status == 202:
                self.stack.accepted += answer.body["event_ids"]

    def catch(self) -> tuple[Container, int]:
        """A worker, stopped while it has entries in hand, and how many."""
        workers = self.stack.project.containers("worker")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for worker in workers:
                if self.held(worker):
                    worker.signal("STOP")
                    time.sleep(0.2)  # what it had sent before arrives
                    if held := self.held(worker):
                        return worker, held
                    worker.signal("CONT")
        raise say.Stop("no worker was met with entries in hand")

    def held(self, worker: Container) -> int:
        """How many entries are pending for a worker, whose consumer is named after its host."""
        with self.stack.streams() as redis:
            consumers = redis.command("XPENDING", SIGN_INS, GROUP)[3] or []
        return sum(int(count) for name, count in consumers if name.startswith(worker.id[:12]))

    def restart_redis(self) -> str:
        """Sign-ins are accepted while the streams are away, and nothing is lost."""
        redis = self.stack.project.the("redis")
        with Load(self.stack.url, API_KEY, RATE) as load:
            time.sleep(BEFORE)
            began = time.monotonic()
            checked(["docker", "stop", "--time", "30", redis.id])
            time.sleep(2)
            checked(["docker", "start", redis.id])
            until(lambda: redis.condition() == "healthy", lambda: f"redis is {redis.condition()}")
            away = time.monotonic() - began
            time.sleep(AFTER)
        words = self.judged(load)
        self.stack.wait_healthy()
        return f"{words}; Redis was away for {away:.0f} s; {self.stack.proved()}"
