"""The profile `metrics` of compose.yaml: does its Prometheus find every replica, and evaluate every rule?"""

import urllib.parse

import compose
import say
import web
from teststack_stack import OURS, Stack, until


class Metrics:
    def __init__(self, project: compose.Project, stack: Stack):
        self.project, self.stack = project, stack

    def watch(self) -> str:
        if self.project.run("--profile", "metrics", "build", "prometheus", log=self.stack.log) != 0:
            raise say.Stop("its image cannot be built")
        self.stack.up("prometheus", profile="metrics")
        expected = {service: len(self.project.containers(service)) for service in OURS}
        until(lambda: self.scraped() == expected, lambda: f"scraped: {self.scraped()}, running: {expected}")
        until(lambda: not self.unhealthy(), lambda: f"rules that cannot be evaluated: {self.unhealthy()}")
        until(lambda: bool(self.ask("questline:stream_lag:max")), lambda: "nobody shows the lag")
        alerts = sum(rule["type"] == "alerting" for rule in self.rules())
        return ", ".join(f"{count} {service}s" for service, count in expected.items()) + f" scraped, {alerts} alerts"

    def ask(self, query: str) -> list[dict]:
        return self.get(f"query?query={urllib.parse.quote(query)}").get("result", [])

    def scraped(self) -> dict[str, int]:
        return {one["metric"]["process"]: int(one["value"][1]) for one in self.ask('count by (process) (up{job="questline"} == 1)')}

    def rules(self) -> list[dict]:
        return [rule for group in self.get("rules").get("groups", []) for rule in group["rules"]]

    def unhealthy(self) -> list[str]:
        found = self.rules()
        return [rule["name"] for rule in found if rule["health"] != "ok"] if found else ["all"]

    def get(self, path: str) -> dict:
        answer = web.call("GET", f"http://127.0.0.1:{self.stack.settings['PROMETHEUS_PORT']}/api/v1/{path}", timeout=5)
        return answer.body["data"] if answer.status == 200 else {}
