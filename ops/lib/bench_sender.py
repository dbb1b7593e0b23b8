"""Sends requests at a steady rate, in a process of its own: what it does must not wait for whoever measures.

Reads JSON on standard input (host, port, head, bodies, rate in requests a second, connections, began: when the first is due
on the monotonic clock, in nanoseconds) and prints JSON: for each request when it was due, sent and answered.
"""

import json
import select
import socket
import sys
import time


class Line:
    """One connection, on which one request at a time is under way."""

    def __init__(self, address: tuple[str, int]):
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = 0
        self.received = b""

    def is_answered(self) -> bool:
        """Takes what has arrived. True with the last byte of an answer, which must be a 202."""
        piece = self.socket.recv(65_536)
        if not piece:
            raise SystemExit("The front has closed a connection.")
        self.received += piece
        head, blank, rest = self.received.partition(b"\r\n\r\n")
        if not blank:
            return False
        if not head.startswith(b"HTTP/1.1 202 "):
            raise SystemExit(f"The front answered {self.received.decode(errors='replace')}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return False
        self.received = b""
        return True


def main() -> None:
    plan = json.load(sys.stdin)
    bodies = [body.encode() for body in plan["bodies"]]
    requests = [f"{plan['head']}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    step = 1e9 / plan["rate"]
    due = [plan["began"] + round(number * step) for number in range(len(requests))]
    sent, answered = [0] * len(requests), [0] * len(requests)
    lines = [Line((plan["host"], plan["port"])) for _ in range(plan["connections"])]
    by_number = {line.socket.fileno(): line for line in lines}
    free, turn, left = list(lines), 0, len(requests)
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    while left:
        now = time.monotonic_ns()
        while free and turn < len(requests) and due[turn] <= now:
            line = free.pop()
            line.request = turn
            sent[turn] = time.monotonic_ns()
            line.socket.sendall(requests[turn])
            turn += 1
        wait = (due[turn] - time.monotonic_ns()) / 1e9 if free and turn < len(requests) else 10
        ready = poll.poll(max(0, wait))
        if not ready and wait >= 10:
            raise SystemExit("A request has had no answer for 10 s.")
        for number, _ in ready:
            line = by_number[number]
            if line.is_answered():
                answered[line.request] = time.monotonic_ns()
                free.append(line)
                left -= 1
    json.dump({"due": due, "sent": sent, "answered": answered}, sys.stdout)


if __name__ == "__main__":
    main()
