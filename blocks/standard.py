"""What every Block of the project shares in Prefect's UI."""

#: Where an operator reads how to fill in a Block.
DOCUMENTATION_URL = "https://github.com/dreamnet/gameplan/blob/main/docs/operate.md#blocks"
