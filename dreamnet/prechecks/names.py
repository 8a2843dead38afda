"""Names that somebody else may hold: buckets', which are one world's, and ours in the same account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.errors import CredentialsError
from dreamnet.prechecks.findings import Finding
from dreamnet.resources.model import OWNER_LABEL, Cloud, Resource
from dreamnet.resources.plan import Observation
from dreamnet.resources.references import Unknown

UNCHECKED = (
    "Names other than buckets': the plan reads every declared resource, and refuses what exists without our"
    " mark.",
)


def check_google_buckets(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether a declared Cloud Storage bucket's name belongs to somebody else."""
    root = account.root("storage", "https://storage.googleapis.com/")

    def taken(name: str) -> bool:
        url = f"{root}storage/v1/b/{name}"
        try:
            google_rest.call(account, "GET", url, what=f"Bucket {name}", parameters={"fields": "name"})
        except CredentialsError:  # 403: it is there, and not for us to see
            return True
        except Refused as refused:
            if refused.status != 404:
                raise
        return False

    wanted = {one.name: one for one in resources if one.type == "storage.v1/buckets" and _known(one)}
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="buckets") as pool:
        found = dict(zip(wanted, pool.map(taken, wanted), strict=True))
    page = "https://console.cloud.google.com/storage/browser"
    yield from _verdict("google", wanted, found, page, "gcloud storage buckets describe gs://")


def check_aws_buckets(account: AwsAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether a declared S3 bucket's name belongs to somebody else."""
    from botocore.exceptions import ClientError

    def taken(resource: Resource) -> bool:
        client = account.client("s3", resource.parent)
        with aws_errors(resource.id):
            try:
                client.head_bucket(Bucket=_bucket(resource))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 404:
                    return False
                if status in (301, 403):  # another's; or ours, in another region
                    return True
                raise
        return False

    wanted = {_bucket(one): one for one in resources if one.type == "AWS::S3::Bucket" and _known(one)}
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="buckets") as pool:
        found = dict(zip(wanted, pool.map(taken, wanted.values()), strict=True))
    yield from _verdict(
        "aws", wanted, found, "https://console.aws.amazon.com/s3/buckets", "aws s3api head-bucket --bucket "
    )


def _bucket(resource: Resource) -> str:
    return str(resource.body.get("BucketName", resource.name))


def _known(resource: Resource) -> bool:
    return not isinstance(resource.name, Unknown)


def _verdict(
    cloud: Cloud, wanted: Mapping[str, Resource], taken: Mapping[str, bool], page: str, command: str
) -> Iterator[Finding]:
    for name, resource in wanted.items():
        if taken[name]:
            sentence = f"{resource.source}: the bucket name {name} ({resource.id}) is taken by somebody else."
            yield Finding(cloud, "names", "blocks", sentence, page, f"{command}{name}")
    if wanted and not any(taken.values()):
        yield Finding(cloud, "names", "fine", f"Nobody else holds any of the {len(wanted)} buckets' names.")


def check_observed(observed: Mapping[str, Observation]) -> Iterator[Finding]:
    """A finding for everything that a plan's reading found under a declared name without our mark."""
    mark = "=".join(OWNER_LABEL)
    for seen in observed.values():
        if seen.live and not seen.live.owned:
            one = seen.desired
            sentence = (
                f"{one.source}: {one.id} exists as {seen.live.identifier} and does not carry our mark {mark}."
            )
            yield Finding(one.cloud, "names", "blocks", sentence)
