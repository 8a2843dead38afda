"""What a run's log says of an error that the operator can put right: its sentence, once, and no trace."""

from __future__ import annotations

import logging

from dreamnet.errors import GameplanError

#: Loggers of Prefect's engine that report what a flow or task raised (3.9: flow_engine.py, engine.py).
ENGINE_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")


class OperatorErrors(logging.Filter):
    """Turns Prefect's report of a GameplanError into the error's own words; at level DEBUG the trace stays.

    Prefect reports what leaves a flow as it is raised, and again as the engine ends: the second is left out.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by logging for each record."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, GameplanError) or logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            return True
        if "unexpected exception" in str(record.msg):
            return False
        record.msg, record.args, record.exc_info, record.exc_text = str(error), (), None, None
        return True


def quiet_operator_errors() -> None:
    """Put the filter on the engine's loggers; a second call changes nothing."""
    for name in ENGINE_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, OperatorErrors) for one in logger.filters):
            logger.addFilter(OperatorErrors())
