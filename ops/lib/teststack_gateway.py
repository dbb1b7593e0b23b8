"""What ops/test-stack sends to the gateway that nobody should."""

import http.client
import json
import secrets
import socket
import subprocess

import say
import web
from teststack_image import BASE
from teststack_stack import Stack

# Of compose.yaml's fronts: failed sign-ins of one name from one address in five minutes.
ALLOWED = 10
LARGEST = 1_048_576
# For somebody with another address, who has a shell and nothing else: tries to sign in, each time as somebody else.
ELSEWHERE = """
for number in $(seq {count}); do
  exec 3<>/dev/tcp/{host}/5173
  printf 'POST /api/v1/login/access-token HTTP/1.0\\r\\nHost: x\\r\\nX-Forwarded-For: 203.0.113.%d\\r\\n' $number >&3
  printf 'Content-Type: application/x-www-form-urlencoded\\r\\nContent-Length: {length}\\r\\n\\r\\n{form}' >&3
  read -r _ status _ <&3
  echo $status
done
"""


class Gateway:
    def __init__(self, stack: Stack):
        self.stack = stack

    def forge(self) -> str:
        """Limits count by the address that the gateway saw, whatever a client claims, and whoever reaches a front past the
        gateway counts as himself."""
        name = f"nobody-{secrets.token_hex(4)}"
        refused = [400] * ALLOWED + [429]
        here = [
            web.call(
                "POST", f"{self.stack.url}/api/v1/login/access-token",
                form={"username": name, "password": "not this one"}, headers={"X-Forwarded-For": f"203.0.113.{number}"},
            ).status for number in range(ALLOWED + 1)
        ]
        through, past = self.elsewhere("gateway", name, 1), self.elsewhere("front", f"{name}-2", ALLOWED + 1)
        if here != refused:
            raise say.Stop(f"a client that claims another address each time was answered {here}")
        if through != [400]:
            raise say.Stop(f"somebody with another address was answered {through}: fronts do not believe the gateway")
        if past != refused:
            raise say.Stop(f"somebody who goes past the gateway was answered {past}: fronts believe him")
        return "limits count by the address that the gateway saw"

    def trust(self) -> str:
        """What ends TLS before the gateway, and is named in the settings, tells who asks and how; nobody else does."""
        proxy = f"{self.stack.settings['EDGE_NETWORK']}.1"  # from where this machine comes
        self.replace({"QUESTLINE_TLS_PROXY": proxy})
        name = f"nobody-{secrets.token_hex(4)}"
        here = [
            web.call(
                "POST", f"{self.stack.url}/api/v1/login/access-token",
                form={"username": name, "password": "not this one"}, headers={"X-Forwarded-For": f"203.0.113.{number}"},
            ).status for number in range(ALLOWED + 1)
        ]
        beside = self.elsewhere("gateway", f"{name}-2", ALLOWED + 1)
        cookie = self.cookie()
        self.replace({})
        if here != [400] * (ALLOWED + 1):
            raise say.Stop(f"people behind it were answered {here}: they count as one")
        if beside != [400] * ALLOWED + [429]:
            raise say.Stop(f"somebody else with another address each time was answered {beside}")
        if not cookie.startswith("__Host-") or "; Secure" not in cookie:
            raise say.Stop(f"the pages' cookie over https is {cookie.partition('=')[0]}, or not Secure")
        return "people behind it count by themselves, and their cookies are Secure"

    def replace(self, settings: dict[str, str]) -> None:
        """Starts the gateway again with these further settings."""
        if self.stack.project.run(
            "up", "--detach", "--no-build", "--no-deps", "gateway", extra=settings, log=self.stack.log
        ) != 0:
            raise say.Stop("the gateway does not start again")
        self.stack.wait_healthy()
        self.stack.wait_fronts(2)

    def cookie(self) -> str:
        """What a page that was loaded over https is given when somebody signs in."""
        port = int(self.stack.settings["QUESTLINE_PORT"])
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request(
            "POST", "/api/v1/session", body=json.dumps({"user_name": "user", "password": "password"}),
            headers={"Content-Type": "application/json", "Host": "quests.example", "X-Forwarded-For": "203.0.113.99",
                     "X-Forwarded-Proto": "https", "Origin": "https://quests.example"})
        answer = client.getresponse()
        answer.read()
        client.close()
        return answer.getheader("Set-Cookie") or f"missing ({answer.status})"

    def elsewhere(self, host: str, name: str, count: int) -> list[int]:
        """The answers to failed sign-ins from a container of its own, beside the gateway."""
        form = f"username={name}&password=not+this+one"
        script = ELSEWHERE.format(count=count, host=host, length=len(form), form=form)
        network = f"{self.stack.project.name}_edge"
        answer = subprocess.run(
            ["docker", "run", "--rm", "--network", network, BASE, "bash", "-c", script], capture_output=True, text=True)
        if answer.returncode != 0:
            raise say.Stop(f"a container beside the gateway has failed: {answer.stderr.strip()}")
        return [int(row) for row in answer.stdout.split()]

    def too_large(self) -> str:
        """One byte too many is refused: by the gateway when it is announced, by the front when it is counted."""
        announced = self.send(f"Content-Length: {LARGEST + 1}\r\n", b"")
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        counted = self.send("Transfer-Encoding: chunked\r\n", chunk * (LARGEST // 0x8000) + b"1\r\n \r\n0\r\n\r\n")
        if (announced, counted) != (413, 413):
            raise say.Stop(f"announced it was answered with {announced}, in chunks with {counted}")
        return "413 for 1 MiB and a byte, announced or in chunks"

    def send(self, field: str, body: bytes) -> int:
        head = (
            "POST /api/v1/sign-ins HTTP/1.1\r\nHost: questline\r\nX-API-Key: questline-local-key\r\n"
            f"Content-Type: application/json\r\n{field}\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(self.stack.settings["QUESTLINE_PORT"])), timeout=10) as client:
            client.sendall(head.encode() + body)
            row = client.makefile("rb").readline()
        return int(row.split()[1]) if row else 0
