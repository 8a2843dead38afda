"""Our own metrics, and the proof that dashboards and alerts exist."""

from dreamnet.monitoring.check import Watch, check_aws, check_dashboard_and_alert, check_google
from dreamnet.monitoring.metrics import write_metric, write_metric_aws

__all__ = [
    "Watch",
    "check_aws",
    "check_dashboard_and_alert",
    "check_google",
    "write_metric",
    "write_metric_aws",
]
