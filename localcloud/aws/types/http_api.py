"""API Gateway's HTTP APIs, in moto; their requests really reach the functions behind them."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tags_map
from localcloud.aws.types.shapes import retag

_API = (
    "Name ProtocolType Description Version CorsConfiguration DisableExecuteApiEndpoint "
    "RouteSelectionExpression ApiKeySelectionExpression"
)
_INTEGRATION = (
    "ApiId ConnectionId ConnectionType CredentialsArn Description IntegrationMethod IntegrationSubtype "
    "IntegrationType IntegrationUri PassthroughBehavior PayloadFormatVersion RequestParameters "
    "TimeoutInMillis"
)
_ROUTE = "ApiId ApiKeyRequired AuthorizationScopes AuthorizationType OperationName RouteKey Target"
_STAGE = (
    "ApiId StageName AccessLogSettings AutoDeploy DefaultRouteSettings Description RouteSettings "
    "StageVariables"
)


def _create_api(aws: Clients, properties: Properties) -> Properties:
    made = aws("apigatewayv2").create_api(**pick(properties, _API), Tags=tags_map(properties))
    return pick(made, "ApiId ApiEndpoint")


def _read_api(aws: Clients, properties: Properties) -> Properties:
    found = aws("apigatewayv2").get_api(ApiId=properties["ApiId"])
    return pick(found, "Name Description CorsConfiguration ApiEndpoint Tags")


def _update_api(aws: Clients, before: Properties, after: Properties) -> None:
    given = pick(after, f"ApiId {_API}")
    given.pop("ProtocolType")
    aws("apigatewayv2").update_api(**given)
    _retag(aws, before, after, f"/apis/{after['ApiId']}")


def _delete_api(aws: Clients, properties: Properties) -> None:
    aws("apigatewayv2").delete_api(ApiId=properties["ApiId"])


def _retag(aws: Clients, before: Properties, after: Properties, path: str) -> None:
    client = aws("apigatewayv2")
    arn = f"arn:aws:apigateway:{client.meta.region_name}::{path}"
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tags),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _create_integration(aws: Clients, properties: Properties) -> Properties:
    made = aws("apigatewayv2").create_integration(**pick(properties, _INTEGRATION))
    return pick(made, "IntegrationId")


def _read_integration(aws: Clients, properties: Properties) -> Properties:
    found = aws("apigatewayv2").get_integration(**pick(properties, "ApiId IntegrationId"))
    return pick(found, "IntegrationUri PayloadFormatVersion TimeoutInMillis Description")


def _update_integration(aws: Clients, before: Properties, after: Properties) -> None:
    aws("apigatewayv2").update_integration(**pick(after, f"IntegrationId {_INTEGRATION}"))


def _delete_integration(aws: Clients, properties: Properties) -> None:
    aws("apigatewayv2").delete_integration(**pick(properties, "ApiId IntegrationId"))


def _create_route(aws: Clients, properties: Properties) -> Properties:
    return pick(aws("apigatewayv2").create_route(**pick(properties, _ROUTE)), "RouteId")


def _read_route(aws: Clients, properties: Properties) -> Properties:
    found = aws("apigatewayv2").get_route(**pick(properties, "ApiId RouteId"))
    return pick(found, "RouteKey Target OperationName")


def _update_route(aws: Clients, before: Properties, after: Properties) -> None:
    aws("apigatewayv2").update_route(**pick(after, f"RouteId {_ROUTE}"))


def _delete_route(aws: Clients, properties: Properties) -> None:
    aws("apigatewayv2").delete_route(**pick(properties, "ApiId RouteId"))


def _create_stage(aws: Clients, properties: Properties) -> Properties:
    aws("apigatewayv2").create_stage(**pick(properties, _STAGE), Tags=tags_map(properties))
    return {}


def _read_stage(aws: Clients, properties: Properties) -> Properties:
    found = aws("apigatewayv2").get_stage(**pick(properties, "ApiId StageName"))
    return pick(found, "AutoDeploy Description DefaultRouteSettings AccessLogSettings StageVariables Tags")


def _update_stage(aws: Clients, before: Properties, after: Properties) -> None:
    aws("apigatewayv2").update_stage(**pick(after, _STAGE))
    _retag(aws, before, after, f"/apis/{after['ApiId']}/stages/{after['StageName']}")


def _delete_stage(aws: Clients, properties: Properties) -> None:
    aws("apigatewayv2").delete_stage(**pick(properties, "ApiId StageName"))


TYPES: dict[str, TypeHandler] = {
    "AWS::ApiGatewayV2::Api": ServiceType("process", _create_api, _delete_api, _update_api, _read_api),
    "AWS::ApiGatewayV2::Integration": ServiceType(
        "process", _create_integration, _delete_integration, _update_integration, _read_integration
    ),
    "AWS::ApiGatewayV2::Route": ServiceType(
        "process", _create_route, _delete_route, _update_route, _read_route
    ),
    "AWS::ApiGatewayV2::Stage": ServiceType(
        "process", _create_stage, _delete_stage, _update_stage, _read_stage
    ),
}
