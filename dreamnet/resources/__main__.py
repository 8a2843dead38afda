"""`python -m dreamnet.resources validate infrastructure`: the catalogue against the vendors' schemas,
offline."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.model import Driver


def offline_drivers() -> Mapping[str, Driver]:
    """Both drivers on accounts that name nobody: enough to validate, and unable to call anything."""
    from google.auth.credentials import AnonymousCredentials

    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount
    from dreamnet.resources.aws.driver import AwsDriver
    from dreamnet.resources.google.driver import GoogleDriver

    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    google = GoogleAccount("offline", "us-central1", "us-central1-a", "us-east1", anonymous)
    aws = AwsAccount.from_keys(
        account_id="000000000000",
        region="us-east-1",
        second_region="us-west-2",
        access_key_id="offline",
        secret_access_key="offline",
    )
    return {"google": GoogleDriver(google), "aws": AwsDriver(aws)}


def validate(root: Path) -> int:
    """Print `path:line: field: message` for every problem, or what was found to be sound.

    Returns:
        The process's exit code: 1 where there was any problem.
    """
    try:
        catalogue = load_catalogue(root)
    except ConfigurationError as error:
        print(error.problem, file=sys.stderr)
        return 1
    problems = catalogue.validate(offline_drivers())
    for problem in problems:
        print(problem, file=sys.stderr)
    counts = Counter(resource.cloud for resource in catalogue)
    types = len({resource.type for resource in catalogue})
    found = f"{len(catalogue)} resources of {types} types"
    by_cloud = ", ".join(f"{number} {cloud}" for cloud, number in counts.items())
    verdict = f"{len(problems)} problems" if problems else "valid"
    print(f"{found} ({by_cloud}): {verdict}")
    return 1 if problems else 0


def main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(prog="python -m dreamnet.resources", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("validate", help="check every declaration against its schema, offline")
    command.add_argument("root", type=Path, help="the folder that holds google/ and aws/")
    return validate(parser.parse_args().root)


if __name__ == "__main__":
    sys.exit(main())
