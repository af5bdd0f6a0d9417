"""What the commands have in common: which cluster, which namespace, which pool, as kubectl has it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import click

from queueworkerpool.model import NamespacedName

if TYPE_CHECKING:
    from queueworkerpool.cluster import Login

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class ObjectName(click.ParamType[str]):
    """The name of an object of the API server."""

    name = "NAME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is; fails for what cannot be a name, which would be another path."""
        if not _NAME.fullmatch(value):
            self.fail(f"{value!r} is no name: small letters, digits, hyphens and dots", param, ctx)
        return value


class PoolName(click.ParamType[NamespacedName]):
    """POOL, or NAMESPACE/POOL; without a namespace, that is empty."""

    name = "[NAMESPACE/]POOL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> NamespacedName:
        """Split it; fails when it is not one name, or two with a slash between them."""
        namespace, slash, name = value.rpartition("/")
        if not _NAME.fullmatch(name) or (slash and not _NAME.fullmatch(namespace)):
            self.fail(f"{value!r}: write it as POOL or NAMESPACE/POOL, such as default/thumbnails", param, ctx)
        return NamespacedName(namespace, name)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Which cluster a command asks, and in which namespace; empty is what was not given."""

    namespace: str
    kubeconfig: str
    context: str

    @property
    def login(self) -> "Login":
        """The kubeconfig and context."""
        from queueworkerpool.cluster import Login  # noqa: PLC0415 -- see the package's docstring

        return Login(self.kubeconfig, self.context)

    def place(self) -> str:
        """Return the namespace: the one given, else the context's. Raises ClusterError without a kubeconfig."""
        return self.namespace or self.login.namespace()

    def pool(self, given: NamespacedName) -> NamespacedName:
        """Return the whole name of a pool. Raises UsageError for two namespaces, ClusterError as above."""
        if given.namespace and self.namespace not in {"", given.namespace}:
            raise click.UsageError(f"{given} is not in the namespace {self.namespace}: leave one of the two out")
        return NamespacedName(given.namespace or self.place(), given.name)


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all have; it gets them as `options`."""

    def packed(*, namespace: str | None, kubeconfig: str, context: str, **others: Any) -> None:
        command(options=ClusterOptions(namespace or "", kubeconfig, context), **others)

    packed = update_wrapper(packed, command)
    for option in (
        click.option("--kubeconfig", type=click.Path(), default="", help="The kubeconfig. Default: as kubectl's."),
        click.option("--context", default="", help="The context of the kubeconfig. Default: the current one."),
        click.option("-n", "--namespace", type=ObjectName(), help="The namespace. Default: the context's."),
    ):
        packed = option(packed)
    return packed


all_namespaces = click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces.")
