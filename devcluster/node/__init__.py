"""A Kubernetes node whose pods are local processes. A test bed, not a kubelet.

One asyncio process (`python -m devcluster.node`): it registers a Node, watches the Pods bound to it, runs each
container's command as a process, answers probes, reports status. There are no images, volumes, cgroups or network
namespaces. Nothing in here is imported by the rest of devcluster, except the folder layout in `files`.
"""
