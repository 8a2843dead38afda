"""The flow that refreshes prices: what it hands to its task."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet.report import Step
from flows.refresh_prices import refresh_prices
from tasks import costs


@pytest.mark.parametrize("write", [False, True])
def test_prices_are_written_only_when_asked(write: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    step = Step("Prices", "unchanged", "0 prices changed.", 0.1)
    monkeypatch.setattr(costs, "refresh_prices", lambda *arguments: asked.append(arguments) or step)
    options = {"write": True} if write else {}
    assert refresh_prices.fn("acme", run="run-1", **options) is step
    assert asked == [("acme", "run-1", write)]
