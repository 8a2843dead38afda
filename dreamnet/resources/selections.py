"""Named parts of the catalogue: what fits the credits, what the four weeks build, everything.

`infrastructure/selections.yaml` maps a name to a description and to the folders, files and ids that belong to
it; what those depend on belongs to it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import Catalogue

_KEYS = {"description", "resources"}


@dataclass(frozen=True)
class Selection:
    """A named part of the catalogue.

    Attributes:
        name: what operators type.
        description: one sentence.
        resources: folders and files relative to the catalogue's root, and ids.
    """

    name: str
    description: str
    resources: tuple[str, ...]

    def of(self, catalogue: Catalogue) -> Catalogue:
        """That part of the catalogue.

        Raises:
            ConfigurationError: one of its entries names nothing.
        """
        return catalogue.select(self.resources)


def load_selections(file: Path) -> Mapping[str, Selection]:
    """Read every selection.

    Raises:
        ConfigurationError: the file can't be read, or an entry is not of the form described above.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"The selections {file} can't be read: {type(error).__name__}.",
            "Restore the file from the repository, or correct its YAML.",
        ) from error
    return {name: _selection(file, name, entry) for name, entry in document.items()}


def load_selection(file: Path, name: str) -> Selection:
    """Read one selection.

    Raises:
        ConfigurationError: there is none of that name; the message lists those that there are.
    """
    selections = load_selections(file)
    if name not in selections:
        raise ConfigurationError(
            f"{file.name} has no selection {name!r}.", f"Choose one of {', '.join(selections)}, or add it."
        )
    return selections[name]


def _selection(file: Path, name: str, entry: Any) -> Selection:
    if not isinstance(entry, dict) or set(entry) != _KEYS or not all(entry.values()):
        raise ConfigurationError(
            f"{file.name}: {name} must hold a description and a list of resources, and nothing else.",
            "Correct the entry.",
        )
    return Selection(name, entry["description"], tuple(entry["resources"]))
