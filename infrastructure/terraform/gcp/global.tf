# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/restore-plan
resource "google_gke_backup_restore_plan" "restore_plan" {
  name        = "dreamnet"
  location    = var.google_second_region
  description = "The first region's backups, in the second region"
  backup_plan = module.first.backup_plan_id
  cluster     = "projects/${var.google_project}/locations/${var.google_second_region}-b/clusters/dreamnet-second"

  restore_config {
    namespaced_resource_restore_mode = "MERGE_SKIP_ON_CONFLICT"
    volume_data_restore_policy       = "RESTORE_VOLUME_DATA_FROM_BACKUP"
    cluster_resource_conflict_policy = "USE_EXISTING_VERSION"

    selected_namespaces {
      namespaces = ["dreamnet"]
    }

    cluster_resource_restore_scope {
      no_group_kinds = true
    }
  }

  depends_on = [module.second.gke_cluster_id]
}

# google/cloud-sql-replica
resource "google_sql_database_instance" "cloud_sql_replica" {
  name                 = "dreamnet-replica"
  database_version     = "POSTGRES_18"
  region               = var.google_second_region
  master_instance_name = "dreamnet"

  settings {
    edition           = "ENTERPRISE"
    tier              = "db-f1-micro"
    availability_type = "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = 10
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "ENCRYPTED_ONLY"
    }

    database_flags {
      name  = "cloudsql.logical_decoding"
      value = "on"
    }
  }

  depends_on = [
    google_sql_database_instance.cloud_sql,
    google_sql_database.cloud_sql_database,
    google_sql_user.cloud_sql_user,
  ]
}

# google/zone
resource "google_dns_managed_zone" "zone" {
  name        = "dreamnet"
  description = "DreamNet's names"
  dns_name    = "${var.domain}."
  visibility  = "public"

  dnssec_config {
    state = "on"
  }
}

# google/record-apex
resource "google_dns_record_set" "record_apex" {
  name         = "${var.domain}."
  managed_zone = google_dns_managed_zone.zone.name
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.web_address.address]
  depends_on   = [google_dns_managed_zone.zone]
}

# google/record-api
resource "google_dns_record_set" "record_api" {
  name         = "api.${var.domain}."
  managed_zone = google_dns_managed_zone.zone.name
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.web_address.address]
  depends_on   = [google_dns_managed_zone.zone]
}

# google/record-www
resource "google_dns_record_set" "record_www" {
  name         = "www.${var.domain}."
  managed_zone = google_dns_managed_zone.zone.name
  type         = "CNAME"
  ttl          = 3600
  rrdatas      = ["${var.domain}."]
  depends_on   = [google_dns_managed_zone.zone]
}

# google/record-certificate
resource "google_dns_record_set" "record_certificate" {
  name         = "_acme-challenge.${var.domain}."
  managed_zone = google_dns_managed_zone.zone.name
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.dns_authorization.dns_resource_record[0].data]
  depends_on   = [google_dns_managed_zone.zone]
}

# google/record-authorities
resource "google_dns_record_set" "record_authorities" {
  name         = "${var.domain}."
  managed_zone = google_dns_managed_zone.zone.name
  type         = "CAA"
  ttl          = 3600
  rrdatas      = ["0 issue \"pki.goog\"", "0 issue \"amazon.com\""]
  depends_on   = [google_dns_managed_zone.zone]
}

# google/zone-internal
resource "google_dns_managed_zone" "zone_internal" {
  name        = "dreamnet-internal"
  description = "Names inside DreamNet's network"
  dns_name    = "dreamnet.internal."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.network.self_link
    }
  }
}

# google/record-cache
resource "google_dns_record_set" "record_cache" {
  name         = "cache.dreamnet.internal."
  managed_zone = google_dns_managed_zone.zone_internal.name
  type         = "A"
  ttl          = 60
  rrdatas      = [module.first.memorystore_host]
  depends_on   = [google_dns_managed_zone.zone_internal]
}

# google/dns-policy
resource "google_dns_policy" "dns_policy" {
  name           = "dreamnet"
  description    = "Logs what the network asks for"
  enable_logging = true

  networks {
    network_url = google_compute_network.network.self_link
  }
}

# google/feature-mesh
resource "google_gke_hub_feature" "feature_mesh" {
  name       = "servicemesh"
  location   = "global"
  depends_on = [module.first.membership_first_id, module.second.membership_first_id]
}

# google/feature-services
resource "google_gke_hub_feature" "feature_services" {
  name       = "multiclusterservicediscovery"
  location   = "global"
  depends_on = [module.first.membership_first_id, module.second.membership_first_id]
}

