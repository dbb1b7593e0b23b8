"""Databases with millions of events: of each person two, with the progress row that follows from them."""

import concurrent.futures
import hashlib
import os
import shutil
import time
import uuid

import say
import servers
from bench_stage import FOLDER, Stage

EACH = 2  # events of a person
TABLES = ("processing.events", "processing.user_quest_rewards")
FILLED = "2025-12-02"  # everything that was filled was recorded before
GIGABYTES, SECONDS = 0.4, 10  # for a million rows, indexes and write-ahead log included; on two cores


def people(size: int) -> int:
    """How many there are in a table of so many millions of rows."""
    return size * 1_000_000 // EACH


def person(number: int) -> str:
    """The same as `md5('person ' || number)::uuid`."""
    return str(uuid.UUID(hashlib.md5(f"person {number}".encode()).hexdigest()))


def check_room(sizes: list[int]) -> None:
    needed = GIGABYTES * sum(sizes) + 7
    free = shutil.disk_usage(FOLDER).free / 1e9
    if free < needed:
        raise say.Stop(f"Tables of {sizes} million rows need about {needed:.0f} GB, and {free:.0f} GB are free: --rows 0,5")
    say.line(f"  Filling tables will take about {SECONDS * sum(sizes) / 60:.0f} min and {needed:.0f} GB.")


def fill(stage: Stage, name: str, size: int) -> None:
    """Makes the database; what its indexes hold is as if they had grown, only denser."""
    began = time.monotonic()
    url = stage.database(name)
    if not size:
        return
    quest, revision = stage.sql("SELECT quest_id, r.revision FROM catalog.quests, catalog.revision r LIMIT 1", url).split("|")
    removals, constraints, indexes = indexing(stage, url)
    at_once(url, [removals])
    count = people(size)
    # An id holds its time (UUIDv7), and ten of them share a millisecond.
    at_once(url, [f"""
        INSERT INTO processing.events (id, user_id, event_type, "timestamp", recorded_at, catalog_revision)
        SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid,
            md5('person ' || n % {count})::uuid, 'UserSignIn', to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0), {revision}
        FROM generate_series({first}, {last - 1}) AS n, LATERAL (SELECT 1764547200000 + n / 10 AS ms) AS moment
    """ for first, last in halves(EACH * count)])
    at_once(url, [f"""
        INSERT INTO processing.user_quest_rewards (user_id, quest_id, catalog_revision, status, streak, duplication,
            last_events, last_goal, last_limit, last_start, last_completions)
        SELECT md5('person ' || n)::uuid, '{quest}', {revision}, 0, {EACH}, 0, {EACH}, 3, 2, 0, 0
        FROM generate_series({first}, {last - 1}) AS n
    """ for first, last in halves(count)])
    at_once(url, constraints + indexes)
    at_once(url, [f"VACUUM (ANALYZE) {table}" for table in TABLES])
    stage.settle()
    space = stage.sql(f"SELECT pg_size_pretty(pg_database_size('{name}'))")
    say.line(f"  {size} million rows are filled in: {time.monotonic() - began:.0f} s, {space}.")


def indexing(stage: Stage, url: str) -> tuple[str, list[str], list[str]]:
    """The statement that removes all indexes of the tables, and those that make them again as they were."""
    tables = ", ".join(f"'{table}'::regclass" for table in TABLES)
    constraints = [row.split("|") for row in stage.sql(f"""
        SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype IN ('p', 'u') AND conrelid IN ({tables})
    """, url).splitlines()]
    indexes = [row.split("|") for row in stage.sql(f"""
        SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index i
        WHERE indrelid IN ({tables}) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
    """, url).splitlines()]
    removals = [f"ALTER TABLE {table} DROP CONSTRAINT {name};" for table, name, _ in constraints]
    removals += [f"DROP INDEX {name};" for name, _ in indexes]
    # A constraint locks its table: those of one table come one after the other, and its indexes with them.
    return (
        "\n".join(removals), [f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}" for table, name, text in constraints],
        [text for _, text in indexes],
    )


def halves(count: int) -> list[tuple[int, int]]:
    return [(0, count // 2), (count // 2, count)]


def at_once(url: str, statements: list[str]) -> None:
    """Runs them on as many connections as there are cores, with more memory for sorting and without waiting for the disk."""
    setting = "SET maintenance_work_mem = '512MB';\nSET synchronous_commit = off;\nSET max_parallel_maintenance_workers = 1;\n"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for answer in pool.map(lambda statement: servers.psql(url, f"{setting}{statement};"), statements):
            servers.checked(answer)


def set_apart(stage: Stage, url: str) -> None:
    """Notes the people of the staged events: what the floor does to them is no work of a worker's to be verified."""
    stage.sql("""
        CREATE TABLE IF NOT EXISTS bench.people (user_id uuid PRIMARY KEY);
        INSERT INTO bench.people SELECT DISTINCT user_id FROM bench.staging ON CONFLICT DO NOTHING;
    """, url)


def verify(stage: Stage, name: str, size: int) -> None:
    """Proves that what nobody touched is as it was filled, and verifies the rest, after taking the former out: recomputing
    millions of people of whom nothing was counted would take longer than all else."""
    url = f"{stage.superuser.rpartition('/')[0]}/{name}"
    untouched = """NOT EXISTS (SELECT FROM public.touched t WHERE t.user_id = x.user_id)
        AND NOT EXISTS (SELECT FROM bench.people b WHERE b.user_id = x.user_id)"""
    found = stage.sql(f"""
        CREATE TABLE public.touched AS SELECT user_id FROM processing.events WHERE recorded_at >= '{FILLED}'
            EXCEPT SELECT user_id FROM bench.people;
        ANALYZE public.touched;
        ANALYZE bench.people;
        CREATE TABLE public.events AS
            SELECT x.* FROM processing.events x JOIN public.touched USING (user_id);
        CREATE TABLE public.rewards AS
            SELECT x.* FROM processing.user_quest_rewards x JOIN public.touched USING (user_id);
        SELECT (SELECT count(*) FROM processing.events x WHERE {untouched} AND event_type = 'UserSignIn'),
            (SELECT count(*) FROM processing.user_quest_rewards x
                WHERE {untouched} AND streak = {EACH} AND duplication = 0 AND status = 0),
            (SELECT count(DISTINCT user_id) FROM public.events WHERE recorded_at < '{FILLED}')
                + (SELECT count(DISTINCT user_id) FROM processing.events JOIN bench.people USING (user_id)
                    WHERE recorded_at < '{FILLED}')
    """, url)
    events, rewards, known = map(int, found.split("|"))
    left = people(size) - known
    if not known or (events, rewards) != (EACH * left, left):
        raise say.Stop(f"{name} has changed rows that no event was about: {events} events and {rewards} rows of {left} people.")
    stage.sql("""
        SET session_replication_role = replica; -- the event table is append-only
        TRUNCATE processing.events, processing.user_quest_rewards;
        INSERT INTO processing.events SELECT * FROM public.events;
        INSERT INTO processing.user_quest_rewards OVERRIDING SYSTEM VALUE SELECT * FROM public.rewards;
        DROP TABLE public.touched, public.events, public.rewards;
        ANALYZE;
    """, url)
    stage.verify(stage.url(name))
