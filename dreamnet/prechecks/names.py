"""Names that are not free: buckets', which are one world's, and what exists here without our mark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.errors import CredentialsError
from dreamnet.prechecks.findings import Finding
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.google.driver import GoogleDriver
from dreamnet.resources.model import OWNER_LABEL, Driver, Live, Resource
from dreamnet.resources.references import Unknown

UNCHECKED = (
    "Names other than those of buckets and of what counts against Compute Engine's quotas: the plan reads"
    " everything that is declared, and refuses what exists without our mark.",
)

#: A bucket's name: nobody has it, this account does, somebody else does.
Holder = Literal["nobody", "us", "others"]


def check_google_buckets(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether a declared Cloud Storage bucket's name belongs to somebody else, or to a bucket that is not
    ours."""
    root = account.root("storage", "https://storage.googleapis.com/")

    def holder(resource: Resource) -> Holder:
        url = f"{root}storage/v1/b/{resource.name}"
        try:
            google_rest.call(account, "GET", url, what=resource.id, parameters={"fields": "name"})
        except CredentialsError:  # 403: it is there, and not for us to see
            return "others"
        except Refused as refused:
            if refused.status != 404:
                raise
            return "nobody"
        return "us"

    wanted = {one.name: one for one in resources if one.type == "storage.v1/buckets" and _known(one)}
    page = "https://console.cloud.google.com/storage/browser"
    yield from _buckets(GoogleDriver(account), wanted, holder, page, "gcloud storage buckets describe gs://")


def check_aws_buckets(account: AwsAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether a declared S3 bucket's name belongs to somebody else, or to a bucket that is not ours."""
    from botocore.exceptions import ClientError

    def holder(resource: Resource) -> Holder:
        client = account.client("s3", resource.parent)
        with aws_errors(resource.id):
            try:
                client.head_bucket(Bucket=_bucket(resource))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 404:
                    return "nobody"
                if status in (301, 403):  # another's; or ours, in another region
                    return "others"
                raise
        return "us"

    wanted = {_bucket(one): one for one in resources if one.type == "AWS::S3::Bucket" and _known(one)}
    page = "https://console.aws.amazon.com/s3/buckets"
    yield from _buckets(AwsDriver(account), wanted, holder, page, "aws s3api head-bucket --bucket ")


def _bucket(resource: Resource) -> str:
    return str(resource.body.get("BucketName", resource.name))


def _known(resource: Resource) -> bool:
    return not isinstance(resource.name, Unknown)


def _buckets(
    driver: Driver,
    wanted: Mapping[str, Resource],
    holder: Callable[[Resource], Holder],
    page: str,
    command: str,
) -> Iterator[Finding]:
    """A finding for each bucket whose name is not free for us, or one that says that all are."""

    def look(name: str) -> Finding | None:
        resource = wanted[name]
        who = holder(resource)
        if who == "others":
            sentence = f"{resource.source}: the bucket name {name} ({resource.id}) is taken by somebody else."
            return Finding(resource.cloud, "names", "blocks", sentence, page, f"{command}{name}")
        return foreign(resource, driver.read(resource)) if who == "us" else None

    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="buckets") as pool:
        found = [finding for finding in pool.map(look, wanted) if finding]
    yield from found
    if wanted and not found:
        cloud = next(iter(wanted.values())).cloud
        yield Finding(cloud, "names", "fine", f"All {len(wanted)} buckets' names are free, or ours.")


def foreign(resource: Resource, live: Live | None) -> Finding | None:
    """The finding for what lives under a declared name without our mark; None where it is free or ours."""
    if live is None or live.owned:
        return None
    mark = "=".join(OWNER_LABEL)
    sentence = (
        f"{resource.source}: {resource.id} exists as {live.identifier} and does not carry our mark {mark}."
    )
    return Finding(resource.cloud, "names", "blocks", sentence)
