"""The plan's deploy commands, each a flow: a part of the catalogue, and DreamNet on the clusters in it."""

from __future__ import annotations

from dataclasses import dataclass

from prefect import Flow, flow

from dreamnet.report import Step
from flows.provisioning import provision
from flows.weeks import GAMEPLAN_FLOW, run_key
from tasks.checks import check_accounts, check_declarations, check_ready, enable_google_apis
from tasks.kubernetes import Where, declared_clusters, deploy_application
from tasks.report import publish_steps
from tasks.resources import GAMEPLAN, plan_resources

STARTER = "starter"


@dataclass(frozen=True)
class Stack:
    """What one command deploys.

    Attributes:
        command: the flow's name.
        does: one sentence, for the UI.
        folders: of infrastructure/; none means all of the selection.
        clusters: where DreamNet's backend is deployed afterwards, as far as the selection declares them.
        selection: whose resources, unless the operator names another.
    """

    command: str
    does: str
    folders: tuple[str, ...]
    clusters: tuple[Where, ...] = ()
    selection: str = GAMEPLAN


def deploy_flow(stack: Stack) -> Flow[..., list[Step]]:
    """The flow that deploys a stack."""

    @flow(
        name=stack.command,
        flow_run_name=f"{stack.command} {{profile}}",
        description=stack.does,
        **GAMEPLAN_FLOW,
    )
    def deploy(
        profile: str,
        selection: str = stack.selection,
        plan_only: bool = False,
        auto_approve: bool = False,
        consents: list[str] | None = None,
        run: str | None = None,
    ) -> list[Step]:
        """Check, plan, price, ask, apply, and deploy DreamNet. A second run changes nothing.

        Args:
            profile: name of the Gameplan profile block.
            selection: name in infrastructure/selections.yaml.
            plan_only: stop after the priced plan.
            auto_approve: apply without asking a person; only the rehearsal's deployments set it.
            consents: `lose-data:ID` and `lift-protection:ID`, for what a replacement takes away.
            run: continue an earlier run under its id.
        """
        run = run_key(run)
        check_accounts(profile, run)
        check_declarations(profile, run)
        if not plan_only:
            enable_google_apis(profile, run, selection)
        check_ready(profile, run, stack.folders, selection)
        if plan_only:
            plan_resources(profile, run, stack.folders, selection)
            return []
        steps = [provision(profile, run, stack.folders, auto_approve, selection, tuple(consents or ()))]
        where = declared_clusters(stack.folders, selection, stack.clusters)
        deployments = [deploy_application.submit(profile, run, one) for one in where]
        steps += [deployment.result() for deployment in deployments]
        publish_steps(profile, stack.command, stack.does, steps)
        return steps

    return deploy


deploy_gke = deploy_flow(Stack("deploy-gke", "GKE, and DreamNet on it.", ("google/gke",), ("gke",)))
deploy_eks = deploy_flow(Stack("deploy-eks", "EKS, and DreamNet on it.", ("aws/eks",), ("eks",)))
deploy_data_gcp = deploy_flow(
    Stack("deploy-data-gcp", "Google's databases, warehouse, cache, buckets and topics.", ("google/data",))
)
deploy_data_aws = deploy_flow(
    Stack("deploy-data-aws", "AWS's databases, warehouse, cache, buckets and queues.", ("aws/data",))
)
deploy_serverless_gcp = deploy_flow(
    Stack(
        "deploy-serverless-gcp", "Cloud Functions, and what starts them.", ("google/services/functions.yaml",)
    )
)
deploy_serverless_aws = deploy_flow(
    Stack(
        "deploy-serverless-aws", "Lambda functions, and what starts them.", ("aws/services/functions.yaml",)
    )
)
deploy_events_gcp = deploy_flow(
    Stack("deploy-events-gcp", "Pub/Sub topics and subscriptions.", ("google/data/pubsub-topics.yaml",))
)
deploy_events_aws = deploy_flow(
    Stack("deploy-events-aws", "EventBridge and SQS.", ("aws/services/events.yaml", "aws/data/sqs.yaml"))
)
deploy_infra_gcp = deploy_flow(
    Stack("deploy-infra-gcp", "Every resource on Google Cloud, and nothing that runs on it.", ("google",))
)
deploy_infra_aws = deploy_flow(
    Stack("deploy-infra-aws", "Every resource on AWS, and nothing that runs on it.", ("aws",))
)
deploy_full_gcp = deploy_flow(
    Stack("deploy-full-gcp", "Everything on Google Cloud.", ("google",), ("gke", "gke-second"))
)
deploy_full_aws = deploy_flow(Stack("deploy-full-aws", "Everything on AWS.", ("aws",), ("eks",)))
deploy_multi_cloud = deploy_flow(
    Stack(
        "deploy-multi-cloud",
        "Both clouds; without another selection, what fits the credits.",
        (),
        ("gke", "gke-second", "eks"),
        selection=STARTER,
    )
)
