"""Prefect flows, one file each: they read like the plan. What a step does is in tasks/, how in dreamnet/."""
