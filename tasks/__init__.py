"""Prefect tasks, one file a capability: retries, cache keys, artifacts, events around the core."""
