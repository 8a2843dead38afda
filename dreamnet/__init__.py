"""DreamNet's gameplan without an orchestrator: clouds, resources, Kubernetes, PostgreSQL, cost and failover.

Nothing here imports Prefect or the local cloud; `tests/test_architecture.py` holds that direction.
"""
