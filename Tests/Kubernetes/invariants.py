"""What no schema says: that the parts fit together."""

import re

import servers
from case import OURS, Case
from policies import Peer, allowed, selects
from rendering import PROJECT, SOURCE

CLUSTER_WIDE = {"Namespace"}


def source(path: str) -> str:
    return (PROJECT / path).read_text()


class InvariantTests(Case):
    def test_everything_is_in_the_namespace(self) -> None:
        for _, rendering in self.each():
            for one in rendering.objects:
                if one["kind"] not in CLUSTER_WIDE:
                    self.assertEqual(one["metadata"]["namespace"], "questline", one["metadata"])
            labels = rendering.one("Namespace", "questline")["metadata"]["labels"]
            self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")

    def test_pods_may_do_nothing_that_they_need_not(self) -> None:
        for _, rendering in self.each():
            for name, pod in rendering.pods():
                spec = pod["spec"]
                self.assertIs(spec["automountServiceAccountToken"], False, name)
                self.assertTrue(spec["securityContext"]["runAsNonRoot"], name)
                self.assertGreater(spec["securityContext"]["runAsUser"], 0, name)
                self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"}, name)
                self.assertFalse(any("hostPath" in volume for volume in spec.get("volumes", [])), name)
                for container in spec["containers"]:
                    context = container["securityContext"]
                    self.assertIs(context["allowPrivilegeEscalation"], False, name)
                    self.assertIs(context["readOnlyRootFilesystem"], True, name)
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, name)
                    self.assertEqual(set(container["resources"]["requests"]), {"cpu", "memory"}, name)
                    self.assertIn("memory", container["resources"]["limits"], name)

    def test_images_have_versions(self) -> None:
        compose = set(re.findall(r"image: (\S+)", source("compose.yaml")))
        for _, rendering in self.each():
            images = {name: pod["spec"]["containers"][0]["image"] for name, pod in rendering.pods()}
            self.assertEqual(len({images.pop(name) for name in OURS}), 1, "one version of front, worker and migrate")
            self.assertLessEqual(set(images.values()), compose, "the servers are those of compose.yaml")
            for name, pod in rendering.pods():
                tag = pod["spec"]["containers"][0]["image"].rpartition(":")[2]
                self.assertRegex(tag, r"\d", name)
                self.assertNotIn("latest", tag, name)

    def test_whoever_points_at_something_finds_it(self) -> None:
        for _, rendering in self.each():
            pods = dict(rendering.pods())
            for one in rendering.objects:
                spec, name = one.get("spec", {}), f"{one['kind']} {one['metadata']['name']}"
                if one["kind"] in ("Deployment", "StatefulSet"):
                    self.assertTrue(selects(spec["selector"], spec["template"]["metadata"]["labels"]), name)
                    chosen = [other for other, pod in pods.items() if selects(spec["selector"], pod["metadata"]["labels"])]
                    self.assertEqual(chosen, [one["metadata"]["name"]], f"{name} takes others' pods for its own")
                elif one["kind"] == "Service":
                    chosen = [pod for pod in pods.values() if selects({"matchLabels": spec["selector"]}, pod["metadata"]["labels"])]
                    self.assertEqual(len(chosen), 1, name)
                    for port in spec["ports"]:
                        self.assertIn(port["targetPort"], ports(chosen[0]).keys() | ports(chosen[0]).values(), name)
                elif one["kind"] == "PodDisruptionBudget":
                    self.assertTrue(any(selects(spec["selector"], pod["metadata"]["labels"]) for pod in pods.values()), name)
                elif one["kind"] == "HorizontalPodAutoscaler":
                    rendering.one(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
                    self.assertNotIn("replicas", rendering.one("Deployment", spec["scaleTargetRef"]["name"])["spec"])
            for name, pod in pods.items():
                for rule in pod["spec"].get("topologySpreadConstraints", []):
                    self.assertTrue(selects(rule["labelSelector"], pod["metadata"]["labels"]), name)

    def test_volumes_and_variables_come_from_what_is_there(self) -> None:
        for _, rendering in self.each():
            for name, pod in rendering.pods():
                rendering.environment(name)  # fails on whatever is missing
                kept = [one["metadata"]["name"] for one in rendering.stateful(name).get("volumeClaimTemplates", [])]
                volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
                for container in pod["spec"]["containers"]:
                    for mount in container.get("volumeMounts", []):
                        self.assertIn(mount["name"], [*volumes, *kept], name)
                for volume in volumes.values():
                    if "configMap" in volume:
                        files = rendering.settings(volume["configMap"]["name"])
                        used = re.findall(r"/etc/questline/(\S+)", " ".join(pod["spec"]["containers"][0]["command"]))
                        self.assertTrue(used and set(used) <= set(files), name)
                    if "secret" in volume:
                        wanted = {item["key"] for item in volume["secret"]["items"]}
                        self.assertLessEqual(wanted, set(rendering.secrets(volume["secret"]["secretName"])), name)

    def test_probes_ask_ports_that_are_there_and_pages_that_exist(self) -> None:
        handler = source("Sources/Common/Runtime/ProbeHandler.swift")
        for _, rendering in self.each():
            for name in ("front", "worker"):
                container = rendering.pod(name)["spec"]["containers"][0]
                for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                    asked = container[kind]["httpGet"]
                    self.assertEqual(ports(rendering.pod(name))[asked["port"]], int(rendering.settings("questline")["QUESTLINE_PROBE_PORT"]))
                    self.assertIn(f'"{asked["path"]}"', handler)
                # Whoever waits for a server or a migration must not be killed for it.
                self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")
                self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/livez")
                self.assertEqual(container["startupProbe"]["httpGet"]["path"], "/livez")
            annotations = rendering.pod("front")["metadata"]["annotations"]
            self.assertEqual(annotations["prometheus.io/port"], rendering.settings("questline")["QUESTLINE_PROBE_PORT"])
            http = int(rendering.settings("questline")["QUESTLINE_PORT"])
            self.assertEqual(ports(rendering.pod("front"))["http"], http)

    def test_there_is_time_to_stop(self) -> None:
        launch = source("Sources/Common/Runtime/Launch.swift")
        patience = int(re.search(r"let patience = Duration\.seconds\((\d+)\)", launch).group(1))
        configuration = source("Sources/Common/Postgres/PostgresConfiguration.swift")
        statement = int(re.search(r"statementTimeout: Duration = \.seconds\((\d+)\)", configuration).group(1))
        for _, rendering in self.each():
            drain = int(rendering.settings("questline")["QUESTLINE_DRAIN_SECONDS"])
            for name in ("front", "worker"):
                grace = rendering.pod(name)["spec"]["terminationGracePeriodSeconds"]
                self.assertGreater(grace, patience + drain, name)
                self.assertGreater(grace, statement, f"{name}: the longest batch")
            for name in ("front", "worker"):
                limit = rendering.one("Deployment", name)["spec"]["progressDeadlineSeconds"]
                self.assertGreater(limit, rendering.one("Job", "migrate")["spec"]["activeDeadlineSeconds"])

    def test_settings_are_read_by_the_executables_and_told_in_their_help(self) -> None:
        read = set(re.findall(r'"((?:QUESTLINE_[A-Z_]+|DATABASE_URL|REDIS_URL|CACHE_REDIS_URL))"', "".join(
            path.read_text() for path in (PROJECT / "Sources").rglob("*.swift")
        )))
        worker = source("Sources/Workers/WorkerSettings+help.swift")
        helps = {"front": source("Sources/HTTPFront/FrontSettings+help.swift"), "worker": worker, "migrate": worker}
        for _, rendering in self.each():
            shared = rendering.settings("questline")
            for name in shared:
                self.assertIn(name, read, "no executable reads it")
                self.assertTrue(any(is_named(name, text) for text in helps.values()), f"{name} is in no --help")
            for ours in OURS:
                for name in rendering.environment(ours).keys() - shared.keys():
                    self.assertIn(name, read, "no executable reads it")
                    self.assertTrue(is_named(name, helps[ours]), f"{name} is not in the --help of {ours}")

    def test_the_configuration_of_redis_is_a_copy(self) -> None:
        for name in ("streams.conf", "cache.conf"):
            self.assertEqual((SOURCE / "overlays" / "single-node" / name).read_text(), source(f"ops/redis/{name}"))

    def test_postgres_is_set_as_elsewhere(self) -> None:
        arguments = " ".join(self.renderings["single-node"].pod("postgres")["spec"]["containers"][0]["args"])
        compose, buffers = source("compose.yaml"), f"{servers.SHARED_BUFFERS_MB}MB"
        for name, value in (("shared_buffers", buffers), ("max_wal_size", servers.MAX_WAL_SIZE)):
            self.assertIn(f"{name}={value}", arguments)
            self.assertIn(f'"{name}=${{POSTGRES_{name.upper()}:-{value}}}"', compose)

    def test_pools_fit_into_what_postgres_allows(self) -> None:
        """All fronts and workers that there may be, with one more of each while they are replaced, and the commands."""
        rendering = self.renderings["single-node"]
        arguments = " ".join(rendering.pod("postgres")["spec"]["containers"][0]["args"])
        allowed_connections = int(re.search(r"max_connections=(\d+)", arguments).group(1)) - 3
        pools = {
            "front": default_pool("Sources/HTTPFront/FrontSettings.swift") + 4,
            "worker": default_pool("Sources/Workers/WorkerSettings.swift"),
        }
        most = {
            "front": rendering.one("HorizontalPodAutoscaler", "front")["spec"]["maxReplicas"],
            "worker": rendering.one("ScaledObject", "worker")["spec"]["maxReplicaCount"],
        }
        needed = pools["worker"] * 2  # migrate, and somebody who looks
        for name in pools:
            surge = rendering.one("Deployment", name)["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
            needed += (most[name] + surge) * pools[name]
        self.assertLessEqual(needed, allowed_connections)

    def test_hashes_fit_into_memory(self) -> None:
        for _, rendering in self.each():
            threads = int(rendering.settings("questline")["QUESTLINE_HASH_THREADS"])
            self.assertGreater(threads, 0, "0 is one for each core of the node")
            limit = rendering.pod("front")["spec"]["containers"][0]["resources"]["limits"]["memory"]
            self.assertLess(threads * 19, int(limit.removesuffix("Mi")) / 2)

    def test_the_network_lets_through_what_is_needed_and_nothing_else(self) -> None:
        def pod(name: str) -> Peer:
            return Peer(rendering.pod(name)["metadata"]["labels"])

        dns, prometheus, anybody = Peer(namespace="kube-system"), Peer(namespace="monitoring"), Peer(namespace="default")
        for overlay, rendering in self.each():
            for name in OURS:
                self.assertTrue(allowed(rendering, pod(name), dns, 53, "UDP"), name)
                self.assertFalse(allowed(rendering, pod(name), Peer(address="192.0.2.1"), 443), name)
                self.assertFalse(allowed(rendering, anybody, pod(name), 22), name)
            self.assertTrue(allowed(rendering, anybody, pod("front"), 5173))
            for name in ("front", "worker"):
                self.assertTrue(allowed(rendering, prometheus, pod(name), 9090), name)
                self.assertFalse(allowed(rendering, anybody, pod(name), 9090), name)
            self.assertFalse(allowed(rendering, anybody, pod("worker"), 5173))
            for name in OURS:
                if overlay == "single-node":
                    for server, port in (("redis", 6379), ("cache", 6379), ("postgres", 5432)):
                        self.assertTrue(allowed(rendering, pod(name), pod(server), port), f"{name} to {server}")
                        self.assertFalse(allowed(rendering, anybody, pod(server), port), server)
                        self.assertFalse(allowed(rendering, pod(server), Peer(address="192.0.2.1"), 443), server)
                else:
                    for port in (5432, 6379):
                        self.assertTrue(allowed(rendering, pod(name), Peer(address="192.0.2.1"), port), name)
        rendering = self.renderings["single-node"]
        self.assertTrue(allowed(rendering, Peer(namespace="keda"), pod("redis"), 6379))
        self.assertFalse(allowed(rendering, Peer(namespace="keda"), pod("postgres"), 5432))


def ports(pod) -> dict[str, int]:
    return {one["name"]: one["containerPort"] for one in pod["spec"]["containers"][0].get("ports", [])}


def default_pool(path: str) -> int:
    return int(re.search(r'"QUESTLINE_POOL", default: (\d+)', source(path)).group(1))


def is_named(name: str, text: str) -> bool:
    """By its whole name, or by its end where others of its kind stand before it: `QUESTLINE_HOST, …_PORT`."""
    ends = re.findall(r"…((?:_[A-Z]+)+)", text)
    return re.search(rf"\b{name}\b", text) is not None or any(name.endswith(end) for end in ends)
