"""Prefect flows, one file each: they read like the plan. What a step does is in tasks/, how in dreamnet/."""

from tasks.log import quiet_operator_errors

quiet_operator_errors()