# google/feature-ingress
resource "google_gke_hub_feature" "feature_ingress" {
  name     = "multiclusteringress"
  location = "global"

  spec {
    multiclusteringress {
      config_membership = module.first.membership_first_name
    }
  }

  depends_on = [google_gke_hub_feature.feature_services]
}

# google/health-check
resource "google_compute_health_check" "health_check" {
  name                = "dreamnet"
  check_interval_sec  = 5
  timeout_sec         = 2
  healthy_threshold   = 1
  unhealthy_threshold = 2

  http_health_check {
    port         = 8080
    request_path = "/healthz"
  }
}

# google/backend-service
resource "google_compute_backend_service" "backend_service" {
  name                            = "dreamnet"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  protocol                        = "HTTP"
  timeout_sec                     = 30
  health_checks                   = [google_compute_health_check.health_check.self_link]
  connection_draining_timeout_sec = 30

  backend {
    group                 = module.first.neg_first_self_link
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 1000
    preference            = "PREFERRED"
  }

  backend {
    group                 = module.second.neg_first_self_link
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 1000
    preference            = "DEFAULT"
  }
}

# google/url-map
resource "google_compute_url_map" "url_map" {
  name            = "dreamnet"
  default_service = google_compute_backend_service.backend_service.self_link
}

# google/http-proxy
resource "google_compute_target_http_proxy" "http_proxy" {
  name    = "dreamnet"
  url_map = google_compute_url_map.url_map.self_link
}

# google/forwarding-rule
resource "google_compute_global_forwarding_rule" "forwarding_rule" {
  name                  = "dreamnet"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_protocol           = "TCP"
  port_range            = var.frontdoor_port
  target                = google_compute_target_http_proxy.http_proxy.self_link
}

# google/private-range
resource "google_compute_global_address" "private_range" {
  name          = "dreamnet-services"
  description   = "For Google's managed services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = "10.30.0.0"
  prefix_length = 20
  network       = google_compute_network.network.self_link
}

# google/private-services
resource "google_service_networking_connection" "private_services" {
  service                 = "servicenetworking.googleapis.com"
  network                 = "projects/${var.google_project_number}/global/networks/dreamnet"
  reserved_peering_ranges = [google_compute_global_address.private_range.name]
  depends_on              = [google_compute_network.network]
}

# google/run-api-second
resource "google_cloud_run_v2_service" "run_api_second" {
  name        = "dreamnet-api"
  location    = var.google_second_region
  description = "DreamNet's backend, second region"
  ingress     = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"

  template {
    service_account                  = google_service_account.account_api.email
    timeout                          = "60s"
    max_instance_request_concurrency = 80

    scaling {
      min_instance_count = 1
      max_instance_count = 100
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = "dreamnet"
        subnetwork = module.second.subnetwork_name
      }
    }

    containers {
      name  = "api"
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }

        cpu_idle          = true
        startup_cpu_boost = true
      }

      env {
        name = "DATABASE_URL"

        value_source {
          secret_key_ref {
            secret  = "dreamnet-database-url"
            version = "latest"
          }
        }
      }

      env {
        name = "REPLICA_URL"

        value_source {
          secret_key_ref {
            secret  = "dreamnet-replica-url"
            version = "latest"
          }
        }
      }

      startup_probe {
        period_seconds    = 5
        failure_threshold = 12

        http_get {
          path = "/healthz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds = 15

        http_get {
          path = "/healthz"
          port = 8080
        }
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.access_api_secret,
    google_project_iam_member.access_api_sql,
    google_secret_manager_secret.secret_database_url,
    google_secret_manager_secret_iam_member.access_api_replica_secret,
  ]
}

# google/secret-replica-url
resource "google_secret_manager_secret" "secret_replica_url" {
  secret_id = "dreamnet-replica-url"

  replication {
    auto {}
  }
}

# google/access-api-replica-secret
resource "google_secret_manager_secret_iam_member" "access_api_replica_secret" {
  secret_id  = google_secret_manager_secret.secret_replica_url.secret_id
  role       = "roles/secretmanager.secretAccessor"
  member     = "serviceAccount:${google_service_account.account_api.email}"
  depends_on = [google_secret_manager_secret.secret_replica_url]
}

# google/registry-second
resource "google_artifact_registry_repository" "registry_second" {
  repository_id = "dreamnet"
  location      = var.google_second_region
  description   = "DreamNet's container images, second region"
  format        = "DOCKER"
  mode          = "STANDARD_REPOSITORY"
}

