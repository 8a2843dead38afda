"""Agents, their dreams and what happened to them, all as of one moment, for analysis in BigQuery."""

from dreamnet.warehouse import Check, Pipeline, Source

PIPELINE = Pipeline(
    name="dreams_to_bigquery",
    sources=(
        Source(table="agents", query="public.agents", key=("id",)),
        Source(table="dreams", query="public.dreams", key=("id",)),
        Source(table="events", query="public.events", key=("occurred_at", "id")),
    ),
    bucket="{project}-lake",
    dataset="dreamnet",
    schedule="0 3 * * *",
    timezone="America/New_York",
    checks=(
        Check("every dream has a title", "SELECT COUNT(*) FROM {dreams} WHERE title IS NULL OR title = ''"),
        Check(
            "every dream belongs to an agent",
            "SELECT COUNT(*) FROM {dreams} AS d LEFT JOIN {agents} AS a ON a.id = d.agent_id "
            "WHERE a.id IS NULL",
        ),
        Check(
            "every event of a dream names a dream that exists",
            "SELECT COUNT(*) FROM {events} AS e LEFT JOIN {dreams} AS d ON d.id = e.dream_id "
            "WHERE e.dream_id IS NOT NULL AND d.id IS NULL",
        ),
    ),
)
