"""Places where moto invents an address and we have a real one."""

from __future__ import annotations

from typing import Any


def show_real_addresses() -> None:
    """Make RDS instances show the address of the server behind them; they have none before it runs."""
    from moto.rds.models import DBInstance

    def address(instance: Any) -> str:
        return str(instance.__dict__.get("rehearsal_address", ""))

    def endpoint(instance: Any) -> dict[str, Any] | None:
        if not address(instance):
            return None
        return {"Address": address(instance), "Port": instance.port}

    DBInstance.address = property(address)
    DBInstance.endpoint = property(endpoint)
