"""`python -m deployments.rehearsal`: what an operator does after the services are up, in order.

Saves the blocks of profile `rehearsal`, deploys everything in prefect.yaml, runs `gameplan/rehearsal`, prints
its report. The services are the local cloud's (`python -m localcloud up`), found through its endpoints.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dreamnet.errors import ConfigurationError, GameplanError


def endpoints_of(state: Path) -> dict[str, Any]:
    """What the local cloud says of itself.

    Raises:
        ConfigurationError: it is not up.
    """
    try:
        endpoints: dict[str, Any] = json.loads((state / "endpoints.json").read_text())
    except FileNotFoundError:
        endpoints = {}
    if "prefect" not in endpoints:
        raise ConfigurationError(f"No rehearsal is up in {state}.", "Start it with `make up`.")
    return endpoints


def main() -> int:
    """Returns the exit code: 0, or 1 where the gameplan did not complete."""
    parser = argparse.ArgumentParser(prog="python -m deployments.rehearsal", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".rehearsal"), help="the rehearsal's folder")
    parser.add_argument("--deploy-only", action="store_true", help="save blocks and deploy, but run nothing")
    options = parser.parse_args()
    try:
        endpoints = endpoints_of(options.state)
        os.environ.update(endpoints["prefect"]["environment"])  # before Prefect reads its settings
        prepare(endpoints)
        if not options.deploy_only:
            rehearse(endpoints, options.state)
    except GameplanError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def prepare(endpoints: dict[str, Any]) -> None:
    """Save the blocks and automations, and deploy; side by side, as both are mostly Prefect's imports."""
    from deployments.rehearsal.deploy import deploy_rehearsal

    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as pool:
        deploying = pool.submit(deploy_rehearsal)
        from deployments.automations import save_automations
        from deployments.rehearsal.blocks import save_blocks

        print(f"blocks           {'saved' if save_blocks(endpoints) else 'unchanged'}", flush=True)
        asyncio.run(save_automations())
        count, deployed = deploying.result()
    said = f"{count} {'deployed' if deployed else 'unchanged'}"
    print(f"deployments      {said}   {time.monotonic() - began:.1f} s", flush=True)


def rehearse(endpoints: dict[str, Any], state: Path) -> None:
    """Run the gameplan and print its report.

    Raises:
        RunFailed: the gameplan did not complete.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from deployments.rehearsal.backing import backing_table, backings
    from deployments.rehearsal.blocks import PROFILE
    from deployments.rehearsal.run import Api, run_and_follow

    prefect = endpoints["prefect"]
    api = Api(prefect["api"])
    print(f"\nprefect deployment run gameplan/{PROFILE} --watch     ({prefect['ui']})", flush=True)
    run = run_and_follow(api, f"gameplan/{PROFILE}", prefect["ui"])
    artifact = api.latest_artifact(f"gameplan-{PROFILE}")
    report = str(artifact["data"]) if artifact else "The run left no report."
    report += f"\n\n## Rehearsed and simulated\n\n{backing_table(backings(endpoints))}\n"
    Console(width=160 if not sys.stdout.isatty() else None).print(Markdown(report))
    print(f"UI: {prefect['ui']}/runs/flow-run/{run}")
    print(f"For Prefect's commands in this shell: source {state}/env. Stop everything: make down.")


if __name__ == "__main__":
    sys.exit(main())
