"""A Kubernetes node whose pods are local processes. It is for tests and demos, and not a kubelet.

One asyncio process (`python -m devcluster.node`): it registers a Node, watches the Pods bound to it, runs each
container's command as a process, answers probes, reports status. There are no images, volumes, cgroups or network
namespaces. The rest of devcluster imports nothing from here, except the folder layout in `files` and `leftovers`.
"""
