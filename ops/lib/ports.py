"""Ports: finding free ones and naming who has a taken one."""

import os
import random
import socket
from pathlib import Path

# Below the range from which the kernel takes ports for outgoing connections, so that a port which is free now
# is still free when the stack is started again.
LOWEST, HIGHEST = 21000, 31000


def refusal(port: int) -> str | None:
    """Why nobody can listen on this port of this machine now, or nothing if one can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is only for root"
        except OSError:
            return f"is taken{holder(port)}"
    return None


def free(wanted: int | None = None, taken: set[int] | None = None) -> int:
    """The wanted port if it is free, or else any free one that is not among the taken ones."""
    taken = taken or set()
    if wanted and wanted not in taken and refusal(wanted) is None:
        return wanted
    while True:
        port = random.randrange(LOWEST, HIGHEST)
        if port not in taken and refusal(port) is None:
            return port


def holder(port: int) -> str:
    """Who listens on this port, as far as we are allowed to see: ` by node (pid 123)`, or nothing."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(handle) in sockets for handle in (process / "fd").iterdir()):
                return f" by {(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return ""
