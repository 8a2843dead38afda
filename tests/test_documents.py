"""README and docs/, as files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Shorter lines may be a command or a table's head, which stands in several places.
LONG = 50


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_passage_stands_twice(document: Path) -> None:
    lines = Counter(line for line in document.read_text().splitlines() if len(line) > LONG)
    assert [line for line, times in lines.items() if times > 1] == []
