"""Where Google has regions and zones, as compute and the APIs' `locations.list` say.

From cloud.google.com/compute/docs/regions-zones and the products' locations pages, November 2026. An API that
is not named below is offered everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Zones' letters by region; where nothing is said, a, b and c.
_LETTERS: Mapping[str, str] = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd"}

REGIONS = (
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
)

#: APIs that are offered in some places only.
_ONLY: Mapping[str, tuple[str, ...]] = {
    "documentai": (
        "us",
        "eu",
        "asia-south1",
        "asia-southeast1",
        "australia-southeast1",
        "europe-west2",
        "europe-west3",
        "northamerica-northeast1",
    ),
}

#: What APIs list beside regions.
_WIDER = ("global", "us", "eu", "asia", "europe")


def zones(region: str) -> list[str]:
    """The zones of a region."""
    return [f"{region}-{letter}" for letter in _LETTERS.get(region, "abc")]


def locations(api: str, project: str) -> dict[str, Any]:
    """The answer of an API's `projects.locations.list`."""
    names = _ONLY.get(api) or (*_WIDER, *REGIONS, *(zone for region in REGIONS for zone in zones(region)))
    listed = [{"name": f"projects/{project}/locations/{name}", "locationId": name} for name in names]
    return {"locations": listed}
