"""HTTP byte by byte: what no client library would send, and how the front bears it."""

import json
import re
import socket
import threading
import time
from typing import Callable, NamedTuple

PATIENCE = 10  # seconds for any answer
# The front gives a request 60 s and a silent connection 75 s.
LONGEST_WAIT = 90


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> str | None:
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return json.loads(self.body)["type"].rpartition(":")[2]


class Wire:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> "Wire":
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused the rest; what it said is still to be read
        return self

    def reply(self, has_body: bool = True) -> Reply | None:
        """The next answer, or nothing if the connection ends without one. Never waits longer than PATIENCE."""
        try:
            line = self.file.readline()
            if not line:
                return None
            headers = {}
            while (row := self.file.readline().strip()):
                name, _, value = row.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            size = int(headers.get("content-length", 0)) if has_body else 0
            return Reply(int(line.split()[1]), headers, self.file.read(size))
        except ConnectionResetError:
            return None

    def is_closed(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    rows = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(rows).encode("latin-1") + b"\r\n\r\n" + body


CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")
SIGN_UP = "/api/v1/users/signup"
# What is sent, and with which problems it may be answered; None is a connection that is closed without a word.
UNREADABLE: dict[str, tuple[bytes, set[str | None]]] = {
    "no HTTP at all": (b"this is not HTTP\r\n\r\n", {"malformed-request"}),
    "binary": (bytes(range(256)) * 4 + b"\r\n\r\n", {"malformed-request"}),
    "NUL in the request line": (b"GET /livez\x00 HTTP/1.1\r\nHost: x\r\n\r\n", {"malformed-request"}),
    "NUL in a header": (b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", {"malformed-request"}),
    "a header without a colon": (b"GET /livez HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", {"malformed-request"}),
    "a preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"malformed-request", "not-found", "method-not-allowed", None}),
    "a version nobody has": (b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", {"malformed-request", None}),
    "a header of 100 KB": (request("GET", "/livez", "A: " + "a" * 100_000), {"headers-too-large"}),
    "1,000 headers": (request("GET", "/livez", *(f"A{n}: b" for n in range(1_000))), {"headers-too-large"}),
    "a path of 100 KB": (request("GET", "/" + "a" * 100_000), {"headers-too-large"}),
    "a negative length": (request("POST", SIGN_UP, "Content-Length: -1"), {"malformed-request"}),
    "two lengths": (request("POST", SIGN_UP, "Content-Length: 2", "Content-Length: 3", body=b"{}"), {"malformed-request"}),
    "a length and chunks": (
        request("POST", SIGN_UP, *CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"), {"malformed-request"},
    ),
    "chunks without a size": (request("POST", SIGN_UP, *CHUNKED, body=b"zz\r\n{}\r\n"), {"malformed-request"}),
    "a chunk of 2^64 bytes": (
        request("POST", SIGN_UP, *CHUNKED, body=b"FFFFFFFFFFFFFFFFF\r\n{}\r\n"), {"malformed-request"},
    ),
    "a chunk longer than told": (request("POST", SIGN_UP, *CHUNKED, body=b"2\r\n{}{}\r\n0\r\n\r\n"), {"malformed-request"}),
}
# Paths and queries that are HTTP and nonsense: 4xx, as a problem.
NONSENSE = [
    "/api/v1/quests/name/%zz", "/api/v1/quests/name/%", "/api/v1/quests/name/%00", "/api/v1/quests/name/%ff%fe",
    "/api/v1/quests/name/" + "a" * 5_000, "/api/v1/users/%00/wallet", "/api/v1/users/..%2f../wallet", "/api/v1/../../etc/passwd",
    "/api/v1/quests?limit=%zz", "/api/v1/quests?limit=1&limit=2", "/api/v1/quests?cursor=%00", "/api/v1/quests?cursor=%ff",
    "/api/v1/quests?limit=", "/api/v1/quests?limit=+1", "/api/v1/quests?limit=1e1", "/api/v1/quests?limit=99999999999999999999",
    "/api/v1/events?error=%00", "/%", "/%2e%2e/", "//////nowhere",
]
BODIES = {
    "nothing": b"", "a member twice": b'{"user_name":"a","user_name":"b","password":"password 1"}',
    "deep nesting": b"[" * 100_000, "deep objects": b'{"a":' * 50_000, "half a character": b'{"user_name":"\\ud800"}',
    "a huge number": b'{"user_name":' + b"9" * 10_000 + b"}", "infinity": b'{"user_name":1e999}', "bad UTF-8": b'{"user_name":"\xff"}',
    "NUL in a name": b'{"user_name":"a\\u0000b","password":"password 1"}', "NUL in a password": b'{"user_name":"nul","password":"pass\\u0000word"}',
    "no object": b"5", "a byte order mark": b"\xef\xbb\xbf{}", "UTF-16": '{"user_name":"a"}'.encode("utf-16"),
}


def check(base: str, document: dict) -> tuple[list[str], int]:
    """Sends everything above. Returns what was wrong, and how much was sent."""
    port = int(base.rpartition(":")[2])
    faults: list[str] = []
    sent = 0

    def case(name: str, work: Callable[[], str | None]) -> None:
        nonlocal sent
        sent += 1
        try:
            fault = work()
        except TimeoutError:
            fault = f"no answer and no end within {PATIENCE} s"
        if fault:
            faults.append(f"{name}: {fault}")

    for name, (data, allowed) in UNREADABLE.items():
        case(name, lambda: unreadable(port, data, allowed))
    for path in NONSENSE:
        case(f"GET {path[:60]}", lambda: refused(port, request("GET", path)))
    for name, body in BODIES.items():
        length = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        case(f"a body of {name}", lambda: refused(port, request("POST", SIGN_UP, *length, body=body), {400, 422}))
    for path in document["paths"]:
        concrete = re.sub(r"\{[^}]*\}", "me", path)
        case(f"OPTIONS {path}", lambda: options(port, concrete, document["paths"][path]))
        if "get" in document["paths"][path]:
            case(f"HEAD {path}", lambda: head(port, concrete))
            case(f"GET {path} with a body", lambda: body_on_get(port, concrete))
    case("50 requests at once", lambda: pipelined(port))
    case("a good request, then no HTTP", lambda: good_then_bad(port))
    case("a body that breaks off", lambda: breaks_off(port))
    case("HTTP/1.0", lambda: ends(port, b"GET /livez HTTP/1.0\r\n\r\n"))
    case("Connection: Close", lambda: ends(port, request("GET", "/livez", "Connection: Close")))
    case("Expect: 100-continue", lambda: expect(port))
    case("Expect: 100-continue with too much to come", lambda: expect_too_much(port))
    case("a body of 2 MB in chunks", lambda: too_large(port))
    case("a body of 1 MiB", lambda: of_size(port, 1 << 20, 422))
    case("a body of 1 MiB and a byte", lambda: of_size(port, (1 << 20) + 1, 413))
    case("an absolute URI", lambda: ends(port, request("GET", "http://x/livez", "Connection: close")))
    case("answers that nobody reads", lambda: unread(port))
    case("is it alive", lambda: None if one(port, request("GET", "/livez")).status == 200 else "no")
    return faults, sent


def one(port: int, data: bytes) -> Reply | None:
    with Wire(port) as wire:
        return wire.send(data).reply()


def unreadable(port: int, data: bytes, allowed: set[str | None]) -> str | None:
    with Wire(port) as wire:
        reply = wire.send(data).reply()
        if (reply.problem if reply else None) not in allowed:
            return f"answered {reply}"
        if reply and not {"x-request-id", "date", "x-content-type-options"} <= reply.headers.keys():
            return f"there is no request id, date or security header: {reply}"
        return None if wire.is_closed() else "the connection stays open"


def refused(port: int, data: bytes, statuses: set[int] | None = None) -> str | None:
    reply = one(port, data)
    good = reply and reply.problem and (reply.status in statuses if statuses else 400 <= reply.status < 500)
    return None if good else f"answered {reply}"


def options(port: int, path: str, described: dict) -> str | None:
    reply = one(port, request("OPTIONS", path))
    methods = {name.upper() for name in described} & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    allowed = set(reply.headers.get("allow", "").split(", ")) if reply else set()
    expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return None if reply and reply.status == 204 and allowed == expected else f"answered {reply}"


def head(port: int, path: str) -> str | None:
    with Wire(port) as wire:
        reply = wire.send(request("HEAD", path)).reply(has_body=False)
        # The next answer on the same connection comes right after the headers only if there was no body.
        after = wire.send(request("GET", "/livez")).reply()
    plain = one(port, request("GET", path))
    if not reply or not after or after.body != b"ok\n":
        return f"{reply}, then {after}"
    return None if reply.status == plain.status else f"{reply.status}, and GET answers {plain.status}"


def body_on_get(port: int, path: str) -> str | None:
    with Wire(port) as wire:
        reply = wire.send(request("GET", path, "Content-Length: 7", body=b"ignored")).reply()
        after = wire.send(request("GET", "/livez")).reply()
    plain = one(port, request("GET", path))
    if not after or after.body != b"ok\n":
        return f"{reply}, then {after}"
    return None if reply.status == plain.status else f"{reply.status}, and without a body {plain.status}"


def pipelined(port: int) -> str | None:
    paths = ["/livez", "/api/v1/nowhere", "/api/v1/utils/health-check"] * 17
    with Wire(port) as wire:
        wire.send(b"".join(request("GET", path, f"X-Request-Id: n{n}") for n, path in enumerate(paths)))
        ids = [reply.headers["x-request-id"] if (reply := wire.reply()) else None for _ in paths]
    return None if ids == [f"n{n}" for n in range(len(paths))] else f"answered {ids}"


def good_then_bad(port: int) -> str | None:
    with Wire(port) as wire:
        wire.send(request("GET", "/livez") + b"garbage\r\n\r\n")
        first, second = wire.reply(), wire.reply()
        good = first and first.status == 200 and (second is None or second.problem == "malformed-request")
        return None if good and wire.is_closed() else f"answered {first}, then {second}"


def breaks_off(port: int) -> str | None:
    with Wire(port) as wire:
        wire.send(request("POST", SIGN_UP, "Content-Type: application/json", "Content-Length: 100", body=b'{"user_'))
        wire.socket.shutdown(socket.SHUT_WR)
        reply = wire.reply()
        return None if reply is None or reply.status == 400 else f"answered {reply}"


def ends(port: int, data: bytes) -> str | None:
    with Wire(port) as wire:
        reply = wire.send(data).reply()
        if not reply or reply.status != 200:
            return f"answered {reply}"
        return None if wire.is_closed() else "the connection stays open"


def expect(port: int) -> str | None:
    body = b"{}"
    headers = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
    with Wire(port) as wire:
        first = wire.send(request("POST", SIGN_UP, *headers)).reply()
        second = wire.send(body).reply()
    good = first and first.status == 100 and second and second.status == 422
    return None if good else f"answered {first}, then {second}"


def expect_too_much(port: int) -> str | None:
    headers = ("Content-Type: application/json", "Content-Length: 9999999", "Expect: 100-continue")
    reply = one(port, request("POST", SIGN_UP, *headers))
    return None if reply and reply.status == 413 else f"answered {reply}"


def too_large(port: int) -> str | None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    reply = one(port, request("POST", SIGN_UP, *CHUNKED) + chunk * 32 + b"0\r\n\r\n")
    # The connection may also end while it is still being sent to.
    return None if reply is None or reply.status == 413 else f"answered {reply}"


def of_size(port: int, size: int, status: int) -> str | None:
    body = b'{"user_name":"a"' + b" " * (size - 17) + b"}"
    reply = one(port, request("POST", SIGN_UP, "Content-Type: application/json", f"Content-Length: {size}", body=body))
    return None if reply and reply.status == status else f"answered {reply}"


def unread(port: int) -> str | None:
    """The front must stop reading from somebody who asks on and on and takes no answer."""
    many = request("GET", "/openapi.json") * 100
    with Wire(port) as wire:
        wire.socket.settimeout(1)
        for sent in range(1_000):
            try:
                wire.socket.sendall(many)
            except TimeoutError:
                return None
    return f"it has taken {100 * sent} requests"


class Slow:
    """Connections that send a byte now and then, beside everything else: the front must end them all."""

    COUNT = 30

    def __init__(self, base: str):
        self.port = int(base.rpartition(":")[2])
        self.open: dict[str, int] = {}
        self.longest = 0.0
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.send()
        except Exception as error:  # noqa: BLE001 - a thread that dies must not pass for a front that ends connections
            self.error = error

    def send(self) -> None:
        long_body = request("POST", SIGN_UP, "Content-Type: application/json", "Content-Length: 1000")
        kinds = {"half a request line": b"GET /li", "half of its headers": b"GET /livez HTTP/1.1\r\nHost: x\r\n", "half of its body": long_body}
        lines = []
        for kind, beginning in kinds.items():
            for _ in range(self.COUNT):
                line = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                line.sendall(beginning)
                line.setblocking(False)
                lines.append((kind, line))
        began = time.monotonic()
        while lines and time.monotonic() < began + LONGEST_WAIT:
            time.sleep(1)
            lines = [(kind, line) for kind, line in lines if not self.has_ended(line)]
            self.longest = time.monotonic() - began
        for kind, line in lines:
            self.open[kind] = self.open.get(kind, 0) + 1
            line.close()

    @staticmethod
    def has_ended(line: socket.socket) -> bool:
        try:
            while line.recv(4_096):
                pass
        except BlockingIOError:
            pass
        except OSError:
            return True
        else:
            return True
        try:
            line.send(b"a")
        except BlockingIOError:
            pass
        except OSError:
            return True
        return False

    def fault(self) -> str | None:
        self.thread.join(LONGEST_WAIT + 10)
        if self.error or self.thread.is_alive():
            return f"not looked at to the end: {self.error or 'it hangs'}"
        return f"still open after {LONGEST_WAIT} s: {self.open}" if self.open else None
