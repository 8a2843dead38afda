# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

variable "access_nodes_images_after" {
  description = "Both regions: a list"
  type        = any
}

variable "access_run_api_after" {
  description = "Both regions: a list"
  type        = any
}

variable "access_run_api_name" {
  description = "First region: google_cloud_run_v2_service.run_api.name; second: google_cloud_run_v2_service.run_api_second.name"
  type        = any
}

variable "account_nodes_email" {
  description = "Both regions: google_service_account.account_nodes.email"
  type        = any
}

variable "cluster" {
  description = "First region: projects/var.google_project/locations/var.google_zone/clusters/dreamnet; second: projects/var.google_project/locations/var.google_second_region-b/clusters/dreamnet-second"
  type        = string
}

variable "cron_schedule" {
  description = "First region: 0 3 * * *; second: 30 3 * * *"
  type        = string
}

variable "description" {
  description = "First region: The first region's cluster; second: The second region's cluster"
  type        = string
}

variable "display_name" {
  description = "First region: DreamNet's cache; second: DreamNet's cache, second region"
  type        = string
}

variable "feature_mesh_name" {
  description = "Both regions: google_gke_hub_feature.feature_mesh.name"
  type        = any
}

variable "gke_cluster_description" {
  description = "First region: DreamNet; second: DreamNet, second region"
  type        = string
}

variable "google_project" {
  description = "Both regions: var.google_project"
  type        = string
}

variable "ip_cidr_range" {
  description = "First region: 10.10.0.0/20; second: 10.20.0.0/20"
  type        = string
}

variable "location" {
  description = "First region: var.google_zone; second: var.google_second_region-b"
  type        = string
}

variable "memorystore_after" {
  description = "Both regions: a list"
  type        = any
}

variable "name" {
  description = "First region: dreamnet-first; second: dreamnet-second"
  type        = string
}

variable "nat_address_description" {
  description = "First region: What DreamNet's first region is seen as; second: What DreamNet's second region is seen as"
  type        = string
}

variable "network_self_link" {
  description = "Both regions: google_compute_network.network.self_link"
  type        = any
}

variable "pool_spot_after" {
  description = "Both regions: a list"
  type        = any
}

variable "region" {
  description = "First region: var.google_region; second: var.google_second_region"
  type        = string
}

variable "repository" {
  description = "First region: google_artifact_registry_repository.registry.repository_id; second: google_artifact_registry_repository.registry_second.repository_id"
  type        = any
}

variable "resource_link" {
  description = "First region: //container.googleapis.com/projects/var.google_project/locations/var.google_zone/clusters/dreamnet; second: //container.googleapis.com/projects/var.google_project/locations/var.google_second_region-b/clusters/dreamnet-second"
  type        = string
}

variable "router_description" {
  description = "First region: Carries the NAT; second: Carries the second region's NAT"
  type        = string
}

variable "second_region" {
  description = "First region: var.google_second_region; second: var.google_region"
  type        = string
}

variable "subnetwork_ip_cidr_range" {
  description = "First region: 10.64.0.0/14; second: 10.68.0.0/14"
  type        = string
}

variable "subnetwork_ip_cidr_range_2" {
  description = "First region: 10.11.0.0/20; second: 10.21.0.0/20"
  type        = string
}

variable "suffix" {
  description = "First region: nothing; second: -second"
  type        = string
}

variable "zone" {
  description = "First region: var.google_zone; second: var.google_second_region"
  type        = string
}
