"""What clusters of every kind are to their users: started and ended by `with`, and used by kubectl and helm.

`Cluster` and `RealCluster` derive from it. It knows nothing of how a cluster is made.
"""

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from devcluster import commands, tools


class Administered:
    """A cluster that lives in DIRECTORY while the `with` body runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.kubeconfig = self.directory / "kubeconfig"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; return when pods can run. Raises UnavailableError, StartFailedError."""
        raise NotImplementedError

    def stop(self) -> None:
        """End everything that was started; the logs stay."""
        raise NotImplementedError

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - subprocess calls it so
        """Run kubectl as the cluster's administrator; return its output. Raises CommandFailedError."""
        return commands.run(self._kubectl, arguments, commands.environment(self.kubeconfig), input)

    def helm(self, *arguments: str) -> str:
        """Run helm as the cluster's administrator; return its output. Raises CommandFailedError."""
        return commands.run(self._helm, arguments, commands.environment(self.kubeconfig), None)

    def apply(self, manifests: str) -> str:
        """Apply YAML or JSON manifests with kubectl."""
        return self.kubectl("apply", "-f", "-", input=manifests)

    @cached_property
    def _kubectl(self) -> Path:
        return tools.kubectl()

    @cached_property
    def _helm(self) -> Path:
        return tools.helm()
