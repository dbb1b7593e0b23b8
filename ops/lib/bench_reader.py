"""Reads completions as another system would, in a process of its own, and notes when each arrived.

Reads JSON on standard input (url, stream, expected, patience in seconds without a completion), prints `ready`, and then JSON:
for each person when the completion came, on the monotonic clock in nanoseconds.
"""

import json
import sys
import time

import resp


def main() -> None:
    plan = json.load(sys.stdin)
    arrived: dict[str, int] = {}
    with resp.Redis(plan["url"]) as redis:
        newest = redis.command("XREVRANGE", plan["stream"], "+", "-", "COUNT", 1)
        last = newest[0][0] if newest else "0-0"
        print("ready", flush=True)
        until = time.monotonic() + plan["patience"]
        while len(arrived) < plan["expected"] and time.monotonic() < until:
            answer = redis.command("XREAD", "COUNT", 1000, "BLOCK", 500, "STREAMS", plan["stream"], last)
            now = time.monotonic_ns()
            for entry, fields in answer[0][1] if answer else []:
                arrived[fields[fields.index("user_id") + 1]] = now
                last = entry
                until = time.monotonic() + plan["patience"]
    json.dump(arrived, sys.stdout)


if __name__ == "__main__":
    main()
