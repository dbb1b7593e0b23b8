"""What the machine can hash: Argon2id as the front uses it, by the same library, with nothing around it."""

import ctypes
import os
import threading
import time

import say

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1  # the front's defaults


def per_second(threads: int, seconds: float) -> float:
    """Hashes a second of so many threads at once."""
    done = [0] * threads
    until = time.monotonic() + seconds
    hash_once = function()

    def work(place: int) -> None:
        while time.monotonic() < until:
            hash_once()
            done[place] += 1

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done) / (time.monotonic() - began)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def function():
    """The call that makes one hash; Python's lock is not held meanwhile."""
    try:
        library = ctypes.CDLL("libargon2.so.1")
    except OSError as reason:
        raise say.Stop(f"The hash cannot be measured: {reason}") from None
    number, size, text = ctypes.c_uint32, ctypes.c_size_t, ctypes.c_char_p
    call = library.argon2id_hash_raw
    call.argtypes = [number, number, number, text, size, text, size, text, size]

    def once() -> None:
        code = call(PASSES, MEMORY_KIB, LANES, b"password", 8, b"sixteen bytes it", 16, ctypes.create_string_buffer(32), 32)
        if code != 0:
            raise say.Stop(f"argon2id_hash_raw has failed with {code}.")

    return once
