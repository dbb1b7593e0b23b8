"""ops/down: stops everything that ops/up started, whose data stays for the next start, and clears what a killed run of
another script has left."""

import argparse
import os
import signal
import sys
import time

import chaos_stack
import processes
import say
import servers
import stack
from fleet import Fleet, Turn

# Scripts with a stack of their own, which they clear themselves unless they are killed.
OTHERS = ("chaos", "bench")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/down", description=__doc__.partition(": ")[2])
    parser.add_argument("--erase", action="store_true", help="also remove the data: streams, cache and database")
    return parser.parse_args()


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(stack.STACK)
    ran = False
    if not turn.take():
        # Somebody's ops/up stands in front of these processes: it stops them itself, in order.
        owner = turn.owner()
        if owner:
            say.line(f"Asking ops/up (pid {owner.pid}) to stop.")
            os.kill(owner.pid, signal.SIGTERM)
            ran = True
        until = time.monotonic() + 180
        while not turn.take():
            if time.monotonic() > until:
                raise say.Stop("It has not stopped after three minutes.")
            time.sleep(0.1)
    interruptions.ignore()
    ran = Fleet(stack.STACK, interruptions).stop_all() or ran
    for name in OTHERS:
        ran = clear(name, interruptions) or ran
    if options.erase:
        servers.remove_data(stack.STACK)
        say.line("The data is gone.")
    elif not ran:
        say.line("Nothing is running.")
    return 0


def clear(name: str, interruptions: processes.Interruptions) -> bool:
    """Clears what a script that was killed has left, unless one runs there now; true if anything was found running."""
    folder = stack.STACK / name
    if not folder.is_dir():
        return False
    turn = Turn(folder)
    if not turn.take():
        say.line(f"ops/{name} is running, and stops its own servers.")
        return True
    fleet = Fleet(folder, interruptions)
    running = fleet.living()
    chaos_stack.clear(fleet)
    if running:
        say.line(f"Stopped what a killed ops/{name} has left: {', '.join(sorted(running))}.")
    return bool(running)


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except (say.Stop, ProcessLookupError) as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
