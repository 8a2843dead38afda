# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/workload-identity-worker
resource "google_service_account_iam_member" "workload_identity_worker" {
  service_account_id = google_service_account.account_worker.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-worker]"
  depends_on         = [google_service_account.account_worker, module.first.gke_cluster_id]
}

# google/workload-identity-agents
resource "google_service_account_iam_member" "workload_identity_agents" {
  service_account_id = google_service_account.account_agents.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-agents]"
  depends_on         = [google_service_account.account_agents, module.first.gke_cluster_id]
}

# google/access-metrics-adapter
resource "google_project_iam_member" "access_metrics_adapter" {
  project    = var.google_project
  role       = "roles/monitoring.viewer"
  member     = "principal://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/${var.google_project}.svc.id.goog/subject/ns/custom-metrics/sa/custom-metrics-stackdriver-adapter"
  depends_on = [module.first.gke_cluster_id]
}

# google/network
resource "google_compute_network" "network" {
  name                    = "dreamnet"
  description             = "DreamNet's network"
  auto_create_subnetworks = false
  routing_mode            = "GLOBAL"
}

# google/firewall-health-checks
resource "google_compute_firewall" "firewall_health_checks" {
  name          = "dreamnet-health-checks"
  description   = "Health checks and traffic of Google's load balancers"
  network       = google_compute_network.network.self_link
  direction     = "INGRESS"
  source_ranges = ["35.191.0.0/16", "130.211.0.0/22"]

  allow {
    ports    = ["8080"]
    protocol = "tcp"
  }
}

# google/workload-identity-api
resource "google_service_account_iam_member" "workload_identity_api" {
  service_account_id = google_service_account.account_api.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-api]"
  depends_on         = [google_service_account.account_api, module.first.gke_cluster_id]
}
