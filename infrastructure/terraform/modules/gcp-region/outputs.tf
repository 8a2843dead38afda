# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

output "backup_plan_id" {
  value = google_gke_backup_backup_plan.backup_plan.id
}

output "gke_cluster_endpoint" {
  value = google_container_cluster.gke_cluster.endpoint
}

output "gke_cluster_id" {
  value = google_container_cluster.gke_cluster.id
}

output "gke_cluster_name" {
  value = google_container_cluster.gke_cluster.name
}

output "membership_first_id" {
  value = google_gke_hub_membership.membership_first.id
}

output "membership_first_name" {
  value = google_gke_hub_membership.membership_first.name
}

output "memorystore_host" {
  value = google_redis_instance.memorystore.host
}

output "neg_first_self_link" {
  value = google_compute_network_endpoint_group.neg_first.self_link
}

output "neg_run_self_link" {
  value = google_compute_region_network_endpoint_group.neg_run.self_link
}

output "subnetwork_name" {
  value = google_compute_subnetwork.subnetwork.name
}
