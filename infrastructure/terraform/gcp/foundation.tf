# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/access-nodes
resource "google_project_iam_member" "access_nodes" {
  project = var.google_project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = "serviceAccount:${google_service_account.account_nodes.email}"
}

# google/access-api-sql
resource "google_project_iam_member" "access_api_sql" {
  project = var.google_project
  role    = "roles/cloudsql.client"
  member  = "serviceAccount:${google_service_account.account_api.email}"
}

# google/access-api-traces
resource "google_project_iam_member" "access_api_traces" {
  project = var.google_project
  role    = "roles/cloudtrace.agent"
  member  = "serviceAccount:${google_service_account.account_api.email}"
}

# google/access-functions-events
resource "google_project_iam_member" "access_functions_events" {
  project = var.google_project
  role    = "roles/eventarc.eventReceiver"
  member  = "serviceAccount:${google_service_account.account_functions.email}"
}

# google/access-dataflow-worker
resource "google_project_iam_member" "access_dataflow_worker" {
  project = var.google_project
  role    = "roles/dataflow.worker"
  member  = "serviceAccount:${google_service_account.account_dataflow.email}"
}

# google/access-dataflow-jobs
resource "google_project_iam_member" "access_dataflow_jobs" {
  project = var.google_project
  role    = "roles/bigquery.jobUser"
  member  = "serviceAccount:${google_service_account.account_dataflow.email}"
}

# google/account-nodes
resource "google_service_account" "account_nodes" {
  account_id   = "dreamnet-nodes"
  display_name = "DreamNet's GKE nodes"
  description  = "Logs, metrics and images; what pods may do is granted to their own identities"
}

# google/account-api
resource "google_service_account" "account_api" {
  account_id   = "dreamnet-api"
  display_name = "DreamNet's backend"
  description  = "Lent to the pods of dreamnet/dreamnet-api and to the Cloud Run service"
}

# google/account-worker
resource "google_service_account" "account_worker" {
  account_id   = "dreamnet-worker"
  display_name = "DreamNet's workers"
  description  = "Lent to the pods of dreamnet/dreamnet-worker; takes dream events off their subscription"
}

# google/account-agents
resource "google_service_account" "account_agents" {
  account_id   = "dreamnet-agents"
  display_name = "DreamNet's agents"
  description  = "Lent to the pods of dreamnet/dreamnet-agents; reads and writes media, publishes events"
}

# google/account-functions
resource "google_service_account" "account_functions" {
  account_id   = "dreamnet-functions"
  display_name = "DreamNet's functions"
  description  = "What Cloud Functions and scheduled calls run as"
}

# google/account-dataflow
resource "google_service_account" "account_dataflow" {
  account_id   = "dreamnet-dataflow"
  display_name = "DreamNet's Dataflow workers"
  description  = "Reads events and Bigtable, writes BigQuery and the lake"
}

# google/account-operator
resource "google_service_account" "account_operator" {
  account_id   = "dreamnet-operator"
  display_name = "DreamNet's scheduled operations"
  description  = "Looks at everything, stops, starts and resizes; creates and deletes nothing"
}

# google/federation-github
resource "google_iam_workload_identity_pool" "federation_github" {
  workload_identity_pool_id = "dreamnet-github"
  display_name              = "DreamNet on GitHub"
  description               = "Workflows of DreamNet's repository"
}

# google/federation-github-actions
resource "google_iam_workload_identity_pool_provider" "federation_github_actions" {
  workload_identity_pool_provider_id = "github"
  workload_identity_pool_id          = google_iam_workload_identity_pool.federation_github.workload_identity_pool_id
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }

  attribute_condition = "assertion.repository == 'dreamnet/gameplan' && assertion.environment == 'production'"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }

  depends_on = [google_iam_workload_identity_pool.federation_github]
}

# google/secret-prefect-api-key
resource "google_secret_manager_secret" "secret_prefect_api_key" {
  secret_id = "dreamnet-prefect-api-key"

  replication {
    auto {}
  }
}

# google/access-delivery-secret
resource "google_secret_manager_secret_iam_member" "access_delivery_secret" {
  secret_id = google_secret_manager_secret.secret_prefect_api_key.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "principalSet://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/dreamnet-github/attribute.repository/dreamnet/gameplan"

  depends_on = [
    google_secret_manager_secret.secret_prefect_api_key,
    google_iam_workload_identity_pool_provider.federation_github_actions,
  ]
}

# google/federation
resource "google_iam_workload_identity_pool" "federation" {
  workload_identity_pool_id = "dreamnet-aws"
  display_name              = "DreamNet on AWS"
  description               = "Roles of DreamNet's AWS account"
}

# google/federation-aws
resource "google_iam_workload_identity_pool_provider" "federation_aws" {
  workload_identity_pool_provider_id = "aws"
  workload_identity_pool_id          = google_iam_workload_identity_pool.federation.workload_identity_pool_id
  display_name                       = "AWS"

  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
  }

  attribute_condition = "assertion.arn.startsWith('arn:aws:sts::${var.aws_account_id}:assumed-role/dreamnet-')"

  aws {
    account_id = var.aws_account_id
  }

  depends_on = [google_iam_workload_identity_pool.federation]
}

# google/access-federation-api
resource "google_service_account_iam_member" "access_federation_api" {
  service_account_id = google_service_account.account_api.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/dreamnet-aws/attribute.aws_role/arn:aws:sts::${var.aws_account_id}:assumed-role/dreamnet-backend"
  depends_on         = [google_service_account.account_api, google_iam_workload_identity_pool_provider.federation_aws]
}

# google/registry
resource "google_artifact_registry_repository" "registry" {
  repository_id = "dreamnet"
  location      = var.google_region
  description   = "DreamNet's container images"
  format        = "DOCKER"
  mode          = "STANDARD_REPOSITORY"

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      tag_state  = "UNTAGGED"
      older_than = "2592000s"
    }
  }

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 10
    }
  }
}

# google/role-operator
resource "google_project_iam_custom_role" "role_operator" {
  role_id     = "dreamnetOperator"
  title       = "DreamNet operations"
  description = "Stop, start and resize clusters and databases"
  stage       = "GA"

  permissions = [
    "cloudsql.instances.get",
    "cloudsql.instances.list",
    "cloudsql.instances.update",
    "compute.instanceGroupManagers.get",
    "compute.instanceGroupManagers.list",
    "container.clusters.get",
    "container.clusters.list",
    "container.clusters.update",
    "container.deployments.get",
    "container.deployments.list",
    "container.deployments.update",
    "container.horizontalPodAutoscalers.get",
    "container.horizontalPodAutoscalers.list",
    "container.horizontalPodAutoscalers.update",
    "container.nodes.get",
    "container.nodes.list",
    "container.operations.get",
    "container.pods.get",
    "container.pods.list",
    "monitoring.timeSeries.list",
    "redis.instances.get",
    "redis.instances.list",
    "spanner.instances.get",
    "spanner.instances.update",
  ]
}

# google/access-operator
resource "google_project_iam_member" "access_operator" {
  project = var.google_project
  role    = google_project_iam_custom_role.role_operator.name
  member  = "serviceAccount:${google_service_account.account_operator.email}"
}

# google/access-operator-viewer
resource "google_project_iam_member" "access_operator_viewer" {
  project = var.google_project
  role    = "roles/viewer"
  member  = "serviceAccount:${google_service_account.account_operator.email}"
}
