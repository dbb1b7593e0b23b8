"""Floor A: what Postgres alone needs for the work of a backlog, by psql from a staging table (floor.sql)."""

import csv
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, NamedTuple

import bench_usage
import say
import servers
from bench_backlog import Event
from bench_stage import FOLDER, Stage

STATEMENT = Path(__file__).with_name("floor.sql")
HALF = FOLDER / "floor.half"  # is there when half of the batches are done


class Floor(NamedTuple):
    seconds: float
    postgres: float  # seconds of processor time


def stage_events(database: str, events: list[Event], size: int = 1000) -> int:
    """Puts the events into a staging table, so many a batch. Returns how many batches there are."""
    staging = FOLDER / "staging.csv"
    with staging.open("w", newline="") as file:
        csv.writer(file).writerows([number // size, *event[:3]] for number, event in enumerate(events))
    servers.checked(servers.psql(database, f"""
        CREATE SCHEMA IF NOT EXISTS bench;
        DROP TABLE IF EXISTS bench.staging;
        CREATE TABLE bench.staging (batch integer, id uuid, user_id uuid, occurred_at timestamptz,
            event_type text DEFAULT 'UserSignIn');
        \\copy bench.staging (batch, id, user_id, occurred_at) FROM '{staging}' CSV
        CREATE INDEX ON bench.staging (batch);
        ANALYZE bench.staging;
    """))
    staging.unlink()
    return -(-len(events) // size)


def statement(stage: Stage, database: str) -> str:
    """Floor A for the quests that are in the catalog, all of them with streak 3 and duplication 2."""
    revision, quest, count = stage.sql(
        "SELECT r.revision, min(q.quest_id::text), count(*) FROM catalog.quests q, catalog.revision r GROUP BY 1", database
    ).split("|")
    one = int(count) == 1
    source, quest = ("counted", f"'{quest}'::uuid") if one else ("counted CROSS JOIN catalog.quests q", "q.quest_id")
    return STATEMENT.read_text().replace(":source", source).replace(":quest", quest).replace(":revision", revision)


def run(
    stage: Stage, database: str, batches: int, connections: int = 1,
    midway: Callable[[], None] | None = None,
) -> Floor:
    """Runs every batch, dealt out to the connections in turn, each with a commit of its own. `midway` is called when the first
    connection has done half of its batches."""
    head, scripts = statement(stage, database), []
    for first in range(connections):
        scripts.append(FOLDER / f"floor-{first}.sql")
        rows = [f"EXECUTE batch ({number});" for number in range(first, batches, connections)]
        if midway and first == 0:
            rows.insert(len(rows) // 2, f"\\! touch '{HALF}'")
        scripts[-1].write_text(head + "\n".join(rows) + "\n")
    address, environment = servers.psql_address(database)
    HALF.unlink(missing_ok=True)
    stage.settle()
    postgres = stage.fleet.members["postgres"]
    before, began = bench_usage.spent_by_family(postgres), time.monotonic()
    children = [
        subprocess.Popen(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *address, "-f", str(script)], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for script in scripts
    ]
    if midway:
        while children[0].poll() is None and not HALF.exists():
            time.sleep(0.005)
        meanwhile = threading.Thread(target=midway)
        meanwhile.start()
    failures = [child.communicate()[1] for child in children]
    seconds = time.monotonic() - began
    if midway:
        meanwhile.join()
    if any(child.returncode for child in children):
        raise say.Stop(f"The floor has failed: {''.join(failures).strip()}")
    return Floor(seconds, bench_usage.spent_by_family(postgres) - before)
