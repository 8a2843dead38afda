"""SageMaker, Rekognition and Comprehend: kept and shown by their own APIs; nothing is trained or detected."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list, tags_map
from localcloud.aws.types.shapes import declared_tags, retag, shown_tags

_NOTEBOOK = "NotebookInstanceName InstanceType RoleArn VolumeSizeInGB RootAccess"


def _retag_sagemaker(aws: Clients, before: Properties, after: Properties, arn: str) -> None:
    client = aws("sagemaker")
    retag(
        before,
        after,
        lambda tags: client.add_tags(ResourceArn=arn, Tags=tag_list(tags)),
        lambda keys: client.delete_tags(ResourceArn=arn, TagKeys=keys),
    )


def _sagemaker_tags(aws: Clients, arn: str) -> Properties:
    return shown_tags(aws("sagemaker").list_tags(ResourceArn=arn)["Tags"])


def _create_models(aws: Clients, properties: Properties) -> Properties:
    made = aws("sagemaker").create_model_package_group(
        **pick(properties, "ModelPackageGroupName ModelPackageGroupDescription"),
        Tags=declared_tags(properties),
    )
    return {"ModelPackageGroupArn": made["ModelPackageGroupArn"], "ModelPackageGroupStatus": "Completed"}


def _read_models(aws: Clients, properties: Properties) -> Properties:
    name = properties["ModelPackageGroupName"]
    found = aws("sagemaker").describe_model_package_group(ModelPackageGroupName=name)
    shown = pick(found, "ModelPackageGroupDescription ModelPackageGroupStatus")
    return {**shown, **_sagemaker_tags(aws, found["ModelPackageGroupArn"])}


def _update_models(aws: Clients, before: Properties, after: Properties) -> None:
    _retag_sagemaker(aws, before, after, after["ModelPackageGroupArn"])


def _delete_models(aws: Clients, properties: Properties) -> None:
    name = properties["ModelPackageGroupName"]
    aws("sagemaker").delete_model_package_group(ModelPackageGroupName=name)


def _pipeline(properties: Properties) -> Properties:
    definition = properties["PipelineDefinition"]
    where = pick(definition, "PipelineDefinitionBody:PipelineDefinition PipelineDefinitionS3Location")
    names = "PipelineName PipelineDisplayName PipelineDescription RoleArn ParallelismConfiguration"
    return {**pick(properties, names), **where}


def _create_pipeline(aws: Clients, properties: Properties) -> Properties:
    token = properties["PipelineName"].ljust(32, "-")
    aws("sagemaker").create_pipeline(
        **_pipeline(properties), ClientRequestToken=token, Tags=declared_tags(properties)
    )
    return {}


def _read_pipeline(aws: Clients, properties: Properties) -> Properties:
    found = aws("sagemaker").describe_pipeline(PipelineName=properties["PipelineName"])
    shown = pick(found, "PipelineDescription PipelineDisplayName RoleArn")
    if "PipelineDefinitionBody" in properties["PipelineDefinition"]:
        shown["PipelineDefinition"] = {"PipelineDefinitionBody": found["PipelineDefinition"]}
    return {**shown, **_sagemaker_tags(aws, found["PipelineArn"])}


def _update_pipeline(aws: Clients, before: Properties, after: Properties) -> None:
    aws("sagemaker").update_pipeline(**_pipeline(after))
    arn = aws("sagemaker").describe_pipeline(PipelineName=after["PipelineName"])["PipelineArn"]
    _retag_sagemaker(aws, before, after, arn)


def _delete_pipeline(aws: Clients, properties: Properties) -> None:
    token = properties["PipelineName"].ljust(32, "-")
    aws("sagemaker").delete_pipeline(PipelineName=properties["PipelineName"], ClientRequestToken=token)


def _create_notebook(aws: Clients, properties: Properties) -> Properties:
    made = aws("sagemaker").create_notebook_instance(
        **pick(
            properties,
            f"{_NOTEBOOK} SubnetId SecurityGroupIds DirectInternetAccess LifecycleConfigName KmsKeyId",
        ),
        Tags=declared_tags(properties),
    )
    return pick(made, "NotebookInstanceArn")


def _read_notebook(aws: Clients, properties: Properties) -> Properties:
    name = properties["NotebookInstanceName"]
    found = aws("sagemaker").describe_notebook_instance(NotebookInstanceName=name)
    shown = pick(found, "InstanceType RoleArn VolumeSizeInGB RootAccess")
    return {**shown, **_sagemaker_tags(aws, properties["NotebookInstanceArn"])}


def _update_notebook(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("sagemaker"), after["NotebookInstanceName"]
    if pick(before, _NOTEBOOK) != pick(after, _NOTEBOOK):  # a running one can't be changed
        client.stop_notebook_instance(NotebookInstanceName=name)
        client.update_notebook_instance(**pick(after, _NOTEBOOK))
        client.start_notebook_instance(NotebookInstanceName=name)
    _retag_sagemaker(aws, before, after, after["NotebookInstanceArn"])


def _delete_notebook(aws: Clients, properties: Properties) -> None:
    client, name = aws("sagemaker"), properties["NotebookInstanceName"]
    found = client.describe_notebook_instance(NotebookInstanceName=name)
    if found["NotebookInstanceStatus"] not in ("Stopped", "Failed"):
        client.stop_notebook_instance(NotebookInstanceName=name)
    client.delete_notebook_instance(NotebookInstanceName=name)


# -- Rekognition ------------------------------------------------------------------------------------------


def _retag(service: str) -> object:
    def update(aws: Clients, before: Properties, after: Properties) -> None:
        client = aws(service)
        retag(
            before,
            after,
            lambda tags: client.tag_resource(ResourceArn=after["Arn"], Tags=tags),
            lambda keys: client.untag_resource(ResourceArn=after["Arn"], TagKeys=keys),
        )

    return update


def _rekognition_tags(aws: Clients, properties: Properties) -> Properties:
    return shown_tags(aws("rekognition").list_tags_for_resource(ResourceArn=properties["Arn"])["Tags"])


def _create_collection(aws: Clients, properties: Properties) -> Properties:
    name = properties["CollectionId"]
    made = aws("rekognition").create_collection(CollectionId=name, Tags=tags_map(properties))
    return {"Arn": made["CollectionArn"]}


def _read_collection(aws: Clients, properties: Properties) -> Properties:
    aws("rekognition").describe_collection(CollectionId=properties["CollectionId"])
    return _rekognition_tags(aws, properties)


def _delete_collection(aws: Clients, properties: Properties) -> None:
    aws("rekognition").delete_collection(CollectionId=properties["CollectionId"])


def _create_project(aws: Clients, properties: Properties) -> Properties:
    name = properties["ProjectName"]
    made = aws("rekognition").create_project(ProjectName=name, Tags=tags_map(properties))
    return {"Arn": made["ProjectArn"]}


def _read_project(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("rekognition").describe_projects(ProjectNames=[properties["ProjectName"]])
    return _rekognition_tags(aws, properties) if found["ProjectDescriptions"] else None


def _delete_project(aws: Clients, properties: Properties) -> None:
    aws("rekognition").delete_project(ProjectArn=properties["Arn"])


# -- Comprehend -------------------------------------------------------------------------------------------

_FLYWHEEL = (
    "FlywheelName ModelType DataAccessRoleArn DataLakeS3Uri TaskConfig DataSecurityConfig ActiveModelArn"
)


def _create_flywheel(aws: Clients, properties: Properties) -> Properties:
    made = aws("comprehend").create_flywheel(**pick(properties, _FLYWHEEL), Tags=declared_tags(properties))
    return {"Arn": made["FlywheelArn"]}


def _read_flywheel(aws: Clients, properties: Properties) -> Properties:
    client = aws("comprehend")
    found = client.describe_flywheel(FlywheelArn=properties["Arn"])["FlywheelProperties"]
    tags = client.list_tags_for_resource(ResourceArn=properties["Arn"])["Tags"]
    return {**pick(found, "DataAccessRoleArn ActiveModelArn DataSecurityConfig"), **shown_tags(tags)}


def _update_flywheel(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("comprehend"), after["Arn"]
    changed = pick(after, "ActiveModelArn DataAccessRoleArn DataSecurityConfig")
    client.update_flywheel(FlywheelArn=arn, **changed)
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _delete_flywheel(aws: Clients, properties: Properties) -> None:
    aws("comprehend").delete_flywheel(FlywheelArn=properties["Arn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::SageMaker::ModelPackageGroup": ServiceType(
        "simulated", _create_models, _delete_models, _update_models, _read_models
    ),
    "AWS::SageMaker::Pipeline": ServiceType(
        "simulated", _create_pipeline, _delete_pipeline, _update_pipeline, _read_pipeline
    ),
    "AWS::SageMaker::NotebookInstance": ServiceType(
        "simulated", _create_notebook, _delete_notebook, _update_notebook, _read_notebook
    ),
    "AWS::Rekognition::Collection": ServiceType(
        "simulated", _create_collection, _delete_collection, _retag("rekognition"), _read_collection
    ),
    "AWS::Rekognition::Project": ServiceType(
        "simulated", _create_project, _delete_project, _retag("rekognition"), _read_project
    ),
    "AWS::Comprehend::Flywheel": ServiceType(
        "simulated", _create_flywheel, _delete_flywheel, _update_flywheel, _read_flywheel
    ),
}
