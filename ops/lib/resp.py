"""Just enough of Redis's protocol for the scripts: one connection, answers in order."""

import socket
from typing import Iterable
from urllib.parse import urlsplit


class RedisFailure(Exception):
    """Redis refused a command."""


class Redis:
    def __init__(self, url: str, timeout: float = 60):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.command("AUTH", parts.username or "default", parts.password or "")

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def command(self, *arguments: object):
        self.socket.sendall(encoded(arguments))
        return self.answer()

    def pipeline(self, commands: Iterable[tuple]) -> list:
        commands = list(commands)
        self.socket.sendall(b"".join(map(encoded, commands)))
        return [self.answer() for _ in commands]

    def answer(self):
        row = self.reader.readline()
        if not row.endswith(b"\r\n"):
            raise ConnectionError("Redis has closed the connection")
        kind, rest = row[:1], row[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisFailure(rest.decode())
        if kind == b":":
            return int(rest)
        count = int(rest)
        if count < 0:
            return None
        if kind == b"$":
            return self.reader.read(count + 2)[:-2].decode(errors="replace")
        return [self.answer() for _ in range(count)]


def encoded(arguments: tuple) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def pairs(flat: list) -> dict:
    """An answer that lists names and values in turn."""
    return dict(zip(flat[::2], flat[1::2]))
