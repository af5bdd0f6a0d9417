"""The control plane's programs take what their users want to have different."""

from pathlib import Path

from devcluster import controlplane
from devcluster.certificates import Authority


def test_further_arguments_of_the_controller_manager_come_last_so_that_they_win(tmp_path: Path) -> None:
    keys = controlplane.Keys.make(Authority(tmp_path))
    usual = controlplane.controller_manager(tmp_path / "kubeconfig", keys)
    extra = ["--kube-api-qps=1", "--horizontal-pod-autoscaler-sync-period=2s"]
    assert controlplane.controller_manager(tmp_path / "kubeconfig", keys, extra) == [*usual, *extra]
