"""Every resource type that something stands behind. All others are simulated."""

from __future__ import annotations

from localcloud.aws.types import (
    TypeHandler,
    accelerator,
    access,
    billing,
    compute,
    containers,
    data,
    dns,
    edge,
    http_api,
    identity,
    learning,
    messaging,
    network,
    scheduling,
    watching,
)

HANDLERS: dict[str, TypeHandler] = {
    **network.TYPES,
    **identity.TYPES,
    **compute.TYPES,
    **data.TYPES,
    **messaging.TYPES,
    **access.TYPES,
    **accelerator.TYPES,
    **billing.TYPES,
    **containers.TYPES,
    **dns.TYPES,
    **edge.TYPES,
    **http_api.TYPES,
    **learning.TYPES,
    **scheduling.TYPES,
    **watching.TYPES,
}
