"""The Gateway API's definitions and classes, as a cluster has them once its controller is installed.

GKE installs them with `gatewayApiConfig.channel: CHANNEL_STANDARD`; on EKS the operator installs the AWS Load
Balancer Controller with them, which is taken for done here.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from localcloud.kubernetes.controllers.runtime import MANAGER
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import Verbs

FOLDER = Path(__file__).parents[3] / "infrastructure" / "kubernetes" / "crds"
#: Files of definitions by cloud: the standard's, and what each cloud's controller brings beside it.
FILES = {
    "google": ("gateway-api.yaml", "gke-gateway.yaml"),
    "aws": ("gateway-api.yaml", "aws-load-balancer-controller.yaml"),
}
#: Controllers that are played here: GKE's own, the AWS Load Balancer Controller's (application load
#: balancers), NGINX Gateway Fabric's.
CONTROLLERS = (
    "networking.gke.io/gateway",
    "gateway.k8s.aws/alb",
    "gateway.nginx.org/nginx-gateway-controller",
)
#: Classes that are there without anybody's doing (GKE, "GatewayClass capabilities").
CLASSES = {"google": {"gke-l7-global-external-managed": CONTROLLERS[0]}, "aws": {}}


def install(verbs: Verbs, cloud: str) -> None:
    """Add the definitions and classes that a cluster lacks; what is there is left."""
    definitions = verbs.kinds.find("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    assert definitions is not None
    for name in FILES[cloud]:
        for body in yaml.load_all((FOLDER / name).read_text(), yaml.CSafeLoader):
            if verbs.store.get(definitions.resource, "", body["metadata"]["name"]) is None:
                verbs.create(definitions, "", _with_status(body), MANAGER)


def install_classes(verbs: Verbs, cloud: str) -> None:
    """Add the classes that a cluster has from the beginning, once their kind is served."""
    kind = verbs.kinds.find("gateway.networking.k8s.io", "v1", "gatewayclasses")
    assert kind is not None
    for name, controller in CLASSES[cloud].items():
        if verbs.store.get(kind.resource, "", name) is None:
            verbs.create(
                kind, "", {"metadata": {"name": name}, "spec": {"controllerName": controller}}, MANAGER
            )


def _with_status(definition: Object) -> Object:
    """With the status subresource, which the files for validation leave out."""
    for version in definition["spec"]["versions"]:
        version["subresources"] = {"status": {}}
        status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version["schema"]["openAPIV3Schema"]["properties"]["status"] = status
    return dict(definition)
