"""What is about to be created, as far as files and profile say it: the ground of every check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ConfigurationError
from dreamnet.prechecks.findings import Finding
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.model import Cloud, Resource
from dreamnet.resources.references import Resolver


@dataclass(frozen=True)
class Scope:
    """The selection with its variables filled in, and the accounts that it is for.

    Attributes:
        resources: outputs of other resources still stand as `Unknown`, secrets as references.
        unresolved: a blocking finding for each declaration that names a variable the profile lacks.
    """

    resources: tuple[Resource, ...]
    google: GoogleAccount
    aws: AwsAccount
    unresolved: tuple[Finding, ...] = ()

    def of(self, cloud: Cloud) -> tuple[Resource, ...]:
        """One cloud's resources."""
        return tuple(resource for resource in self.resources if resource.cloud == cloud)


def make_scope(
    catalogue: Catalogue, google: GoogleAccount, aws: AwsAccount, variables: Mapping[str, Any]
) -> Scope:
    """Resolve what can be known now of every declaration."""
    resolver = Resolver(variables, lambda _: None)
    resources, unresolved = [], []
    for declared in catalogue:
        try:
            resources.append(resolver.resolve(declared))
        except ConfigurationError as error:
            sentence = f"{error.problem} {error.remedy}"
            unresolved.append(Finding(declared.cloud, "declarations", "blocks", sentence))
    return Scope(tuple(resources), google, aws, tuple(unresolved))
