"""What Prometheus and Grafana are given, against promtool and against real processes.

The rules and alerts are checked and unit-tested by promtool; the names that they, the dashboard and the README use are
looked up in what a real front and a real worker show; and a real Prometheus evaluates all of it on them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.parse
import uuid
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "ops" / "lib"), str(PROJECT / "Tests" / "Api")]

import build  # noqa: E402
import packages  # noqa: E402
import processes  # noqa: E402
import servers  # noqa: E402
import stack  # noqa: E402
import web  # noqa: E402
from fleet import Fleet  # noqa: E402
from installation import Installation  # noqa: E402

FOLDER = stack.STACK / "test" / "observability"
PROMETHEUS = PROJECT / "ops" / "prometheus"
DASHBOARD = PROJECT / "ops" / "grafana" / "dashboards" / "questline.json"
# What Prometheus itself adds.
ITS_OWN = {"up", "ALERTS"}
NAME = re.compile(r"\b(?:quest_|questline_|http_server_|process_)[a-z0-9_]+")
SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$", re.M)


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, text=True, cwd=PROJECT, timeout=60
    )


class NoAnswer(Exception):
    pass


def page(url: str) -> Any:
    answer = web.call("GET", url, timeout=10)
    if answer.status != 200:
        raise NoAnswer(f"{url} answers {answer.status} {answer.body}")
    return answer.body


def expressions(node: object) -> list[str]:
    """Every query of a dashboard."""
    if isinstance(node, dict):
        own = [node["expr"]] if isinstance(node.get("expr"), str) else []
        return own + [found for value in node.values() for found in expressions(value)]
    return [found for value in node for found in expressions(value)] if isinstance(node, list) else []


def rules(kind: str) -> dict[str, str]:
    """Expressions by the names of the records or alerts."""
    found: dict[str, str] = {}
    name = None
    for file in ("rules.yml", "alerts.yml"):
        lines = iter((PROMETHEUS / file).read_text().splitlines())
        folded = False
        for line in lines:
            if match := re.match(rf"\s*- {kind}: (\S+)", line):
                name, folded = match.group(1), False
            elif re.match(r"\s*- (record|alert):", line):
                name = None
            elif name and (match := re.match(r"\s*expr: (.*)", line)):
                folded = match.group(1) == ">-"
                found[name] = "" if folded else match.group(1)
            elif name and folded and not re.match(r"\s*(for|labels|annotations|#|- )", line):
                found[name] += " " + line.strip()
    return found


def names(expression: str) -> set[str]:
    """The metrics of an expression: not its labels, not the records of ours."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"|\b(?:by|on|without|group_left)\s*\([^)]*\)", " ", expression)
    return set(NAME.findall(re.sub(r"\bquestline:[a-z0-9_:]+", " ", bare)))


