"""Named parts of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.selections import load_selection, load_selections

ROOT = Path(__file__).parents[3] / "infrastructure"
FILE = ROOT / "selections.yaml"


@pytest.mark.parametrize("name", load_selections(FILE))
def test_every_shipped_selection_names_what_is_declared(name):
    catalogue = load_catalogue(ROOT)
    selected = load_selection(FILE, name).of(catalogue)
    assert 0 < len(selected) <= len(catalogue)
    for resource in selected:
        assert selected.dependencies(resource.id) <= set(selected.resources)


def test_full_is_everything():
    catalogue = load_catalogue(ROOT)
    assert set(load_selection(FILE, "full").of(catalogue).resources) == set(catalogue.resources)


def test_an_id_selects_one_resource_and_what_it_needs():
    selected = load_catalogue(ROOT).select(["google/subnetwork"])
    assert set(selected.resources) == {"google/network", "google/subnetwork"}


def test_an_unknown_selection_names_those_that_there_are():
    with pytest.raises(ConfigurationError, match="no selection 'startr'") as caught:
        load_selection(FILE, "startr")
    assert "gameplan" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "a: [google]\n",
        "a: {description: x, resources: []}\n",
        "a: {description: x, resources: [google], more: 1}\n",
    ],
)
def test_an_entry_of_another_form_is_refused(tmp_path, text):
    (tmp_path / "selections.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="a must hold a description and a list"):
        load_selection(tmp_path / "selections.yaml", "a")


def test_an_entry_that_names_nothing_is_refused(tmp_path):
    (tmp_path / "selections.yaml").write_text("a: {description: x, resources: [google/nothing]}\n")
    with pytest.raises(ConfigurationError, match="declares no resource"):
        load_selection(tmp_path / "selections.yaml", "a").of(load_catalogue(ROOT))
