"""A small Kubernetes API server for the rehearsal: one process is one cluster, its nodes and its kubelets.

Run it with ``python -m localcloud.kubernetes --help``. Objects, verbs, patches and controllers behave as
Kubernetes does; Pods are simulated (and say so), except DreamNet's backend, which is a real process.
"""
