"""Metrics adapters: what answers ``custom.metrics.k8s.io`` and ``external.metrics.k8s.io``."""
