"""Managed Flink: moto keeps applications; changing and deleting them is ours. Nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, AwsError, Call

_UPDATES = {
    "RuntimeEnvironmentUpdate": "runtime_environment",
    "ServiceExecutionRoleUpdate": "service_execution_role",
}
_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class ManagedFlink:
    """Operations on applications that moto lacks, or leaves half done.

    Attributes:
        changed: called after a change.
    """

    account_id: str
    changed: Callable[[], None]
    operations: frozenset[str] = frozenset(
        (
            "kinesisanalytics:CreateApplication",
            "kinesisanalytics:UpdateApplication",
            "kinesisanalytics:DeleteApplication",
            "kinesisanalytics:UntagResource",
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Answer one call."""
        content = call.json()
        if call.operation == "CreateApplication":
            return self._create(call, content["ApplicationName"], moto)
        if call.operation == "UntagResource":
            backend = self._backend(call.region)
            backend.tagger.untag_resource_using_names(content["ResourceARN"], content["TagKeys"])
            self.changed()
            return Answer.json({}, content_type=_JSON)
        application = self._found(call.region, content["ApplicationName"])
        if call.operation == "UpdateApplication":
            return self._update(call, application, content)
        del self._backend(call.region).applications[content["ApplicationName"]]
        self.changed()
        return Answer.json({}, content_type=_JSON)

    def _backend(self, region: str) -> Any:
        from moto.kinesisanalyticsv2.models import kinesisanalyticsv2_backends

        return kinesisanalyticsv2_backends[self.account_id][region]

    def _found(self, region: str, name: str) -> Any:
        application = self._backend(region).applications.get(name)
        if application is None:
            message = f"Resource was not found: application {name}"
            raise AwsError("ResourceNotFoundException", message)
        return application

    def _create(self, call: Call, name: str, moto: Next) -> Answer:
        if name in self._backend(call.region).applications:
            raise AwsError("ResourceInUseException", f"Application {name} already exists")
        answer = moto(call)
        if answer.status < 300:
            self._found(call.region, name).application_status = "READY"  # until it is started
            answer.body = answer.body.replace(b'"STARTING"', b'"READY"')
        return answer

    def _update(self, call: Call, application: Any, content: dict[str, Any]) -> Answer:
        other = (
            content.keys()
            - _UPDATES.keys()
            - {
                "ApplicationName",
                "CurrentApplicationVersionId",
                "ConditionalToken",
            }
        )
        if other:
            raise AwsError.not_in_rehearsal("kinesisanalyticsv2", f"UpdateApplication of {sorted(other)}")
        if content.get("CurrentApplicationVersionId", application.application_version_id) != (
            application.application_version_id
        ):
            message = "The application was changed meanwhile: its version is another"
            raise AwsError("ConcurrentModificationException", message)
        for key, attribute in _UPDATES.items():
            if key in content:
                setattr(application, attribute, content[key])
        application.application_version_id += 1
        application.last_updated_date_time = datetime.now().isoformat()
        self.changed()
        detail = self._backend(call.region).describe_application(application.application_name)
        return Answer.json({"ApplicationDetail": detail}, content_type=_JSON)
