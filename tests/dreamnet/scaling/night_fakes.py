"""Google's control planes in memory, below the REST calls; a store that counts generations; AWS is moto's."""

import json
import re
from functools import cache
from types import SimpleNamespace

import boto3
import moto  # noqa: F401  (before the first client: it hooks into those made later)
from fake_cluster import node

from dreamnet.clouds.pace import Pace
from dreamnet.errors import PrecheckFailed
from dreamnet.scaling.store import Night


class Answer:
    def __init__(self, body, status=200):
        self.status_code, self.ok, self.content, self._body = status, status < 400, b"x", body

    def json(self):
        return json.loads(json.dumps(self._body))


class FakeGoogle:
    """GKE node pools (whose nodes appear in a cluster's API), instance groups, and Cloud SQL instances."""

    project, region, second_region = "p", "us-central1", "us-east4"

    def __init__(self, api=None):
        self.api = api
        self.pools, self.instances, self.groups, self.log = {}, {}, {}, []
        self.autopilot = False
        self._operations = {}

    def root(self, name, default):
        return f"https://{name}/"

    def pace(self, url):
        return Pace()

    def session(self):
        return self

    def pool(self, name, nodes, autoscaling=None, **extra):
        self.pools[name] = {"name": name, "status": "RUNNING", "autoscaling": autoscaling or {}, **extra}
        self._nodes(name, nodes)

    def instance(self, name, policy="ALWAYS", **extra):
        settings = {"activationPolicy": policy, "tier": "db-g1-small", **extra.pop("settings", {})}
        state = "RUNNABLE"
        self.instances[name] = {
            "name": name,
            "region": "us-central1",
            "state": state,
            "settings": settings,
            **extra,
        }

    def request(self, method, url, params=None, json=None, timeout=None):
        for pattern, handler in self.ROUTES.items():
            match = re.fullmatch(pattern, f"{method} {url}")
            if match:
                return Answer(handler(self, *match.groups(), json))
        return Answer({"error": {"message": f"no {method} {url}"}}, 404)

    def _operation(self, what):
        self.log.append(what)
        name = f"op-{len(self._operations)}"
        self._operations[name] = 2  # polls until it is done
        return {"name": name, "status": "PENDING"}

    def _poll(self, name, _):
        self._operations[name] -= 1
        return {"name": name, "status": "DONE" if self._operations[name] <= 0 else "RUNNING"}

    def _set_size(self, name, body):
        self._nodes(name, body["nodeCount"])
        return self._operation(f"size {name} {body['nodeCount']}")

    def _set_autoscaling(self, name, body):
        self.pools[name]["autoscaling"] = body["autoscaling"]
        return self._operation(f"autoscaling {name} {body['autoscaling'].get('enabled', False)}")

    def _nodes(self, name, count):
        label = {"cloud.google.com/gke-nodepool": name, "topology.kubernetes.io/zone": "us-central1-a"}
        for path in [path for path in self.api.objects if path.startswith(f"/api/v1/nodes/{name}-")]:
            del self.api.objects[path]
        for number in range(count):
            self.api.put(node(f"{name}-{number}", label))

    def _patch_instance(self, name, body):
        self.instances[name]["settings"].update(body["settings"])
        return self._operation(f"sql {name} {body['settings']['activationPolicy']}")

    CLUSTER = r"https://container/v1/projects/p/locations/us-central1/clusters/gke"
    ROUTES = {  # noqa: RUF012
        f"GET {CLUSTER}": lambda self, _: {"autopilot": {"enabled": self.autopilot}},
        f"GET {CLUSTER}/nodePools": lambda self, _: {"nodePools": list(self.pools.values())},
        f"GET {CLUSTER}/nodePools/([^/:]+)": lambda self, name, _: self.pools[name],
        f"POST {CLUSTER}/nodePools/([^/:]+):setSize": _set_size,
        f"POST {CLUSTER}/nodePools/([^/:]+):setAutoscaling": _set_autoscaling,
        r"GET https://container/v1/projects/p/locations/us-central1/operations/(.+)": _poll,
        r"GET https://compute/compute/v1/projects/(.+)": lambda self, path, _: {
            "targetSize": self.groups[path]
        },
        r"GET https://sqladmin/v1/projects/p/instances": lambda self, _: {
            "items": list(self.instances.values())
        },
        r"GET https://sqladmin/v1/projects/p/instances/(.+)": lambda self, name, _: self.instances[name],
        r"PATCH https://sqladmin/v1/projects/p/instances/(.+)": _patch_instance,
        r"GET https://sqladmin/v1/projects/p/operations/(.+)": _poll,
    }


class MemoryStore:
    """As the bucket: JSON and generations. `before_save` lets a test step in between."""

    def __init__(self):
        self.text, self.generation, self.before_save = None, 0, lambda night: None

    def load(self):
        return (Night.from_json(json.loads(self.text)) if self.text else None), self.generation

    def save(self, night, generation):
        self.before_save(night)
        if generation != self.generation:
            raise PrecheckFailed("Another run has changed the state meanwhile.", "Let it end.")
        self.text = json.dumps(night.to_json())
        self.generation += 1
        return self.generation

    @property
    def phase(self):
        return json.loads(self.text)["phase"] if self.text else None


@cache
def client(service, region=None):
    return boto3.client(
        service, region_name=region or "us-east-1", aws_access_key_id="a", aws_secret_access_key="s"
    )


def moto_account():
    """An account whose clients answer from moto; use it inside `moto.mock_aws`."""
    return SimpleNamespace(account_id="1" * 12, region="us-east-1", second_region="us-west-2", client=client)


def make_eks(account, api, groups):
    """An EKS cluster with node groups in moto, and their nodes in the cluster's API. What is there from an
    earlier test is used again, with its sizes set back: making it takes moto half a second."""
    eks = account.client("eks")
    role = "arn:aws:iam::123456789012:role/x"
    there = "eks" in eks.list_clusters()["clusters"]
    if not there:
        eks.create_cluster(name="eks", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1"]})
    for name, (low, wanted, high) in groups.items():
        scaling = {"minSize": low, "desiredSize": wanted, "maxSize": high}
        if there:
            eks.update_nodegroup_config(clusterName="eks", nodegroupName=name, scalingConfig=scaling)
        else:
            eks.create_nodegroup(
                clusterName="eks",
                nodegroupName=name,
                nodeRole=role,
                subnets=["subnet-1"],
                instanceTypes=["t3.medium"],
                scalingConfig=scaling,
            )
        for number in range(wanted):
            api.put(node(f"{name}-{number}", {"eks.amazonaws.com/nodegroup": name}))


def scaling_of(account, group):
    answer = account.client("eks").describe_nodegroup(clusterName="eks", nodegroupName=group)
    return answer["nodegroup"]["scalingConfig"]


def make_rds(account, name, **extra):
    account.client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="u",
        MasterUserPassword="passw0rd",
        AllocatedStorage=20,
        **extra,
    )


def rds_status(account, name):
    answer = account.client("rds").describe_db_instances(DBInstanceIdentifier=name)
    return answer["DBInstances"][0]["DBInstanceStatus"]


def empty_rds(account):
    """Replicas first."""
    rds = account.client("rds")
    instances = rds.describe_db_instances()["DBInstances"]
    for instance in sorted(instances, key=lambda one: "ReadReplicaSourceDBInstanceIdentifier" not in one):
        rds.delete_db_instance(DBInstanceIdentifier=instance["DBInstanceIdentifier"], SkipFinalSnapshot=True)