# google/bucket-media-second
resource "google_storage_bucket" "bucket_media_second" {
  name                        = "${var.google_project}-media-second"
  location                    = var.google_second_region
  storage_class               = "NEARLINE"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

# google/transfer-media
resource "google_storage_transfer_job" "transfer_media" {
  name        = "dreamnet-media"
  description = "Media to the second region"
  status      = "ENABLED"
  project     = var.google_project

  transfer_spec {
    gcs_data_source {
      bucket_name = "${var.google_project}-media"
    }

    gcs_data_sink {
      bucket_name = "${var.google_project}-media-second"
    }

    transfer_options {
      overwrite_when = "DIFFERENT"
    }
  }

  schedule {
    repeat_interval = "86400s"

    schedule_start_date {
      year  = 2026
      month = 1
      day   = 1
    }

    start_time_of_day {
      hours   = 4
      minutes = 0
      seconds = 0
      nanos   = 0
    }
  }

  depends_on = [
    google_storage_bucket.bucket_media,
    google_storage_bucket.bucket_media_second,
    google_storage_bucket_iam_member.access_transfer_source,
    google_storage_bucket_iam_member.access_transfer_source_bucket,
    google_storage_bucket_iam_member.access_transfer_sink,
    google_storage_bucket_iam_member.access_transfer_sink_bucket,
  ]
}

# google/access-transfer-source
resource "google_storage_bucket_iam_member" "access_transfer_source" {
  bucket     = google_storage_bucket.bucket_media.name
  role       = "roles/storage.objectViewer"
  member     = "serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
  depends_on = [google_storage_bucket.bucket_media]
}

# google/access-transfer-source-bucket
resource "google_storage_bucket_iam_member" "access_transfer_source_bucket" {
  bucket     = google_storage_bucket.bucket_media.name
  role       = "roles/storage.legacyBucketReader"
  member     = "serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
  depends_on = [google_storage_bucket.bucket_media]
}

# google/access-transfer-sink
resource "google_storage_bucket_iam_member" "access_transfer_sink" {
  bucket     = google_storage_bucket.bucket_media_second.name
  role       = "roles/storage.objectViewer"
  member     = "serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
  depends_on = [google_storage_bucket.bucket_media_second]
}

# google/access-transfer-sink-bucket
resource "google_storage_bucket_iam_member" "access_transfer_sink_bucket" {
  bucket     = google_storage_bucket.bucket_media_second.name
  role       = "roles/storage.legacyBucketWriter"
  member     = "serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
  depends_on = [google_storage_bucket.bucket_media_second]
}

# google/web-address
resource "google_compute_global_address" "web_address" {
  name         = "dreamnet-web"
  description  = "DreamNet's address"
  ip_version   = "IPV4"
  address_type = "EXTERNAL"
}

# google/bucket-web
resource "google_storage_bucket" "bucket_web" {
  name                        = "${var.google_project}-web"
  location                    = "US"
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "inherited"

  website {
    main_page_suffix = "index.html"
    not_found_page   = "index.html"
  }
}

# google/access-web-public
resource "google_storage_bucket_iam_member" "access_web_public" {
  bucket     = google_storage_bucket.bucket_web.name
  role       = "roles/storage.legacyObjectReader"
  member     = "allUsers"
  depends_on = [google_storage_bucket.bucket_web]
}

# google/backend-bucket
resource "google_compute_backend_bucket" "backend_bucket" {
  name             = "dreamnet-web"
  description      = "The frontend's files, through Cloud CDN"
  bucket_name      = google_storage_bucket.bucket_web.name
  enable_cdn       = true
  compression_mode = "AUTOMATIC"

  cdn_policy {
    cache_mode         = "CACHE_ALL_STATIC"
    client_ttl         = 3600
    default_ttl        = 3600
    max_ttl            = 86400
    negative_caching   = true
    serve_while_stale  = 86400
    request_coalescing = true
  }
}

# google/security-policy
resource "google_compute_security_policy" "security_policy" {
  name        = "dreamnet"
  description = "What DreamNet turns away"
  type        = "CLOUD_ARMOR"

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }

  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
  }

  rule {
    priority    = 1000
    description = "SQL injection"
    action      = "deny(403)"
    preview     = false

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('sqli-v33-stable', {'sensitivity': 1})"
      }
    }
  }

  rule {
    priority    = 1100
    description = "Cross-site scripting"
    action      = "deny(403)"
    preview     = false

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('xss-v33-stable', {'sensitivity': 1})"
      }
    }
  }

  rule {
    priority    = 1200
    description = "Remote code execution"
    action      = "deny(403)"
    preview     = false

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('rce-v33-stable', {'sensitivity': 1})"
      }
    }
  }

  rule {
    priority    = 2000
    description = "More than 600 requests a minute from one address"
    action      = "throttle"
    preview     = false

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 600
        interval_sec = 60
      }
    }
  }

  rule {
    priority    = 2147483647
    description = "Everybody else"
    action      = "allow"
    preview     = false

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

# google/backend-service-web
resource "google_compute_backend_service" "backend_service_web" {
  name                            = "dreamnet-web"
  description                     = "The API in both regions' clusters"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  protocol                        = "HTTP"
  timeout_sec                     = 30
  security_policy                 = google_compute_security_policy.security_policy.self_link
  health_checks                   = [google_compute_health_check.health_check.self_link]
  connection_draining_timeout_sec = 30

  log_config {
    enable      = true
    sample_rate = 0.1
  }

  backend {
    group                 = module.first.neg_first_self_link
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 1000
    preference            = "PREFERRED"
  }

  backend {
    group                 = module.second.neg_first_self_link
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 1000
    preference            = "DEFAULT"
  }
}

# google/backend-service-run
resource "google_compute_backend_service" "backend_service_run" {
  name                  = "dreamnet-run"
  description           = "The API on Cloud Run in both regions"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.security_policy.self_link

  backend {
    group = module.first.neg_run_self_link
  }

  backend {
    group = module.second.neg_run_self_link
  }
}

# google/url-map-web
resource "google_compute_url_map" "url_map_web" {
  name            = "dreamnet-web"
  description     = "Files from the CDN, the API from the clusters, functions' paths from Cloud Run"
  default_service = google_compute_backend_bucket.backend_bucket.self_link

  host_rule {
    hosts        = ["api.${var.domain}"]
    path_matcher = "api"
  }

  path_matcher {
    name            = "api"
    default_service = google_compute_backend_service.backend_service_web.self_link

    path_rule {
      paths   = ["/events/*", "/serverless/*"]
      service = google_compute_backend_service.backend_service_run.self_link
    }
  }
}

# google/ssl-policy
resource "google_compute_ssl_policy" "ssl_policy" {
  name            = "dreamnet"
  description     = "TLS 1.2 and newer"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

# google/dns-authorization
resource "google_certificate_manager_dns_authorization" "dns_authorization" {
  name        = "dreamnet"
  location    = "global"
  description = "That the domain is ours"
  domain      = var.domain
  type        = "FIXED_RECORD"
}

# google/certificate
resource "google_certificate_manager_certificate" "certificate" {
  name        = "dreamnet"
  location    = "global"
  description = "The domain and all names below it"
  scope       = "DEFAULT"

  managed {
    domains            = [var.domain, "*.${var.domain}"]
    dns_authorizations = [google_certificate_manager_dns_authorization.dns_authorization.id]
  }
}

# google/certificate-map
resource "google_certificate_manager_certificate_map" "certificate_map" {
  name        = "dreamnet"
  description = "Which name gets which certificate"
}

# google/certificate-map-apex
resource "google_certificate_manager_certificate_map_entry" "certificate_map_apex" {
  name         = "apex"
  map          = google_certificate_manager_certificate_map.certificate_map.name
  hostname     = var.domain
  certificates = [google_certificate_manager_certificate.certificate.id]
  depends_on   = [google_certificate_manager_certificate_map.certificate_map]
}

# google/certificate-map-names
resource "google_certificate_manager_certificate_map_entry" "certificate_map_names" {
  name         = "names"
  map          = google_certificate_manager_certificate_map.certificate_map.name
  hostname     = "*.${var.domain}"
  certificates = [google_certificate_manager_certificate.certificate.id]
  depends_on   = [google_certificate_manager_certificate_map.certificate_map]
}

# google/https-proxy
resource "google_compute_target_https_proxy" "https_proxy" {
  name            = "dreamnet-web"
  description     = "HTTPS"
  url_map         = google_compute_url_map.url_map_web.self_link
  ssl_policy      = google_compute_ssl_policy.ssl_policy.self_link
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.certificate_map.id}"
  quic_override   = "ENABLE"

  depends_on = [
    google_certificate_manager_certificate_map_entry.certificate_map_apex,
    google_certificate_manager_certificate_map_entry.certificate_map_names,
  ]
}

# google/forwarding-rule-https
resource "google_compute_global_forwarding_rule" "forwarding_rule_https" {
  name                  = "dreamnet-https"
  description           = "DreamNet's address, HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_protocol           = "TCP"
  ip_address            = google_compute_global_address.web_address.address
  port_range            = "443"
  target                = google_compute_target_https_proxy.https_proxy.self_link
}
