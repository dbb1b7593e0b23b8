"""A private installation to be called: servers, a worker and a front with cheap passwords and high limits."""

import os
import secrets
import time
import uuid
from pathlib import Path

import processes
import say
import servers
import stack
import web
from fleet import Fleet

PLAYER, PASSWORD = "player", "a password of a player"
# 429 would hide everything else; that it comes is tested in Tests/Front.
SETTINGS = {
    "QUESTLINE_HASH_MEMORY_KIB": "64", "QUESTLINE_HASH_PASSES": "1", "QUESTLINE_SIGN_UPS_PER_HOUR": "1000000",
    "QUESTLINE_FAILED_SIGN_INS_PER_NAME": "1000000", "QUESTLINE_FAILED_SIGN_INS_PER_ADDRESS": "1000000",
    "QUESTLINE_FAILED_SIGN_INS_PER_NAME_AND_ADDRESS": "1000000",
    "QUESTLINE_ENV": "local", "QUESTLINE_LOG": "text", "QUESTLINE_PROBE_HOST": "127.0.0.1",
}


class Installation:
    def __init__(self, fleet: Fleet, programs: Path):
        self.fleet, self.programs = fleet, programs
        self.key, self.admin_password = secrets.token_hex(24), secrets.token_hex(12)

    def start(self) -> None:
        kept = stack.kept_secrets(self.fleet.folder)
        redis = servers.start_redis(self.fleet, "redis", "streams.conf", kept["REDIS_PASSWORD"])
        cache = servers.start_redis(self.fleet, "cache", "cache.conf", kept["REDIS_PASSWORD"])
        self.database = servers.start_postgres(self.fleet, kept["POSTGRES_PASSWORD"])
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("QUESTLINE_", "REDIS_", "DATABASE_"))
        }
        self.environment = inherited | SETTINGS | {
            "DATABASE_URL": self.database, "REDIS_URL": redis, "CACHE_REDIS_URL": cache,
            "QUESTLINE_API_KEY": self.key, "QUESTLINE_ADMIN_PASSWORD": self.admin_password,
            "QUESTLINE_PLAYER_USER": PLAYER, "QUESTLINE_PLAYER_PASSWORD": PASSWORD,
            "QUESTLINE_JWT_SECRET": kept["QUESTLINE_JWT_SECRET"],
        }
        self.ask("migrate")
        port = servers.new_port(self.fleet, "front")
        self.base = f"http://127.0.0.1:{port}"
        self.fleet.start(
            "front", [str(self.programs / "questline-front")],
            environment=self.environment | {"QUESTLINE_HOST": "127.0.0.1", "QUESTLINE_PORT": str(port)},
        )
        self.fleet.start("worker", [str(self.programs / "questline-worker"), "run"], environment=self.environment)
        self.fleet.wait_until("front", lambda: web.is_ready(self.base))

    def ask(self, *command: str) -> None:
        """Runs a command of the worker in front of the person."""
        code = processes.run([str(self.programs / "questline-worker"), *command], environment=self.environment)
        if code != 0:
            raise say.Stop(f"questline-worker {' '.join(command)} ended with {code}.")

    def token(self, name: str, password: str) -> str:
        answer = web.call(
            "POST", f"{self.base}/api/v1/login/access-token", form={"username": name, "password": password}
        )
        if answer.status != 200:
            raise say.Stop(f"{name} cannot sign in: {answer.status} {answer.body}")
        return answer.body["access_token"]

    def player_token(self) -> str:
        return self.token(PLAYER, PASSWORD)

    def admin_token(self) -> str:
        return self.token("admin", self.admin_password)

    def fill(self) -> None:
        """Something to be found: the player's progress, a claim and a wallet, and somebody known by id only."""
        for _ in range(8):
            token = self.player_token()
        me = web.call("GET", f"{self.base}/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
        user, url = me.body["user_id"], f"{self.base}/api/v1/users/{me.body['user_id']}/claims"
        key = {"X-API-Key": self.key}
        stranger = {"user_id": str(uuid.uuid4())}
        web.call("POST", f"{self.base}/api/v1/sign-ins", json_body=[stranger] * 6, headers=key)
        until = time.monotonic() + 30
        while True:
            claims = web.call("GET", url, headers=key).body["data"]
            if len(claims) == 2:
                break
            if time.monotonic() > until:
                raise say.Stop("The worker has not made the player's claims.")
            time.sleep(0.1)
        web.call("POST", f"{url}/{claims[0]['claim_id']}/claim", headers=key)
        self.player_id = user

    def resident_mb(self) -> float:
        pid = self.fleet.members["front"].pid
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
