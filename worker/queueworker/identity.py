"""Which pod this worker is in, for its /state: an address may have been another pod's a moment ago. Pure."""

from collections.abc import Mapping


def pod_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the pod's name and uid, as far as the environment tells them.

    POD_NAME and POD_UID are what a pod template sets from its own fields. Without POD_NAME, the host name that
    container runtimes set is the pod's.
    """
    found = {"pod": environment.get("POD_NAME") or environment.get("HOSTNAME"), "uid": environment.get("POD_UID")}
    return {name: value for name, value in found.items() if value}
