"""What moto's HTTP APIs lack: a stage that changes, and a stage's tags."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.services.modelled import Given, Modelled, parsed
from localcloud.aws.wire import Answer, AwsError, Call

_FIELDS = {
    "AccessLogSettings": "access_log_settings",
    "AutoDeploy": "auto_deploy",
    "ClientCertificateId": "client_certificate_id",
    "DefaultRouteSettings": "default_route_settings",
    "Description": "description",
    "RouteSettings": "route_settings",
    "StageVariables": "stage_variables",
}
_STAGE_ARN = re.compile(r"arn:aws:apigateway:[^:]+::/apis/(?P<api>[^/]+)/stages/(?P<stage>[^/]+)\Z")


class Stages(Modelled):
    """UpdateStage and the tags of stages, on moto's own stages; other things' tags are moto's."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        super().__init__(
            "apigateway",
            {
                "UpdateStage": self._update,
                "TagResource": self._tag,
                "UntagResource": self._untag,
                "GetTags": lambda call, given: {"Tags": self._of(call, given).tags},
            },
        )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Answer for a stage, and leave the rest to moto."""
        if call.operation != "UpdateStage" and not _STAGE_ARN.match(parsed(call)["ResourceArn"]):
            return moto(call)
        return super().answer(call, moto)

    def _stage(self, call: Call, api: str, name: str) -> Any:
        from moto.apigatewayv2.models import apigatewayv2_backends

        found = apigatewayv2_backends[self._account_id][call.region].apis.get(api)
        if found is None or name not in found.stages:
            raise AwsError("NotFoundException", "Invalid stage identifier specified", 404)
        return found.stages[name]

    def _of(self, call: Call, given: Given) -> Any:
        match = _STAGE_ARN.match(given["ResourceArn"])
        if match is None:
            raise AwsError("BadRequestException", f"{given['ResourceArn']} is no stage.")
        return self._stage(call, match["api"], match["stage"])

    def _tag(self, call: Call, given: Given) -> Given:
        stage = self._of(call, given)
        stage.tags = {**stage.tags, **given["Tags"]}
        return {}

    def _untag(self, call: Call, given: Given) -> Given:
        stage = self._of(call, given)
        stage.tags = {key: value for key, value in stage.tags.items() if key not in given["TagKeys"]}
        return {}

    def _update(self, call: Call, given: Given) -> Given:
        stage, sent = self._stage(call, given["ApiId"], given["StageName"]), call.json()
        for name, attribute in _FIELDS.items():
            if name in given:
                setattr(stage, attribute, sent[name[:1].lower() + name[1:]])
        stage.updated = datetime.now()
        return {**given, "CreatedDate": stage.created, "LastUpdatedDate": stage.updated, "Tags": stage.tags}
