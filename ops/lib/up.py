"""ops/up: builds Questline, starts everything it needs on this machine, and follows it until Ctrl-C."""

import argparse
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import build
import demo
import packages
import ports
import processes
import say
import servers
import stack
import web
from fleet import Fleet, Turn


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/up", description=__doc__.partition(": ")[2])
    parser.add_argument("--demo", action="store_true", help="sign a new person in eight times and show what becomes of it")
    parser.add_argument("--detach", action="store_true", help="return when everything runs; ops/down stops it")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="worker processes (1)")
    parser.add_argument("--port", type=int, default=5173, help="the port of the page and the API (5173)")
    parser.add_argument("--servers", action="store_true", help="only Redis and Postgres, to restore a backup into them")
    built = parser.add_mutually_exclusive_group()
    built.add_argument("--debug", action="store_true", help="build for debugging instead of release")
    built.add_argument("--bin", type=Path, metavar="FOLDER", help="take the executables from there instead of building")
    options = parser.parse_args()
    if not 1 <= options.workers <= 64:
        parser.error("--workers is a number from 1 to 64")
    if not 1 <= options.port <= 65535:
        parser.error("--port is a number from 1 to 65535")
    if options.servers and options.demo:
        parser.error("--demo needs more than --servers")
    if options.bin and not all((options.bin / name).is_file() for name in stack.EXECUTABLES):
        parser.error(f"{options.bin} does not have {' and '.join(stack.EXECUTABLES)}")
    return options


def main(options: argparse.Namespace, interruptions: processes.Interruptions) -> int:
    turn = Turn(stack.STACK)
    mine = turn.take()
    fleet = Fleet(stack.STACK, interruptions)
    if not mine:
        return already_running(fleet, options, turn)
    if fleet.living():
        return already_running(fleet, options, None)
    refusal = ports.refusal(options.port)
    if refusal:
        other = ports.free(options.port + 1 if 1023 < options.port < 65535 else None)
        raise say.Stop(f"Port {options.port} {refusal}. Choose another one: ops/up --port {other}")
    keep = False
    try:
        packages.install()
        install(options.bin or build.executables("debug" if options.debug else "release"))
        environment = start(fleet, options)
        good = not options.demo or demo.show(environment)
        if not options.servers:
            five_lines(environment)
        keep = options.detach
        if keep:
            say.line(f"\nRunning. {stack.shown(stack.STACK / 'env')} has the settings; stop it with ops/down.")
        elif good:
            follow(fleet)
        return 0 if good else 1
    finally:
        if not keep:
            interruptions.ignore()
            if fleet.living():
                say.line("\nStopping everything.")
            fleet.stop_all()


def already_running(fleet: Fleet, options: argparse.Namespace, turn: Turn | None) -> int:
    """A second start changes nothing: it says what runs and how to stop it. The demo can be shown all the same."""
    owner = turn.owner() if turn else None
    running, environment = fleet.living(), stack.read_environment(stack.STACK)
    if "front" not in running:
        starter = f" (pid {owner.pid})" if owner else ""
        listed = f" Running so far: {', '.join(running)}." if running else ""
        say.trouble(f"Another ops/up{starter} or ops/down is at work here.{listed} To stop it all: ops/down")
        return 1
    url = environment.get("QUESTLINE_URL", "")
    ended = ", ".join(name for name in fleet.members if name not in running)
    hint = f" {ended} has ended, and its log says why; ops/down and ops/up start everything again." if ended else ""
    say.trouble(f"Questline is already running at {url}: {', '.join(running)}. To stop it: ops/down.{hint}")
    return 0 if options.demo and demo.show(environment) else 1


def install(folder: Path) -> None:
    """Copies the executables to where people look for them; what runs is not disturbed by the next build."""
    place = stack.STACK / "bin"
    place.mkdir(exist_ok=True)
    for name in stack.EXECUTABLES:
        beside = place / f"{name}.new"
        shutil.copy2(folder / name, beside)
        beside.replace(place / name)


