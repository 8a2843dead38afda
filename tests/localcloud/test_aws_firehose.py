"""How Firehose names its objects."""

from datetime import UTC, datetime

import pytest

from localcloud.aws.services.firehose import prefix

NOW = datetime(2026, 11, 28, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("declared", "evaluated"),
    [
        ("", "2026/11/28/07/"),
        ("activity/", "activity/2026/11/28/07/"),
        ("activity/day=!{timestamp:yyyy-MM-dd}/", "activity/day=2026-11-28/"),
        ("a/!{timestamp:yyyy}/!{timestamp:MM/dd/HH-mm}/", "a/2026/11/28/07-05/"),
    ],
)
def test_prefixes(declared, evaluated):
    assert prefix(declared, NOW) == evaluated
