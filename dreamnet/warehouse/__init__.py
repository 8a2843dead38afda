"""Rows from PostgreSQL to the warehouse, as Parquet in the lake, proven equal on both sides.

from data_pipelines.flights_to_bigquery import PIPELINE
result = run_pipeline(PIPELINE, database, google, progress=print)
"""

from dreamnet.warehouse.model import Check, Figures, Pipeline, PipelineResult, Source, TableResult
from dreamnet.warehouse.run import new_run_id, run_pipeline

__all__ = [
    "Check",
    "Figures",
    "Pipeline",
    "PipelineResult",
    "Source",
    "TableResult",
    "new_run_id",
    "run_pipeline",
]