def start(fleet: Fleet, options: argparse.Namespace) -> dict[str, str]:
    """Starts the servers, then the workers, then the front, each when what it needs is ready. Returns the settings."""
    say.line("\nStarting:")
    secrets = stack.kept_secrets(stack.STACK)
    redis = servers.start_redis(fleet, "redis", "streams.conf", secrets["REDIS_PASSWORD"])
    tell(fleet, "redis", "the streams, on disk before an answer", fleet.ports["redis"])
    cache = servers.start_redis(fleet, "cache", "cache.conf", secrets["REDIS_PASSWORD"])
    tell(fleet, "cache", "what can be rebuilt, in memory only", fleet.ports["cache"])
    database = servers.start_postgres(fleet, secrets["POSTGRES_PASSWORD"])
    tell(fleet, "postgres", "the database `questline`", fleet.ports["postgres"])

    settings = {
        "QUESTLINE_URL": f"http://127.0.0.1:{options.port}",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CACHE_REDIS_URL": cache,
        "QUESTLINE_API_KEY": secrets["QUESTLINE_API_KEY"],
        "QUESTLINE_ADMIN_USER": os.environ.get("QUESTLINE_ADMIN_USER") or "admin",
        "QUESTLINE_ADMIN_PASSWORD": secrets["QUESTLINE_ADMIN_PASSWORD"],
        "QUESTLINE_JWT_SECRET": secrets["QUESTLINE_JWT_SECRET"],
    }
    stack.write_environment(stack.STACK, settings)
    environment = {"QUESTLINE_LOG": "text"} | os.environ | settings
    if options.servers:
        return environment

    program = stack.STACK / "bin"
    fleet.start("migrate", [str(program / "questline-worker"), "migrate"], environment=environment)
    migrating = fleet.members["migrate"]
    while processes.is_alive(migrating):
        time.sleep(0.05)
    fleet.stop("migrate")
    if processes.endings.get(migrating.pid) != 0:
        raise say.Stop(f"The migrations {processes.ending(migrating)}.{fleet.last_words('migrate')}")
    say.started("migrate", "tables and seeds are in place")

    for number in range(1, options.workers + 1):
        start_ours(fleet, f"worker-{number}", [str(program / "questline-worker"), "run"], environment)
    front = {"QUESTLINE_HOST": "127.0.0.1", "QUESTLINE_PORT": str(options.port)}
    start_ours(fleet, "front", [str(program / "questline-front")], environment | front, options.port)
    return environment


def start_ours(
    fleet: Fleet, name: str, command: list[str], environment: dict[str, str], port: int | None = None
) -> None:
    """Starts one of our executables and waits until it says that it is ready."""
    probe = servers.new_port(fleet, name)
    fleet.start(
        name, command, environment=environment | {"QUESTLINE_PROBE_HOST": "127.0.0.1", "QUESTLINE_PROBE_PORT": str(probe)}
    )
    fleet.wait_until(name, lambda: web.is_ready(f"http://127.0.0.1:{probe}"))
    if port:
        fleet.wait_until(name, lambda: web.is_ready(f"http://127.0.0.1:{port}"))
    tell(fleet, name, f"metrics at http://127.0.0.1:{probe}/metrics", port)


def tell(fleet: Fleet, name: str, what: str, port: int | None) -> None:
    place = f"port {port}" if port else ""
    say.started(name, f"pid {fleet.members[name].pid:<8} {place:<11} {what}")


def five_lines(environment: dict[str, str]) -> None:
    """The page, a sign-in, the stream, the events and the proof: each works when pasted into a shell."""
    url, here = environment["QUESTLINE_URL"], stack.shown(stack.STACK)
    name = environment.get("QUESTLINE_PLAYER_USER") or "user"
    password = environment.get("QUESTLINE_PLAYER_PASSWORD") or "password"
    user, secret = shlex.quote(f"username={name}"), shlex.quote(f"password={password}")
    say.line("\nTo paste:")
    say.line(f"  {url}/")
    say.line(f"  curl -sS {url}/api/v1/login/access-token --data-urlencode {user} --data-urlencode {secret}")
    say.line(f"  redis-cli --no-auth-warning -u {environment['REDIS_URL']} XRANGE quest:signins - + COUNT 3")
    say.line(f"  psql {environment['DATABASE_URL']} -c 'table processing.events'")
    say.line(f"  (. {here}/env; {here}/bin/questline-worker verify)")


def follow(fleet: Fleet) -> None:
    """Shows what the front and the workers log, and whoever ends, until there is nobody left to follow."""
    watched = dict(fleet.members)
    ours = [name for name in watched if name == "front" or name.startswith("worker-")]
    logs = {name: fleet.log(name).open("rb") for name in ours}
    for log in logs.values():
        log.seek(0, os.SEEK_END)
    say.line("\nFollowing the logs. Ctrl-C stops everything.")
    while watched:
        for name, log in logs.items():
            for row in log.readlines():
                say.line(f"  {name:<10} {row.decode(errors='replace').rstrip()}")
        for name, who in list(watched.items()):
            if not processes.is_alive(who):
                say.trouble(f"  {name:<10} {processes.ending(who)}; the others go on")
                del watched[name]
        time.sleep(0.1)


if __name__ == "__main__":
    chosen, held = arguments(), processes.Interruptions()
    try:
        sys.exit(main(chosen, held))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
