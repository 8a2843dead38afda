"""What every Block of the project shares."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, cast

from prefect.blocks.core import Block

#: Where an operator reads how to fill in a Block.
DOCUMENTATION_URL = "https://github.com/dreamnet/gameplan/blob/main/docs/operate.md#blocks"


class KeptSchema:
    """Of a Block: its JSON schema is made once a process.

    Prefect 3.9 asks for it at every field that it reads or writes, and makes it anew each time, with those of
    all Blocks inside.
    """

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Prefect's own schema of this Block; the caller's to change."""
        return deepcopy(_schema(cast(type[Block], cls), arguments, tuple(sorted(options.items()))))


@cache
def _schema(
    block: type[Block], arguments: tuple[Any, ...], options: tuple[tuple[str, Any], ...]
) -> dict[str, Any]:
    schema: dict[str, Any] = cast(Any, super(KeptSchema, cast(Any, block))).model_json_schema(
        *arguments, **dict(options)
    )
    return schema
