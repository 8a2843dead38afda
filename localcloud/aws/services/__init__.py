"""What moto's services lack or only pretend: real engines and processes behind their own APIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from localcloud.aws.wire import Answer, AwsError, Call

Next = Callable[[Call], Answer]


class Service(Protocol):
    """Stands in front of moto for some operations of one service."""

    @property
    def operations(self) -> frozenset[str]:
        """`service:Operation` of the calls it wants."""
        ...

    def answer(self, call: Call, moto: Next) -> Answer:
        """Answer the call; `moto` passes it (or another) on."""
        ...


#: Calls that moto answers with success and does nothing for, or with an invented result.
PRETENDED = frozenset(
    {
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
        "rds:FailoverDBCluster",
        "rds:PromoteReadReplicaDBCluster",
        "athena:StartQueryExecution",
        "redshift-data:ExecuteStatement",
        "rds-data:ExecuteStatement",
        "ssm:SendCommand",
        "states:StartExecution",
        "batch:SubmitJob",
        "glue:StartJobRun",
        "ecs:RunTask",
        "ecs:StartTask",
        "route53:GetHealthCheckStatus",
        "sagemaker:CreateAutoMLJobV2",
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:CreateTransformJob",
        "sagemaker:InvokeEndpoint",
        "sagemaker:StartPipelineExecution",
    }
)

#: Services all of whose answers are canned results.
PRETENDING_SERVICES = frozenset({"comprehend", "rekognition", "textract", "polly", "personalize", "forecast"})


def refuse_pretended(call: Call) -> None:
    """Raise for a call whose success would be a lie.

    Raises:
        AwsError: NotInRehearsal.
    """
    if f"{call.service}:{call.operation}" in PRETENDED or call.service in PRETENDING_SERVICES:
        raise AwsError.not_in_rehearsal(call.service, call.operation)
