"""Every flight out of New York in 2013, for analysis in BigQuery."""

from dreamnet.warehouse import Check, Pipeline, Source

PIPELINE = Pipeline(
    name="flights_to_bigquery",
    sources=(Source(table="flights", query="public.flights", key=("id",)),),
    bucket="{project}-lake",
    dataset="dreamnet",
    schedule="30 3 * * *",
    timezone="America/New_York",
    checks=(
        Check(
            "every flight leaves one of New York's three airports",
            "SELECT COUNT(*) FROM {flights} WHERE origin NOT IN ('EWR', 'JFK', 'LGA')",
        ),
        Check(
            "no flight covers a distance of zero",
            "SELECT COUNT(*) FROM {flights} WHERE distance IS NULL OR distance <= 0",
        ),
    ),
)
