"""A PostgreSQL database that is not ours to create, such as Neon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.standard import DOCUMENTATION_URL, KeptSchema

if TYPE_CHECKING:
    from dreamnet.postgres.database import Database


class PostgresDatabase(KeptSchema, Block):
    """A PostgreSQL database: where it is and whom to be there.

    For Neon use the direct host (never `-pooler`) and a role made in its Console, CLI or API.

    Example:
        ```python
        from blocks import PostgresDatabase

        neon = PostgresDatabase.load("BLOCK_NAME")
        neon.connection()
        ```
    """

    _block_type_name = "PostgreSQL (DreamNet)"
    _block_type_slug = "dreamnet-postgres-database"
    _logo_url = "https://cdn.sanity.io/images/3ugk85nk/production/fb3f4debabcda1c5a3aeea4f5b3f94c28845e23e-250x250.png"  # type: ignore[assignment]
    _documentation_url = DOCUMENTATION_URL  # type: ignore[assignment]

    host: str = Field(description="The server's name or address.")
    port: int = Field(default=5432, description="The server's port.", ge=1, le=65535)
    database: str = Field(description="The database's name.")
    user: str = Field(description="The role that owns the tables and may replicate.")
    password: SecretStr = Field(description="The role's password.")
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        default="verify-full", description="How the server's certificate is checked, as libpq names it."
    )

    def connection(self) -> Database:
        """The database as the core's functions take it."""
        from dreamnet.postgres.database import Database

        return Database(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=self.user,
            password=self.password.get_secret_value(),
            sslmode=self.sslmode,
        )
