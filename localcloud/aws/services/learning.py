"""What Rekognition, Comprehend and SageMaker keep. Nothing is trained, detected or inferred here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Modelled, Operation, page, tags_of
from localcloud.aws.wire import AwsError, Call


class Rekognition(Kept):
    """Face collections and Custom Labels projects."""

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateCollection": self._create_collection,
            "DescribeCollection": self._describe_collection,
            "ListCollections": self._list_collections,
            "DeleteCollection": self._delete_collection,
            "CreateProject": self._create_project,
            "DescribeProjects": self._describe_projects,
            "DeleteProject": self._delete_project,
            **self.tagging(as_map=True),
        }

    def _create_collection(self, call: Call, given: Given) -> Given:
        name = given["CollectionId"]
        arn = f"arn:aws:rekognition:{call.region}:{self.account_id}:collection/{name}"
        record = {"CollectionARN": arn, "CreationTimestamp": datetime.now(UTC)}
        self.new(call, "collection", name, record, "ResourceAlreadyExistsException")
        self.tags(call, arn).update(given.get("Tags") or {})
        return {"StatusCode": 200, "CollectionArn": arn, "FaceModelVersion": "7.0"}

    def _describe_collection(self, call: Call, given: Given) -> Given:
        found = self.found(call, "collection", given["CollectionId"])
        return {**found, "FaceCount": 0, "UserCount": 0, "FaceModelVersion": "7.0"}

    def _list_collections(self, call: Call, given: Given) -> Given:
        shown, rest = page(list(self.shelf(call, "collection")), given)
        return {"CollectionIds": shown, "FaceModelVersions": ["7.0"] * len(shown), **rest}

    def _delete_collection(self, call: Call, given: Given) -> Given:
        found = self.found(call, "collection", given["CollectionId"])
        self.shelf(call, "collection").pop(given["CollectionId"])
        self.shelf(call, "tags").pop(found["CollectionARN"], None)
        return {"StatusCode": 200}

    def _create_project(self, call: Call, given: Given) -> Given:
        name, now = given["ProjectName"], datetime.now(UTC)
        projects = self.shelf(call, "project")
        if any(one["Name"] == name for one in projects.values()):
            raise AwsError("ResourceInUseException", f"The project {name} exists already.")
        stamp = int(now.timestamp() * 1000)
        arn = f"arn:aws:rekognition:{call.region}:{self.account_id}:project/{name}/{stamp}"
        projects[arn] = {
            "Name": name,
            "ProjectArn": arn,
            "CreationTimestamp": now,
            "Status": "CREATED",
            "Feature": given.get("Feature", "CUSTOM_LABELS"),
        }
        self.tags(call, arn).update(given.get("Tags") or {})
        return {"ProjectArn": arn}

    def _describe_projects(self, call: Call, given: Given) -> Given:
        wanted = given.get("ProjectNames")
        found = [one for one in self.shelf(call, "project").values() if not wanted or one["Name"] in wanted]
        shown, rest = page(found, given)
        return {"ProjectDescriptions": shown, **rest}

    def _delete_project(self, call: Call, given: Given) -> Given:
        self.found(call, "project", given["ProjectArn"])
        self.shelf(call, "project").pop(given["ProjectArn"])
        self.shelf(call, "tags").pop(given["ProjectArn"], None)
        return {"Status": "DELETING"}


class Comprehend(Kept):
    """Flywheels, which turn nothing."""

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateFlywheel": self._create,
            "DescribeFlywheel": lambda call, given: {"FlywheelProperties": self._flywheel(call, given)},
            "UpdateFlywheel": self._update,
            "ListFlywheels": self._list,
            "DeleteFlywheel": self._delete,
            **self.tagging(),
        }

    def _create(self, call: Call, given: Given) -> Given:
        if "ActiveModelArn" not in given and not {"TaskConfig", "ModelType"} <= set(given):
            raise AwsError(
                "InvalidRequestException", "A flywheel without a model needs TaskConfig and ModelType."
            )
        arn = f"arn:aws:comprehend:{call.region}:{self.account_id}:flywheel/{given['FlywheelName']}"
        now = datetime.now(UTC)
        kept = (
            "ActiveModelArn",
            "DataAccessRoleArn",
            "TaskConfig",
            "DataLakeS3Uri",
            "DataSecurityConfig",
            "ModelType",
        )
        record = {
            **{key: given[key] for key in kept if key in given},
            "FlywheelArn": arn,
            "Status": "ACTIVE",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        self.new(call, "flywheel", arn, record, "ResourceInUseException")
        self.tags(call, arn).update(tags_of(given.get("Tags")))
        return {"FlywheelArn": arn}

    def _flywheel(self, call: Call, given: Given) -> dict[str, Any]:
        return self.found(call, "flywheel", given["FlywheelArn"])

    def _update(self, call: Call, given: Given) -> Given:
        found = self._flywheel(call, given)
        changed = ("ActiveModelArn", "DataAccessRoleArn", "DataSecurityConfig")
        found |= {key: given[key] for key in changed if key in given}
        found["LastModifiedTime"] = datetime.now(UTC)
        return {"FlywheelProperties": found}

    def _list(self, call: Call, given: Given) -> Given:
        shown, rest = page(list(self.shelf(call, "flywheel").values()), given)
        return {"FlywheelSummaryList": shown, **rest}

    def _delete(self, call: Call, given: Given) -> Given:
        self._flywheel(call, given)
        self.shelf(call, "flywheel").pop(given["FlywheelArn"])
        self.shelf(call, "tags").pop(given["FlywheelArn"], None)
        return {}


class SageMaker(Modelled):
    """What moto's SageMaker lacks of model package groups and notebooks."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        super().__init__(
            "sagemaker",
            {"DeleteModelPackageGroup": self._delete_group, "UpdateNotebookInstance": self._update_notebook},
        )

    def _backend(self, call: Call) -> Any:
        from moto.sagemaker.models import sagemaker_backends

        return sagemaker_backends[self._account_id][call.region]

    def _delete_group(self, call: Call, given: Given) -> Given:
        groups = self._backend(call).model_package_groups
        if groups.pop(given["ModelPackageGroupName"], None) is None:
            raise AwsError(
                "ValidationException", f"ModelPackageGroup {given['ModelPackageGroupName']} does not exist."
            )
        return {}

    def _update_notebook(self, call: Call, given: Given) -> Given:
        found = self._backend(call).notebook_instances.get(given["NotebookInstanceName"])
        if found is None:
            raise AwsError("ValidationException", "RecordNotFound")
        if found.status not in ("Stopped", "Failed"):
            raise AwsError(
                "ValidationException",
                f"Status ({found.status}) not in ([Stopped, Failed]). Unable to transition to (Updating).",
            )
        fields = {
            "InstanceType": "instance_type",
            "RoleArn": "role_arn",
            "VolumeSizeInGB": "volume_size_in_gb",
            "RootAccess": "root_access",
        }
        unknown = set(given) - set(fields) - {"NotebookInstanceName"}
        if unknown:
            raise AwsError.not_in_rehearsal("sagemaker", f"UpdateNotebookInstance of {sorted(unknown)}")
        for name, attribute in fields.items():
            if name in given:
                setattr(found, attribute, given[name])
        return {}
