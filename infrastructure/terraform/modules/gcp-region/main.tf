# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/backup-plan, google/backup-plan-second
resource "google_gke_backup_backup_plan" "backup_plan" {
  name        = "dreamnet${var.suffix}"
  location    = var.second_region
  description = var.description
  cluster     = var.cluster

  backup_schedule {
    cron_schedule = var.cron_schedule
  }

  retention_policy {
    backup_retain_days = 7
  }

  backup_config {
    include_secrets     = true
    include_volume_data = true

    selected_namespaces {
      namespaces = ["dreamnet"]
    }
  }

  depends_on = [google_container_cluster.gke_cluster]
}

# google/subnetwork, google/subnetwork-second
resource "google_compute_subnetwork" "subnetwork" {
  name                     = "dreamnet${var.suffix}"
  region                   = var.region
  network                  = var.network_self_link
  ip_cidr_range            = var.ip_cidr_range
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.subnetwork_ip_cidr_range
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.subnetwork_ip_cidr_range_2
  }
}

# google/gke-cluster, google/gke-cluster-second
resource "google_container_cluster" "gke_cluster" {
  name                     = "dreamnet${var.suffix}"
  location                 = var.location
  description              = var.gke_cluster_description
  network                  = var.network_self_link
  subnetwork               = google_compute_subnetwork.subnetwork.self_link
  initial_node_count       = 1
  remove_default_node_pool = true

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  release_channel {
    channel = "REGULAR"
  }

  workload_identity_config {
    workload_pool = "${var.google_project}.svc.id.goog"
  }

  vertical_pod_autoscaling {
    enabled = true
  }

  gateway_api_config {
    channel = "CHANNEL_STANDARD"
  }

  lifecycle {
    ignore_changes = [initial_node_count, remove_default_node_pool, node_pool, node_config]
  }
}

# google/gke-cluster, google/gke-cluster-second
resource "google_container_node_pool" "gke_cluster_pool_default" {
  cluster            = google_container_cluster.gke_cluster.name
  location           = var.location
  name               = "default"
  initial_node_count = 1

  autoscaling {
    min_node_count = 1
    max_node_count = 3
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    machine_type = "e2-standard-2"
    disk_type    = "pd-balanced"
    disk_size_gb = 50

    oauth_scopes = [
      "https://www.googleapis.com/auth/logging.write",
      "https://www.googleapis.com/auth/monitoring",
      "https://www.googleapis.com/auth/devstorage.read_only",
    ]

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
}

# google/membership-first, google/membership-second
resource "google_gke_hub_membership" "membership_first" {
  membership_id = "dreamnet${var.suffix}"
  location      = var.region

  endpoint {
    gke_cluster {
      resource_link = var.resource_link
    }
  }

  depends_on = [google_container_cluster.gke_cluster]
}

# google/feature-mesh, google/feature-mesh
resource "google_gke_hub_feature_membership" "feature_mesh_dreamnet" {
  feature             = var.feature_mesh_name
  location            = "global"
  membership          = "dreamnet${var.suffix}"
  membership_location = var.region

  mesh {
    management = "MANAGEMENT_AUTOMATIC"
  }
}

# google/neg-first, google/neg-second
resource "google_compute_network_endpoint_group" "neg_first" {
  name                  = var.name
  zone                  = var.location
  network_endpoint_type = "NON_GCP_PRIVATE_IP_PORT"
  network               = var.network_self_link
  default_port          = 8080
}

# google/nat-address, google/nat-address-second
resource "google_compute_address" "nat_address" {
  name         = "dreamnet-nat${var.suffix}"
  region       = var.region
  description  = var.nat_address_description
  address_type = "EXTERNAL"
  network_tier = "PREMIUM"
}

# google/router, google/router-second
resource "google_compute_router" "router" {
  name        = "dreamnet${var.suffix}"
  region      = var.region
  description = var.router_description
  network     = var.network_self_link
}

# google/router, google/router-second
resource "google_compute_router_nat" "router_nat" {
  router                             = google_compute_router.router.name
  region                             = var.region
  name                               = "dreamnet${var.suffix}"
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.nat_address.self_link]
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
  min_ports_per_vm                   = 64

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# google/pool-spot, google/pool-spot-second
resource "google_container_node_pool" "pool_spot" {
  name               = "spot"
  location           = var.location
  cluster            = google_container_cluster.gke_cluster.name
  initial_node_count = 0

  autoscaling {
    min_node_count  = 0
    max_node_count  = 3
    location_policy = "ANY"
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    spot            = true
    machine_type    = "e2-standard-2"
    disk_type       = "pd-balanced"
    disk_size_gb    = 50
    service_account = var.account_nodes_email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    labels = {
      "dreamnet/pool" = "spot"
    }

    taint {
      key    = "cloud.google.com/gke-spot"
      value  = "true"
      effect = "NO_SCHEDULE"
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }

  depends_on = [google_container_cluster.gke_cluster, var.pool_spot_after]
}

# google/access-run-api, google/access-run-api-second
resource "google_cloud_run_v2_service_iam_member" "access_run_api" {
  location   = var.region
  name       = var.access_run_api_name
  role       = "roles/run.invoker"
  member     = "allUsers"
  depends_on = [var.access_run_api_after]
}

# google/memorystore, google/memorystore-second
resource "google_redis_instance" "memorystore" {
  name               = "dreamnet${var.suffix}"
  region             = var.region
  display_name       = var.display_name
  tier               = "BASIC"
  memory_size_gb     = 1
  redis_version      = "REDIS_7_2"
  authorized_network = "projects/${var.google_project}/global/networks/dreamnet"
  connect_mode       = "DIRECT_PEERING"
  depends_on         = [var.memorystore_after]
}

# google/access-nodes-images, google/access-nodes-images-second
resource "google_artifact_registry_repository_iam_member" "access_nodes_images" {
  location   = var.region
  repository = var.repository
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${var.account_nodes_email}"
  depends_on = [var.access_nodes_images_after]
}

# google/pool-gpu, google/pool-gpu-second
resource "google_container_node_pool" "pool_gpu" {
  name               = "gpu"
  location           = var.location
  cluster            = google_container_cluster.gke_cluster.name
  initial_node_count = 0

  autoscaling {
    min_node_count = 0
    max_node_count = 1
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    machine_type    = "g2-standard-4"
    disk_type       = "pd-balanced"
    disk_size_gb    = 100
    service_account = var.account_nodes_email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    labels = {
      "dreamnet/pool" = "gpu"
    }

    taint {
      key    = "nvidia.com/gpu"
      value  = "present"
      effect = "NO_SCHEDULE"
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    guest_accelerator {
      type  = "nvidia-l4"
      count = 1

      gpu_driver_installation_config {
        gpu_driver_version = "DEFAULT"
      }
    }
  }

  depends_on = [google_container_cluster.gke_cluster, var.pool_spot_after]
}

# google/neg-run, google/neg-run-second
resource "google_compute_region_network_endpoint_group" "neg_run" {
  name                  = "dreamnet-run${var.suffix}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = "dreamnet-api"
  }

  depends_on = [var.access_run_api_after]
}
