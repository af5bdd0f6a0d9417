"""The operator on what its image contains of the libraries that images/prune.py takes apart."""

import os
import subprocess
from pathlib import Path

from devcluster import Cluster
from devcluster.processes import wait_until
from testbed.api import NAMESPACE
from testbed.interpreters import pruned_interpreter
from testbed.replicas import Replicas
from tests.cluster.ha.conftest import Pools


def test_it_takes_the_lease_lists_reads_the_queue_scales_and_explains(
    replicas: Replicas, pools: Pools, audited: Cluster, tmp_path: Path
) -> None:
    pruned = pruned_interpreter(tmp_path / "libraries")
    pools.create("work", 50)
    operator = replicas.start("pruned", pruned)
    wait_until(lambda: pools.replicas() == {"work": 10}, 60, "the pool was not scaled")
    assert (operator.leads, replicas.lease()["holderIdentity"]) == (True, "pruned")
    argv = [str(pruned.python), "-m", "queueworkerpool", "explain", f"{NAMESPACE}/work"]
    env = os.environ | pruned.variables | {"KUBECONFIG": str(audited.kubeconfig)}
    explained = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert "50 messages / 5 per pod = 10 pods" in explained.stdout
