"""Whether it renders, and whether a cluster would take it."""

import copy
import shutil
import subprocess

import kubernetes_validate

import keda
import tools
from case import OVERLAYS, Case
from rendering import PROJECT, Rendering, Tree

VERSIONS = kubernetes_validate.utils.all_versions()[-4:]
# kustomize adds common labels to more places than it used to; the pods that are meant are the same.
SPREAD = "topologySpreadConstraints"


class ValidityTests(Case):
    def test_newer_kustomize_renders_the_same(self) -> None:
        newer = shutil.which("kubectl")
        if not newer or subprocess.run([newer, "kustomize", "--help"], capture_output=True).returncode != 0:
            self.skipTest("no other kubectl on this machine")
        tree = Tree()
        self.addCleanup(tree.remove)
        tree.fill()
        for name in OVERLAYS:
            answers = [tree.render(program, f"overlays/{name}") for program in (tools.kubectl(), newer)]
            self.assertEqual([answer.returncode for answer in answers], [0, 0], [answer.stderr for answer in answers])
            old, new = ({key(one): comparable(one) for one in Rendering(answer.stdout).objects} for answer in answers)
            self.assertEqual(old.keys(), new.keys())
            for one in old:
                self.assertEqual(old[one], new[one])

    def test_without_secrets_nothing_is_rendered(self) -> None:
        tree = Tree()
        self.addCleanup(tree.remove)
        for name in OVERLAYS:
            answer = tree.render(tools.kubectl(), f"overlays/{name}")
            self.assertNotEqual(answer.returncode, 0)
            self.assertIn("secrets.env", answer.stderr)

    def test_every_part_renders_by_itself(self) -> None:
        tree = Tree()
        self.addCleanup(tree.remove)
        tree.fill()
        for name in ("base", "keda", "ingress"):
            answer = tree.render(tools.kubectl(), name)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.validate(Rendering(answer.stdout))

    def test_the_schemas_of_kubernetes_hold(self) -> None:
        for _, rendering in self.each():
            self.validate(rendering)

    def validate(self, rendering: Rendering) -> None:
        for one in rendering.objects:
            if one["apiVersion"].startswith("keda.sh/"):
                continue
            for version in VERSIONS:
                with self.subTest(version=version, object=key(one)):
                    kubernetes_validate.validate(one, version, strict=True)

    def test_the_schemas_would_notice(self) -> None:
        """Otherwise the test above says nothing."""
        for place in ("spec", "template"):
            broken = copy.deepcopy(self.renderings["managed"].one("Deployment", "front"))
            (broken["spec"] if place == "spec" else broken["spec"]["template"]["spec"])["replica"] = 3
            with self.assertRaises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)

    def test_keda_is_asked_for_what_it_documents(self) -> None:
        for name, rendering in self.each():
            scaled = rendering.one("ScaledObject", "worker")
            self.assertEqual(keda.faults(scaled), [])
            spec = scaled["spec"]
            rendering.one("Deployment", spec["scaleTargetRef"]["name"])
            self.assertGreaterEqual(spec["minReplicaCount"], 1, "the lag leaves out what is pending and what is in the outboxes")
            trigger = spec["triggers"][0]
            self.assertEqual(trigger["metadata"]["stream"], "quest:signins")
            self.assertEqual(trigger["metadata"]["consumerGroup"], "progress")
            authentication = rendering.one("TriggerAuthentication", trigger["authenticationRef"]["name"])
            for source in authentication["spec"]["secretTargetRef"]:
                self.assertIn(source["parameter"], keda.PARAMETERS)
                self.assertIn(source["key"], rendering.secrets(source["name"]))
            host = trigger["metadata"]["address"].partition(":")[0]
            self.assertIn(host.partition(".")[0], rendering.secrets("questline")["REDIS_URL"])
            broken = copy.deepcopy(scaled)
            broken["spec"]["triggers"][0]["metadata"]["lagcount"] = "1"
            broken["spec"]["minReplicas"] = 1
            self.assertEqual(sorted(keda.faults(broken)), ["metadata.lagcount", "spec.minReplicas"])

    def test_no_secret_stands_in_the_repository(self) -> None:
        listing = subprocess.run(["git", "ls-files", "ops/kubernetes"], cwd=PROJECT, capture_output=True, text=True)
        for path in listing.stdout.split():
            self.assertFalse(path.endswith("secrets.env"), path)
            if path.endswith(".example"):
                rows = [row for row in (PROJECT / path).read_text().splitlines() if not row.startswith("#")]
                self.assertTrue(rows and all(row.endswith("=") for row in rows), path)
        ignored = subprocess.run(
            ["git", "check-ignore", "-q", "ops/kubernetes/overlays/managed/secrets.env"], cwd=PROJECT
        )
        if (PROJECT / ".git").exists():
            self.assertEqual(ignored.returncode, 0, "git would add secrets.env")


def key(one) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def comparable(one):
    one = copy.deepcopy(one)
    if one["kind"] == "Secret":
        one["data"] = {name: "".join(value.split()) for name, value in one["data"].items()}
    for rule in one["spec"]["template"]["spec"].get(SPREAD, []) if one["kind"] == "Deployment" else []:
        rule["labelSelector"]["matchLabels"].pop("app.kubernetes.io/part-of", None)
    return one