class FilesTests(unittest.TestCase):
    """What can be said without any process."""

    def test_promtool_accepts_the_configuration_and_the_rules(self) -> None:
        for arguments in (
            ("check", "config", str(PROMETHEUS / "prometheus.yml")),
            ("check", "rules", str(PROMETHEUS / "rules.yml"), str(PROMETHEUS / "alerts.yml")),
        ):
            answer = promtool(*arguments)
            self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_the_rules_do_what_their_tests_say(self) -> None:
        answer = promtool("test", "rules", str(PROJECT / "Tests" / "Observability" / "alerts_test.yml"))
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_every_alert_is_tested_and_the_readme_says_what_to_do(self) -> None:
        alerts = rules("alert")
        self.assertGreater(len(alerts), 10)
        tests = (PROJECT / "Tests" / "Observability" / "alerts_test.yml").read_text()
        readme = (PROJECT / "README.md").read_text()
        for alert in alerts:
            raised = re.search(rf"alertname: {alert}\n\s+exp_alerts:\n", tests)
            self.assertTrue(raised, f"no test raises {alert}")
            row = re.search(rf"^\| `{alert}` \|(.{{30,}})\|$", readme, re.M)
            self.assertTrue(row, f"README.md does not say what to do on {alert}")
        for named in re.findall(r"^\| `(Questline[A-Za-z]+)` \|", readme, re.M):
            self.assertIn(named, alerts)

    def test_every_query_of_the_dashboard_can_be_parsed(self) -> None:
        queries = expressions(json.loads(DASHBOARD.read_text()))
        self.assertGreater(len(queries), 25)
        records = rules("record")
        body = {"groups": [{"name": "q", "rules": [
            {"record": f"q{number}", "expr": query} for number, query in enumerate(queries)
        ]}]}
        file = Path(os.environ.get("TMPDIR", "/tmp")) / f"questline-queries-{os.getpid()}.json"
        file.write_text(json.dumps(body))
        try:
            answer = promtool("check", "rules", str(file))
        finally:
            file.unlink()
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        for query in queries:
            for record in re.findall(r"questline:[a-z0-9_:]+", query):
                self.assertIn(record, records)

    def test_panels_have_names_of_their_own_and_do_not_overlap(self) -> None:
        panels = json.loads(DASHBOARD.read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {
                (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells
            if panel["type"] != "row":
                self.assertTrue(panel["description"], panel["title"])


class ProcessesTests(unittest.TestCase):
    """A real front and a real worker, and a real Prometheus that scrapes them."""

    @classmethod
    def setUpClass(cls) -> None:
        fleet = Fleet(FOLDER, processes.Interruptions())
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)
        cls.addClassCleanup(servers.remove_data, FOLDER)
        cls.addClassCleanup(fleet.stop_all, True)
        built = os.environ.get("QUESTLINE_TEST_BIN")
        programs = Path(built) if built else build.executables("debug")
        cls.installation = Installation(fleet, programs.resolve())
        cls.installation.start()
        cls.installation.fill()
        cls.fleet = fleet
        cls.probes = {name: cls.probe(name) for name in ("front", "worker")}
        key = {"X-API-Key": cls.installation.key}
        web.call("GET", f"{cls.installation.base}/api/v1/quests/")
        web.call("GET", f"{cls.installation.base}/api/v1/users/{uuid.uuid4()}/progress", headers=key)
        until = time.monotonic() + 30
        while "quest_unclaimed_rewards" not in page(f"{cls.probes['worker']}/metrics"):
            if time.monotonic() > until:
                raise AssertionError("the worker does not count what is unclaimed")
            time.sleep(0.2)
        cls.shown = {name: page(f"{url}/metrics") for name, url in cls.probes.items()}

    @classmethod
    def probe(cls, name: str) -> str:
        """The URL of a process that may have started just now."""
        pattern = re.compile(r"probes listen url=(\S+)\n")
        cls.fleet.wait_until(name, lambda: pattern.search(cls.fleet.log(name).read_text()) is not None)
        return pattern.search(cls.fleet.log(name).read_text()).group(1)

    def exported(self) -> set[str]:
        found = {name for text in self.shown.values() for name, _, _ in SERIES.findall(text)}
        return found

    def test_promtool_finds_no_fault_in_what_they_show(self) -> None:
        for name, text in self.shown.items():
            answer = promtool("check", "metrics", text=text)
            self.assertEqual((answer.returncode, answer.stdout + answer.stderr), (0, ""), name)

    def test_each_process_shows_what_is_its_own(self) -> None:
        for name in ("quest_build_info", "quest_pool_connections", "process_resident_anonymous_bytes"):
            for process, text in self.shown.items():
                self.assertIn(f"\n{name}", text, process)
        for name in (
            "quest_events_processed_total", "quest_event_duration_seconds_bucket", "quest_stream_lag",
            "quest_stream_pending", "quest_stream_oldest_pending_seconds", "quest_outbox_backlog",
            "quest_dead_letters_total", "quest_unclaimed_rewards",
        ):
            self.assertIn(f"\n{name}{{", self.shown["worker"])
        for name in ("http_server_requests_total", "http_server_request_duration_seconds_bucket", "quest_catalog_reads_total"):
            self.assertIn(f"\n{name}{{", self.shown["front"])

    def test_every_metric_of_the_rules_and_the_dashboard_is_there(self) -> None:
        exported = self.exported() | ITS_OWN
        queries = expressions(json.loads(DASHBOARD.read_text()))
        for query in [*rules("record").values(), *rules("alert").values(), *queries]:
            self.assertFalse(names(query) - exported, query)

    def test_the_readme_describes_every_metric_and_no_other(self) -> None:
        readme = (PROJECT / "README.md").read_text()
        table = readme.partition("| metric | unit |")[2].partition("\n\n")[0]
        described = {match.split("{")[0] for row in table.splitlines()[2:] for match in re.findall(r"`([a-z_]+(?:\{[^`]*\})?)`", row.split("|")[1])}
        exported = {re.sub(r"_(bucket|sum|count)$", "", name) for name in self.exported()}
        self.assertEqual(described - exported, set(), "described, and not shown")
        self.assertEqual(exported - described, set(), "shown, and not described")

    def test_no_label_comes_from_outside(self) -> None:
        for text in self.shown.values():
            self.assertNotRegex(text, r"[0-9a-f]{8}-[0-9a-f]{4}-", "an id became a label")

    def test_every_line_of_the_log_is_json_and_carries_the_request(self) -> None:
        # A second front and worker, that say everything.
        loud = self.installation.environment | {"QUESTLINE_LOG": "json", "QUESTLINE_LOG_LEVEL": "debug"}
        port = servers.new_port(self.fleet, "loud-front")
        programs = self.installation.programs
        self.fleet.start(
            "loud-front", [str(programs / "questline-front")],
            environment=loud | {"QUESTLINE_HOST": "127.0.0.1", "QUESTLINE_PORT": str(port)},
        )
        self.fleet.stop("worker")
        self.fleet.start("loud-worker", [str(programs / "questline-worker"), "run"], environment=loud)
        self.fleet.wait_until("loud-front", lambda: web.is_ready(f"http://127.0.0.1:{port}"))
        trace = uuid.uuid4().hex
        answer = web.call(
            "POST", f"http://127.0.0.1:{port}/api/v1/sign-ins", json_body={"user_id": str(uuid.uuid4())},
            headers={
                "X-API-Key": self.installation.key, "X-Request-Id": "request-of-mine",
                "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
            },
        )
        self.assertEqual(answer.status, 202)
        event = answer.body["event_ids"][0]
        until = time.monotonic() + 30
        while event not in self.fleet.log("loud-worker").read_text():
            self.assertLess(time.monotonic(), until, "the worker has not logged the event")
            time.sleep(0.1)
        for name in ("loud-front", "loud-worker"):
            rows = [json.loads(row) for row in self.fleet.log(name).read_text().splitlines()]
            for row in rows:
                self.assertLessEqual({"time", "level", "logger", "message"}, set(row), row)
                self.assertRegex(row["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            mine = [row for row in rows if row.get("request_id") == "request-of-mine"]
            self.assertTrue(mine, name)
            self.assertTrue(all(row["trace_id"] == trace for row in mine), mine)
            self.assertTrue([row for row in mine if row.get("event_id") == event] or name == "loud-front", mine)
        self.fleet.stop("loud-front")
        self.fleet.stop("loud-worker")
        self.fleet.start_again("worker")

    @staticmethod
    def health(base: str) -> dict[str, str]:
        groups = page(f"{base}/api/v1/rules")["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def test_z_a_prometheus_evaluates_the_rules_on_them(self) -> None:
        probes = {name: self.probe(name) for name in ("front", "worker")}
        port = servers.new_port(self.fleet, "prometheus")
        home = FOLDER / "prometheus"
        # What an earlier run has seen is another installation.
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        targets = "".join(
            f'      - {{ targets: ["{url.removeprefix("http://")}"], labels: {{ process: {name} }} }}\n'
            for name, url in probes.items()
        )
        (home / "prometheus.yml").write_text(
            "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
            f"rule_files: [{PROMETHEUS}/rules.yml, {PROMETHEUS}/alerts.yml]\n"
            f"scrape_configs:\n  - job_name: questline\n    static_configs:\n{targets}"
        )
        base = f"http://127.0.0.1:{port}"
        self.fleet.start("prometheus", [
            "prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ])

        def ask(query: str) -> list[dict]:
            answer = page(f"{base}/api/v1/query?query={urllib.parse.quote(query)}")
            self.assertEqual(answer["status"], "success", query)
            return answer["data"]["result"]

        def is_up() -> bool:
            try:
                return len(ask('up{job="questline"} == 1')) == 2
            except NoAnswer:
                return False

        try:
            self.fleet.wait_until("prometheus", is_up)
            key = {"X-API-Key": self.installation.key}
            body, queries = {"user_id": str(uuid.uuid4())}, expressions(json.loads(DASHBOARD.read_text()))
            # Nothing of these can be seen while all is well.
            quiet = {query for query in queries if "ALERTS" in query or "> 0" in query or "[45]" in query}
            until = time.monotonic() + 120
            silent = set(queries) - quiet
            while silent and time.monotonic() < until:
                web.call("POST", f"{self.installation.base}/api/v1/sign-ins", json_body=body, headers=key)
                web.call("GET", f"{self.installation.base}/api/v1/quests/")
                self.installation.player_token()
                time.sleep(0.5)
                silent = {query for query in silent if not ask(query)}
            self.assertEqual(silent, set(), "queries of the dashboard that find nothing")
            wanted = set(rules("record"))
            while wanted and time.monotonic() < until:
                time.sleep(0.5)
                wanted = {record for record in wanted if not ask(record)}
            self.assertEqual(wanted, set(), "records that find nothing")
            self.assertEqual([alert["metric"]["alertname"] for alert in ask('ALERTS{alertstate="firing"}')], [])
            health = self.health(base)
            while "unknown" in health.values() and time.monotonic() < until:
                time.sleep(0.5)
                health = self.health(base)
            self.assertEqual({name for name, state in health.items() if state != "ok"}, set())
        finally:
            self.fleet.stop("prometheus")


if __name__ == "__main__":
    packages.install([*packages.NEEDED, *packages.TESTS])
    unittest.main(verbosity=2)
