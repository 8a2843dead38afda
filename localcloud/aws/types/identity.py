"""IAM's types, in moto: stored and shown, but nothing is ever refused because of them."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick, tag_changes

# -- roles ------------------------------------------------------------------------------------------------


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
    known = {policy["PolicyName"]: policy["PolicyDocument"] for policy in before.get("Policies") or ()}
    wanted = {policy["PolicyName"]: policy["PolicyDocument"] for policy in after.get("Policies") or ()}
    for name in sorted(known.keys() - wanted.keys()):
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for name, content in wanted.items():
        if known.get(name) != content:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(content))


def _update_role(aws: Clients, before: Properties, after: Properties) -> None:
    iam, role = aws("iam"), after["RoleName"]
    trust = document(after["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    iam.update_role(RoleName=role, **pick(after, "Description MaxSessionDuration"))
    _policies(aws, before, after)
    gone, new = tag_changes(before, after)
    if gone:
        iam.untag_role(RoleName=role, TagKeys=gone)
    if new:
        iam.tag_role(RoleName=role, Tags=new)


def _delete_role(aws: Clients, properties: Properties) -> None:
    attached = _read_role(aws, properties)
    _policies(aws, {**properties, **attached}, {})
    aws("iam").delete_role(RoleName=properties["RoleName"])


def _read_role(aws: Clients, properties: Properties) -> Properties:
    iam, name = aws("iam"), properties["RoleName"]
    role = iam.get_role(RoleName=name)["Role"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    inline = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    return {
        **pick(role, "Arn RoleId Path Description MaxSessionDuration AssumeRolePolicyDocument"),
        "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
        "Policies": [pick(policy, "PolicyName PolicyDocument") for policy in inline],
        "Tags": role.get("Tags", []),
    }


# -- policies ---------------------------------------------------------------------------------------------


def _put_role_policy(aws: Clients, properties: Properties) -> Properties:
    content = document(properties.get("PolicyDocument") or {})
    aws("iam").put_role_policy(**pick(properties, "RoleName PolicyName"), PolicyDocument=content)
    return {}


def _read_role_policy(aws: Clients, properties: Properties) -> Properties:
    return pick(aws("iam").get_role_policy(**pick(properties, "RoleName PolicyName")), "PolicyDocument")


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


def _attached_to(aws: Clients, arn: str) -> list[str]:
    found = aws("iam").list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    return [role["RoleName"] for role in found]


def _read_policy(aws: Clients, properties: Properties) -> Properties:
    iam, arn = aws("iam"), properties["PolicyArn"]
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = policy["DefaultVersionId"]
    content = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    shown = pick(policy, "PolicyId AttachmentCount DefaultVersionId IsAttachable")
    return {**shown, "PolicyDocument": content, "Roles": _attached_to(aws, arn)}


def _update_policy(aws: Clients, before: Properties, after: Properties) -> None:
    iam, arn = aws("iam"), after["PolicyArn"]
    if before.get("PolicyDocument") != after["PolicyDocument"]:
        iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=document(after["PolicyDocument"]), SetAsDefault=True
        )
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:  # at most five are kept
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    old, new = set(before.get("Roles") or ()), set(after.get("Roles") or ())
    for role in sorted(old - new):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for role in sorted(new - old):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _delete_policy(aws: Clients, properties: Properties) -> None:
    iam, arn = aws("iam"), properties["PolicyArn"]
    for role in _attached_to(aws, arn):
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


# -- identity providers -----------------------------------------------------------------------------------


def _create_provider(aws: Clients, properties: Properties) -> Properties:
    made = aws("iam").create_open_id_connect_provider(
        Url=properties["Url"],
        ThumbprintList=properties.get("ThumbprintList") or [],
        **pick(properties, "ClientIdList:ClientIDList Tags"),
    )
    return {"Arn": made["OpenIDConnectProviderArn"]}


def _read_provider(aws: Clients, properties: Properties) -> Properties:
    found = aws("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=properties["Arn"])
    return {**pick(found, "ClientIDList:ClientIdList ThumbprintList"), "Tags": found.get("Tags", [])}


def _update_provider(aws: Clients, before: Properties, after: Properties) -> None:
    iam, where = aws("iam"), {"OpenIDConnectProviderArn": after["Arn"]}
    old, new = set(before.get("ClientIdList") or ()), set(after.get("ClientIdList") or ())
    for client in sorted(new - old):
        iam.add_client_id_to_open_id_connect_provider(**where, ClientID=client)
    for client in sorted(old - new):
        iam.remove_client_id_from_open_id_connect_provider(**where, ClientID=client)
    if "ThumbprintList" in after and after["ThumbprintList"] != before.get("ThumbprintList"):
        iam.update_open_id_connect_provider_thumbprint(**where, ThumbprintList=after["ThumbprintList"])
    gone, tags = tag_changes(before, after)
    if gone:
        iam.untag_open_id_connect_provider(**where, TagKeys=gone)
    if tags:
        iam.tag_open_id_connect_provider(**where, Tags=tags)


def _delete_provider(aws: Clients, properties: Properties) -> None:
    aws("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=properties["Arn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::IAM::Role": ServiceType("simulated", _create_role, _delete_role, _update_role, _read_role),
    "AWS::IAM::RolePolicy": ServiceType(
        "simulated",
        _put_role_policy,
        _delete_role_policy,
        lambda aws, _, after: _put_role_policy(aws, after),
        _read_role_policy,
    ),
    "AWS::IAM::ManagedPolicy": ServiceType(
        "simulated", _create_policy, _delete_policy, _update_policy, _read_policy
    ),
    "AWS::IAM::OIDCProvider": ServiceType(
        "simulated", _create_provider, _delete_provider, _update_provider, _read_provider
    ),
}
