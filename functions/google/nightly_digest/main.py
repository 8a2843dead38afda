"""Cloud Function: sums up the dreams that were processed, in one object a day.

Trigger: HTTP, from Cloud Scheduler. Environment: `LAKE_BUCKET`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import functions_framework


def digest(records: Iterable[dict[str, Any]], day: str) -> dict[str, Any]:
    """Figures of the records that were processed on a day (`2026-11-28`).

    Args:
        records: as `dream_processed` writes them.
    """
    own = [one for one in records if str(one.get("processed_at", "")).startswith(day)]
    words = sum(int(one.get("words", 0)) for one in own)
    return {"day": day, "dreams": len(own), "words": words, "mean_words": words / len(own) if own else 0.0}


@functions_framework.http
def nightly_digest(request: Any) -> tuple[dict[str, Any], int]:
    """Entry point: writes `digests/DAY.json` and answers with what it holds. `?day=` asks for another day."""
    from google.cloud import storage

    day = request.args.get("day") or datetime.now(UTC).date().isoformat()
    bucket = storage.Client().bucket(os.environ["LAKE_BUCKET"])
    records = (json.loads(blob.download_as_bytes()) for blob in bucket.list_blobs(prefix="processed/dreams/"))
    found = digest(records, day)
    bucket.blob(f"digests/{day}.json").upload_from_string(json.dumps(found), content_type="application/json")
    return found, 200
