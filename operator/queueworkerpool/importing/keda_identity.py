"""Who reads the queue: KEDA's authentications, which have no equal in a pool. Pure. `keda` calls it.

A pool's queue is read by the operator, with its own identity or the role of a tenant. Secrets are not copied.
"""

from collections.abc import Iterable

from queueaddress import AddressError, parse, partition_of
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.source import Path, SourceObject, dotted

GROUP = "keda.sh"
KINDS = ("TriggerAuthentication", "ClusterTriggerAuthentication")

_OWN = "the operator reads the queue with its own identity, which needs sqs:GetQueueAttributes on it"
_SECRETS = {
    "secretTargetRef": "secrets",
    "env": "variables of the workload",
    "hashiCorpVault": "secrets of Vault",
    "azureKeyVault": "secrets of a key vault",
    "gcpSecretManager": "secrets of Google's Secret Manager",
    "awsSecretManager": "secrets of AWS's Secrets Manager",
    "configMapTargetRef": "values of a ConfigMap",
    "boundServiceAccountToken": "tokens of a service account",
    "filePath": "files",
}


def note_authentication(draft: Draft, trigger: Path, context: Context, url: str) -> None:
    """Say of a trigger's authentication what happens instead."""
    source, at = draft.source, (*trigger, "authenticationRef")
    if not source.mapping(at):
        return
    kind = source.text((*at, "kind")) or KINDS[0]
    name = source.required_text((*at, "name"), "aws-credentials")
    found = context.find(GROUP, kind, source.namespace if kind == KINDS[0] else "", name)
    if found is None:
        draft.note(at, f"{_OWN}; the {kind} {name} is not among what is imported")
        return
    for text in _differences(found, url, source.namespace):
        draft.note(at, f"{text} ({kind} {name}, {found.place()})")


def _differences(found: SourceObject, url: str, namespace: str) -> Iterable[str]:
    identity: Path = ("spec", "podIdentity")
    provider, role = found.text((*identity, "provider")), found.text((*identity, "roleArn"))
    if role:
        yield _by_role(role, url, namespace)
    elif found.text((*identity, "identityOwner")) == "workload":
        yield f"{_OWN}; KEDA took that of the workload's service account"
    elif provider and provider not in ("aws", "aws-eks", "none"):
        yield f"{_OWN}; KEDA took what {provider} gave it"
    for field, what in _SECRETS.items():
        if found.find(("spec", field)):
            yield f"{_OWN}; {what} are never copied ({dotted(('spec', field))})"


def _by_role(role: str, url: str, namespace: str) -> str:
    entry = f'{{namespaces: [{namespace or "NAMESPACE"}], queues: ["{_arn(url)}"], roleArn: "{role}"}}'
    setting = f"add to the chart's `tenants` {entry}, and then one for each other namespace"
    return f"a role is the operator's setting, not the pool's: {setting}"


def _arn(url: str) -> str:
    try:
        address = parse(url)
    except AddressError:
        return "arn:aws:sqs:REGION:ACCOUNT:NAME"
    region = address.region or "REGION"
    partition = partition_of(address.region) if address.region else "aws"
    return f"arn:{partition}:sqs:{region}:{address.account or 'ACCOUNT'}:{address.name}"
