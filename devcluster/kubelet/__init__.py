"""A cluster whose nodes run real kubelets and containers, on this machine and without a container engine.

`cluster.RealCluster` is what tests and the command line use. It starts one process, `python -m devcluster.kubelet`, in
namespaces of its own for network, mounts and processes, and everything else runs inside: control plane, containerd,
kubelet, kube-proxy, pods. When that process ends, in whatever way, the kernel ends the rest and takes down mounts and
interfaces; only cgroups and files stay, in places that carry the cluster's mark, and the next start removes them.

It is Linux's own means put together, for tests: not a way to run anything that matters.
"""
