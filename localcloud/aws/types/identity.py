"""IAM's types, in moto: stored and shown, but nothing is ever refused because of them."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick


def _create_role(aws: Clients, properties: Properties) -> Properties:
    role = aws("iam").create_role(
        AssumeRolePolicyDocument=document(properties["AssumeRolePolicyDocument"]),
        **pick(properties, "RoleName Path Description MaxSessionDuration PermissionsBoundary Tags"),
    )["Role"]
    _policies(aws, {"RoleName": role["RoleName"]}, properties)
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


def _policies(aws: Clients, before: Properties, after: Properties) -> None:
    iam, role = aws("iam"), before["RoleName"]
    old, new = set(before.get("ManagedPolicyArns") or ()), set(after.get("ManagedPolicyArns") or ())
    for arn in sorted(old - new):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(new - old):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    named = {policy["PolicyName"]: policy["PolicyDocument"] for policy in after.get("Policies") or ()}
    for policy in before.get("Policies") or ():
        if policy["PolicyName"] not in named:
            iam.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])
    for name, content in named.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(content))


def _update_role(aws: Clients, before: Properties, after: Properties) -> None:
    iam, role = aws("iam"), after["RoleName"]
    trust = document(after["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    iam.update_role(RoleName=role, **pick(after, "Description MaxSessionDuration"))
    _policies(aws, before, after)
    iam.untag_role(RoleName=role, TagKeys=[tag["Key"] for tag in before.get("Tags") or ()])
    iam.tag_role(RoleName=role, Tags=after.get("Tags") or [])


def _delete_role(aws: Clients, properties: Properties) -> None:
    _policies(aws, properties, {})
    aws("iam").delete_role(RoleName=properties["RoleName"])


def _read_role(aws: Clients, properties: Properties) -> Properties:
    aws("iam").get_role(RoleName=properties["RoleName"])
    return {}


def _put_role_policy(aws: Clients, properties: Properties) -> Properties:
    content = document(properties.get("PolicyDocument") or {})
    aws("iam").put_role_policy(**pick(properties, "RoleName PolicyName"), PolicyDocument=content)
    return {}


def _delete_role_policy(aws: Clients, properties: Properties) -> None:
    aws("iam").delete_role_policy(**pick(properties, "RoleName PolicyName"))


def _create_policy(aws: Clients, properties: Properties) -> Properties:
    policy = aws("iam").create_policy(
        PolicyName=properties.get("ManagedPolicyName") or "policy",
        PolicyDocument=document(properties["PolicyDocument"]),
        **pick(properties, "Path Description"),
    )["Policy"]
    for role in properties.get("Roles") or ():
        aws("iam").attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    return {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}


def _delete_policy(aws: Clients, properties: Properties) -> None:
    for role in properties.get("Roles") or ():
        aws("iam").detach_role_policy(RoleName=role, PolicyArn=properties["PolicyArn"])
    aws("iam").delete_policy(PolicyArn=properties["PolicyArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::IAM::Role": ServiceType("simulated", _create_role, _delete_role, _update_role, _read_role),
    "AWS::IAM::RolePolicy": ServiceType(
        "simulated", _put_role_policy, _delete_role_policy, lambda aws, _, after: _put_role_policy(aws, after)
    ),
    "AWS::IAM::ManagedPolicy": ServiceType("simulated", _create_policy, _delete_policy),
}
