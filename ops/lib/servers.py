"""Private Redis and Postgres servers on free ports, and the folders that hold their data."""

import contextlib
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import ports
import processes
import resp
import say
from fleet import Fleet, write_whole

CONFIGURATIONS = Path(__file__).resolve().parent.parent / "redis"
POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
ELSEWHERE = Path("/var/lib/questline")
# For a backlog of a million events; compose.yaml and the single-node overlay have the same. Nothing of durability is changed.
SHARED_BUFFERS_MB, MAX_WAL_SIZE = 512, "4GB"


def server_user(name: str) -> str | None:
    """Whom a server runs as: ourselves, unless we are root, which Postgres refuses and Redis does not need."""
    if os.geteuid() != 0:
        return None
    for candidate in ("redis" if name in ("redis", "cache") else "postgres", "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(candidate)
            grp.getgrnam(candidate)
            return candidate
    raise say.Stop("There is no user `postgres` on this machine to run the database as.")


def data_folder(stack: Path, name: str) -> Path:
    """A folder for one server's data, its own and closed to others.

    It is `<stack>/<name>`, or, when the server's user cannot reach that (a project in somebody's closed home folder),
    a folder under /var/lib/questline with a link to it from there.
    """
    user, place = server_user(name), stack / name
    if not place.exists():
        place.unlink(missing_ok=True)
        reachable = user is None or subprocess.run(
            ["/usr/bin/test", "-x", str(stack)], cwd="/", **processes.as_user(user)
        ).returncode == 0
        if reachable:
            place.mkdir(mode=0o700)
        else:
            home = ELSEWHERE / hashlib.sha256(str(stack).encode()).hexdigest()[:12] / name
            home.mkdir(parents=True, exist_ok=True)
            for parent in home.parents[:2]:
                parent.chmod(0o755)
            place.symlink_to(home)
    home = place.resolve()
    home.chmod(0o700)
    if user:
        shutil.chown(home, user, user)
    return home


def remove_data(stack: Path) -> None:
    """Removes the data of all three servers, wherever it is."""
    for name in ("redis", "cache", "postgres"):
        place = stack / name
        if place.is_symlink():
            home = place.resolve()
            shutil.rmtree(home, ignore_errors=True)
            with contextlib.suppress(OSError):
                home.parent.rmdir()
                home.parent.parent.rmdir()
            place.unlink()
        else:
            shutil.rmtree(place, ignore_errors=True)


def new_port(fleet: Fleet, name: str) -> int:
    """The port this server had last time, or another free one."""
    others = {port for other, port in fleet.ports.items() if other != name}
    fleet.ports[name] = ports.free(fleet.ports.get(name), others)
    return fleet.ports[name]


def start_redis(fleet: Fleet, name: str, configuration: str, password: str) -> str:
    """Starts a Redis and returns its URL. Its configuration comes by standard input, so that no file and no command
    line shows the password."""
    home, port = data_folder(fleet.folder, name), new_port(fleet, name)
    settings = (CONFIGURATIONS / configuration).read_text()
    settings += f'bind 127.0.0.1\nport {port}\ndir "{home}"\nrequirepass {password}\ndaemonize no\n'
    fleet.start(name, ["redis-server", "-"], user=server_user(name), text=settings, folder=home)
    url = f"redis://default:{password}@127.0.0.1:{port}/0"
    # A large append-only file takes its time to load.
    fleet.wait_until(name, lambda: redis_answers(url), patience=300)
    return url


def redis_answers(url: str) -> bool:
    try:
        with resp.Redis(url, timeout=2) as redis:
            return redis.command("PING") == "PONG"
    except (OSError, resp.RedisFailure):
        return False


def start_postgres(fleet: Fleet, password: str, owner: str | None = "questline", extra: tuple[str, ...] = ()) -> str:
    """Starts a Postgres, as durable as it is by itself, and returns the URL of the database `questline`.

    It belongs to the role `owner`, who is no superuser; without one the URL is the superuser's.
    """
    program = POSTGRES_BIN / "postgres"
    if not program.exists():
        raise say.Stop(f"{program} is missing: install the package postgresql-15.")
    home, port, user = data_folder(fleet.folder, "postgres"), new_port(fleet, "postgres"), server_user("postgres")
    cluster = home / "data"
    if not cluster.exists():
        create_cluster(home, cluster, password, user)
    options = [
        "listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200",
        f"shared_buffers={shared_buffers_mb()}MB", f"max_wal_size={MAX_WAL_SIZE}", "log_line_prefix=%m [%p] ", *extra,
    ]
    arguments = [str(program), "-D", str(cluster), *(part for option in options for part in ("-c", option))]
    fleet.start("postgres", arguments, user=user, folder=home)
    address = f"127.0.0.1:{port}"
    superuser = f"postgres://postgres:{password}@{address}/postgres"
    # After a power cut it replays its log first.
    fleet.wait_until("postgres", lambda: psql(superuser, "SELECT 1").returncode == 0, patience=300)
    if psql(superuser, "SELECT 1 FROM pg_database WHERE datname = 'questline'").stdout.strip() != "1":
        # The role outlives a database that somebody has dropped.
        if owner and psql(superuser, f"SELECT 1 FROM pg_roles WHERE rolname = '{owner}'").stdout.strip() != "1":
            checked(psql(superuser, f"CREATE ROLE {owner} LOGIN PASSWORD '{password}'"))
        checked(psql(superuser, f"CREATE DATABASE questline OWNER {owner or 'postgres'}"))
    return f"postgres://{owner or 'postgres'}:{password}@{address}/questline"


def shared_buffers_mb() -> int:
    """An eighth of a small machine's memory."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return max(128, min(SHARED_BUFFERS_MB, memory_mb // 8))


def create_cluster(home: Path, cluster: Path, password: str, user: str | None) -> None:
    """Makes a new cluster beside its place and moves it there whole, so that a half-made one is never started."""
    unfinished, secret = home / "unfinished", home / "password"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_whole(secret, password)
    if user:
        shutil.chown(secret, user, user)
    try:
        made = subprocess.run(
            [
                str(POSTGRES_BIN / "initdb"), "-D", str(unfinished), "-U", "postgres", "--pwfile", str(secret),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
            ],
            cwd=home, capture_output=True, text=True, **processes.as_user(user),
        )
    finally:
        secret.unlink()
    if made.returncode != 0:
        raise say.Stop(f"initdb has failed:\n{made.stderr}")
    unfinished.rename(cluster)


def psql_address(url: str) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment with which psql reaches a database; nothing secret stands on the command line,
    where `ps` would show it."""
    parts = urlsplit(url)
    environment = os.environ | {"PGPASSWORD": parts.password or "", "PGCONNECT_TIMEOUT": "5"}
    return ["-h", parts.hostname, "-p", str(parts.port), "-U", parts.username, "-d", parts.path.lstrip("/")], environment


def psql(url: str, statement: str, *options: str) -> subprocess.CompletedProcess:
    """Runs one statement."""
    address, environment = psql_address(url)
    return subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *address, *(options or ("-A", "-t")), "-f", "-"],
        env=environment, input=statement, capture_output=True, text=True,
    )


def checked(answer: subprocess.CompletedProcess) -> str:
    if answer.returncode != 0:
        raise say.Stop(f"psql has failed: {answer.stderr.strip()}")
    return answer.stdout
