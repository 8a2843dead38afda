# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

provider "google" {
  project                         = var.google_project
  region                          = var.google_region
  add_terraform_attribution_label = false

  default_labels = {
    managed-by = "dreamnet-gameplan"
  }
}

provider "google-beta" {
  project                         = var.google_project
  region                          = var.google_region
  add_terraform_attribution_label = false

  default_labels = {
    managed-by = "dreamnet-gameplan"
  }
}

module "first" {
  source                     = "../modules/gcp-region"
  access_nodes_images_after  = [google_artifact_registry_repository.registry.id]
  access_run_api_after       = [google_cloud_run_v2_service.run_api.id]
  access_run_api_name        = google_cloud_run_v2_service.run_api.name
  account_nodes_email        = google_service_account.account_nodes.email
  cluster                    = "projects/${var.google_project}/locations/${var.google_zone}/clusters/dreamnet"
  cron_schedule              = "0 3 * * *"
  description                = "The first region's cluster"
  display_name               = "DreamNet's cache"
  feature_mesh_name          = google_gke_hub_feature.feature_mesh.name
  gke_cluster_description    = "DreamNet"
  google_project             = var.google_project
  ip_cidr_range              = "10.10.0.0/20"
  location                   = var.google_zone
  memorystore_after          = [google_compute_network.network.id]
  name                       = "dreamnet-first"
  nat_address_description    = "What DreamNet's first region is seen as"
  network_self_link          = google_compute_network.network.self_link
  pool_spot_after            = [google_project_iam_member.access_nodes.id]
  region                     = var.google_region
  repository                 = google_artifact_registry_repository.registry.repository_id
  resource_link              = "//container.googleapis.com/projects/${var.google_project}/locations/${var.google_zone}/clusters/dreamnet"
  router_description         = "Carries the NAT"
  second_region              = var.google_second_region
  subnetwork_ip_cidr_range   = "10.64.0.0/14"
  subnetwork_ip_cidr_range_2 = "10.11.0.0/20"
  suffix                     = ""
  zone                       = var.google_zone
}

module "second" {
  source                     = "../modules/gcp-region"
  access_nodes_images_after  = [google_artifact_registry_repository.registry_second.id]
  access_run_api_after       = [google_cloud_run_v2_service.run_api_second.id]
  access_run_api_name        = google_cloud_run_v2_service.run_api_second.name
  account_nodes_email        = google_service_account.account_nodes.email
  cluster                    = "projects/${var.google_project}/locations/${var.google_second_region}-b/clusters/dreamnet-second"
  cron_schedule              = "30 3 * * *"
  description                = "The second region's cluster"
  display_name               = "DreamNet's cache, second region"
  feature_mesh_name          = google_gke_hub_feature.feature_mesh.name
  gke_cluster_description    = "DreamNet, second region"
  google_project             = var.google_project
  ip_cidr_range              = "10.20.0.0/20"
  location                   = "${var.google_second_region}-b"
  memorystore_after          = [google_compute_network.network.id]
  name                       = "dreamnet-second"
  nat_address_description    = "What DreamNet's second region is seen as"
  network_self_link          = google_compute_network.network.self_link
  pool_spot_after            = [google_project_iam_member.access_nodes.id]
  region                     = var.google_second_region
  repository                 = google_artifact_registry_repository.registry_second.repository_id
  resource_link              = "//container.googleapis.com/projects/${var.google_project}/locations/${var.google_second_region}-b/clusters/dreamnet-second"
  router_description         = "Carries the second region's NAT"
  second_region              = var.google_region
  subnetwork_ip_cidr_range   = "10.68.0.0/14"
  subnetwork_ip_cidr_range_2 = "10.21.0.0/20"
  suffix                     = "-second"
  zone                       = var.google_second_region
}
