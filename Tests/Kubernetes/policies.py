"""Who may reach whom by the network policies, as the Kubernetes documentation defines them."""

from typing import Any

from rendering import Object, Rendering


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    if selector is None:
        return False
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", rule
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


class Peer:
    """A pod of ours, of another namespace, or something outside of the cluster (an address)."""

    def __init__(self, labels: dict[str, str] | None = None, namespace: str = "questline", address: str | None = None):
        self.labels, self.namespace, self.address = labels or {}, namespace, address

    def matches(self, rule: Object) -> bool:
        if "ipBlock" in rule:
            return self.address is not None and rule["ipBlock"]["cidr"] == "0.0.0.0/0"
        if self.address is not None:
            return False
        if "namespaceSelector" in rule:
            namespace = selects(rule["namespaceSelector"], {"kubernetes.io/metadata.name": self.namespace})
        else:
            namespace = self.namespace == "questline"
        return namespace and ("podSelector" not in rule or selects(rule["podSelector"], self.labels))


def allowed(rendering: Rendering, sender: Peer, receiver: Peer, port: int, protocol: str = "TCP") -> bool:
    return passes(rendering, "Egress", sender, receiver, port, protocol) and passes(
        rendering, "Ingress", receiver, sender, port, protocol
    )


def passes(rendering: Rendering, direction: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    """Whether the policies of one end let it through: those of pods that are not ours are not our business."""
    if pod.namespace != "questline" or pod.address is not None:
        return True
    rules: list[Any] = []
    isolated = False
    for policy in rendering.all("NetworkPolicy"):
        spec = policy["spec"]
        if direction in spec["policyTypes"] and selects(spec["podSelector"], pod.labels):
            isolated = True
            rules += spec.get(direction.lower(), [])
    if not isolated:
        return True
    side = "to" if direction == "Egress" else "from"
    return any(
        (side not in rule or any(other.matches(peer) for peer in rule[side]))
        and ("ports" not in rule or any(
            one.get("port", port) == port and one.get("protocol", "TCP") == protocol for one in rule["ports"]
        ))
        for rule in rules
    )
