"""What every task needs: its profile, its cache key, its progress, its artifacts.

Tasks take names and ids, never clients: Prefect stores a task's inputs as the key of its result, and a client
or a lock can't be stored. `run` is the id of the outermost flow run; it is part of every key, so that a retry
of that run finds what is finished, and a new run looks at the world again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefect import Task, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging.loggers import task_run_logger

from blocks import GameplanProfile
from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ConfigurationError, UnreachableError
from dreamnet.report import Step

#: The project's folder: flows run in it, whatever directory the worker was started in.
PROJECT = Path(__file__).resolve().parent.parent
INFRASTRUCTURE = PROJECT / "infrastructure"

#: Same task source, same inputs (the run among them): the same result.
ONCE_A_RUN = INPUTS + TASK_SOURCE


def transient(task: object, task_run: TaskRun, state: State[Any]) -> bool:
    """Whether repeating a task can help: only where nothing answered. A refusal stays one."""
    return isinstance(state.result(raise_on_failure=False), UnreachableError)


def say_step(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
    """Log what a task's step did, for those who watch the run."""
    step = state.result(raise_on_failure=False)
    if isinstance(step, Step):
        task_run_logger(task_run, task).info("%s: %s: %s", step.title, step.outcome, step.detail)


#: How tasks that change or read a cloud are run.
CLOUD_TASK: dict[str, Any] = {
    "cache_policy": ONCE_A_RUN,
    "persist_result": True,
    "retries": 2,
    "retry_delay_seconds": [2, 10],
    "retry_condition_fn": transient,
    "on_completion": [say_step],
}


def load_profile(name: str) -> GameplanProfile:
    """The profile of that name.

    Raises:
        ConfigurationError: there is none, or it is not valid.
    """
    try:
        profile = GameplanProfile.load(name)
    except ValueError:
        raise ConfigurationError(
            f"There is no gameplan profile named {name!r}.",
            "Save one in the UI under Blocks, or by a script as docs/operate.md shows; "
            "`prefect block ls` lists those that exist.",
        ) from None
    except RuntimeError:  # a block that it refers to does not validate; Prefect's text may quote the value
        raise ConfigurationError(
            f"Gameplan profile {name!r}, or a Block that it refers to, holds a value that is not valid.",
            "Correct it in the UI under Blocks; the credentials' keys are the usual suspects.",
        ) from None
    assert isinstance(profile, GameplanProfile)
    return profile


@lru_cache(maxsize=4)
def google_account(profile: str) -> GoogleAccount:
    """The profile's Google account: one a process, so that its tokens and connections are shared."""
    return load_profile(profile).google.account()


@lru_cache(maxsize=4)
def aws_account(profile: str) -> AwsAccount:
    """The profile's AWS account: one a process."""
    return load_profile(profile).aws.account()


def progress() -> Callable[[str], None]:
    """Say where a long step stands, in the run's log."""
    log: logging.LoggerAdapter[Any] | logging.Logger = get_run_logger()
    return log.info


def publish(key: str, markdown: str, description: str) -> None:
    """Store a Markdown artifact; later ones of the same key become its newer versions."""
    create_markdown_artifact(
        key=re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-"), markdown=markdown, description=description
    )
