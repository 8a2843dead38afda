"""Every resource type that something stands behind. All others are simulated."""

from __future__ import annotations

from localcloud.aws.types import TypeHandler, compute, data, identity, messaging, network

HANDLERS: dict[str, TypeHandler] = {
    **network.TYPES,
    **identity.TYPES,
    **compute.TYPES,
    **data.TYPES,
    **messaging.TYPES,
}
