"""Real containers on real nodes: what `make e2e` runs, from the README's own commands on.

`backends` is how images and clusters are made: by kind and a container engine, or by devcluster's own node. `readme`
finds the commands. The tests see a cluster only as a user does, through kubectl and helm.
"""
