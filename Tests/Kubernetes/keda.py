"""What KEDA's documentation says of the fields that are used here: there is no schema of it among those of Kubernetes."""

from rendering import Object

# keda.sh/docs: ScaledObject specification; Redis Streams scaler; authentication.
SPEC = {
    "scaleTargetRef", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount", "minReplicaCount",
    "maxReplicaCount", "fallback", "advanced", "triggers",
}
TARGET = {"apiVersion", "kind", "name", "envSourceContainerName"}
FALLBACK = {"failureThreshold", "replicas", "behavior"}
ADVANCED = {"restoreToOriginalReplicaCount", "horizontalPodAutoscalerConfig", "scalingModifiers"}
TRIGGER = {"type", "name", "metadata", "authenticationRef", "metricType", "useCachedMetrics"}
REDIS_STREAMS = {
    "address", "host", "port", "addressFromEnv", "hostFromEnv", "portFromEnv", "usernameFromEnv", "passwordFromEnv", "stream",
    "consumerGroup", "pendingEntriesCount", "streamLength", "lagCount", "activationLagCount", "enableTLS", "unsafeSsl",
    "databaseIndex",
}
PARAMETERS = {"username", "password"}


def faults(scaled: Object) -> list[str]:
    """What KEDA would refuse or not understand."""
    spec = scaled["spec"]
    found = [f"spec.{name}" for name in spec.keys() - SPEC]
    found += [f"scaleTargetRef.{name}" for name in spec["scaleTargetRef"].keys() - TARGET]
    found += [f"fallback.{name}" for name in spec.get("fallback", {}).keys() - FALLBACK]
    found += [f"advanced.{name}" for name in spec.get("advanced", {}).keys() - ADVANCED]
    for trigger in spec["triggers"]:
        found += [f"trigger.{name}" for name in trigger.keys() - TRIGGER]
        metadata = trigger["metadata"]
        found += [f"metadata.{name}" for name in metadata.keys() - REDIS_STREAMS]
        found += [f"metadata.{name} is not text" for name, value in metadata.items() if not isinstance(value, str)]
        if trigger["type"] != "redis-streams":
            found.append(f"trigger of type {trigger['type']}")
        if "stream" not in metadata or not ({"address", "addressFromEnv"} & metadata.keys() or {"host", "port"} <= metadata.keys()):
            found.append("no stream or no address")
        if "lagCount" in metadata and "activationLagCount" not in metadata:
            found.append("lagCount needs activationLagCount")
    return found
