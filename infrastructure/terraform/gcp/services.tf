# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/account-delivery
resource "google_service_account" "account_delivery" {
  account_id   = "dreamnet-delivery"
  display_name = "DreamNet's deliveries"
  description  = "Renders and rolls out releases on both clusters"
}

# google/access-delivery-jobs
resource "google_project_iam_member" "access_delivery_jobs" {
  project = var.google_project
  role    = "roles/clouddeploy.jobRunner"
  member  = "serviceAccount:${google_service_account.account_delivery.email}"
}

# google/access-delivery-clusters
resource "google_project_iam_member" "access_delivery_clusters" {
  project = var.google_project
  role    = "roles/container.developer"
  member  = "serviceAccount:${google_service_account.account_delivery.email}"
}

# google/access-delivery-images
resource "google_artifact_registry_repository_iam_member" "access_delivery_images" {
  location   = var.google_region
  repository = google_artifact_registry_repository.registry.repository_id
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${google_service_account.account_delivery.email}"
  depends_on = [google_artifact_registry_repository.registry]
}

# google/target-first
resource "google_clouddeploy_target" "target_first" {
  name        = "dreamnet-first"
  location    = var.google_region
  description = "The first region's cluster"

  gke {
    cluster = "projects/${var.google_project}/locations/${var.google_zone}/clusters/${module.first.gke_cluster_name}"
  }

  execution_configs {
    usages            = ["RENDER", "DEPLOY"]
    service_account   = google_service_account.account_delivery.email
    execution_timeout = "3600s"
  }

  depends_on = [google_project_iam_member.access_delivery_jobs, google_project_iam_member.access_delivery_clusters]
}

# google/target-second
resource "google_clouddeploy_target" "target_second" {
  name             = "dreamnet-second"
  location         = var.google_region
  description      = "The second region's cluster"
  require_approval = true

  gke {
    cluster = "projects/${var.google_project}/locations/${var.google_second_region}-b/clusters/${module.second.gke_cluster_name}"
  }

  execution_configs {
    usages            = ["RENDER", "DEPLOY"]
    service_account   = google_service_account.account_delivery.email
    execution_timeout = "3600s"
  }

  depends_on = [google_project_iam_member.access_delivery_jobs, google_project_iam_member.access_delivery_clusters]
}

# google/delivery-pipeline
resource "google_clouddeploy_delivery_pipeline" "delivery_pipeline" {
  name        = "dreamnet"
  location    = var.google_region
  description = "One region after the other"

  serial_pipeline {
    stages {
      target_id = "dreamnet-first"

      strategy {
        standard {
          verify = false
        }
      }
    }

    stages {
      target_id = "dreamnet-second"

      strategy {
        standard {
          verify = false
        }
      }
    }
  }

  depends_on = [google_clouddeploy_target.target_first, google_clouddeploy_target.target_second]
}

# google/trigger-media
resource "google_eventarc_trigger" "trigger_media" {
  name            = "media-uploaded"
  location        = var.google_region
  service_account = google_service_account.account_scheduler.email

  destination {
    cloud_run_service {
      service = "dreamnet-api"
      region  = var.google_region
      path    = "/events/media"
    }
  }

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }

  matching_criteria {
    attribute = "bucket"
    value     = "${var.google_project}-media"
  }

  depends_on = [
    google_cloud_run_v2_service.run_api,
    google_storage_bucket.bucket_media,
    google_cloud_run_v2_service_iam_member.access_scheduler_api,
    google_project_iam_member.access_scheduler_events,
    google_project_iam_member.access_storage_agent,
  ]
}

# google/access-scheduler-api
resource "google_cloud_run_v2_service_iam_member" "access_scheduler_api" {
  location   = var.google_region
  name       = google_cloud_run_v2_service.run_api.name
  role       = "roles/run.invoker"
  member     = "serviceAccount:${google_service_account.account_scheduler.email}"
  depends_on = [google_cloud_run_v2_service.run_api]
}

# google/access-scheduler-events
resource "google_project_iam_member" "access_scheduler_events" {
  project = var.google_project
  role    = "roles/eventarc.eventReceiver"
  member  = "serviceAccount:${google_service_account.account_scheduler.email}"
}

# google/access-storage-agent
resource "google_project_iam_member" "access_storage_agent" {
  project = var.google_project
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${var.google_project_number}@gs-project-accounts.iam.gserviceaccount.com"
}

# google/access-tasks-agent
resource "google_service_account_iam_member" "access_tasks_agent" {
  service_account_id = google_service_account.account_scheduler.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:service-${var.google_project_number}@gcp-sa-cloudtasks.iam.gserviceaccount.com"
  depends_on         = [google_service_account.account_scheduler]
}

# google/access-functions-act-as-scheduler
resource "google_service_account_iam_member" "access_functions_act_as_scheduler" {
  service_account_id = google_service_account.account_scheduler.name
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${google_service_account.account_functions.email}"
  depends_on         = [google_service_account.account_scheduler]
}

# google/function-dream-processed
resource "google_cloudfunctions2_function" "function_dream_processed" {
  name        = "dream-processed"
  location    = var.google_region
  description = "Records each processed dream"

  build_config {
    runtime     = "python312"
    entry_point = "dream_processed"

    source {
      storage_source {
        bucket = "${var.google_project}-functions"
        object = "dream_processed-${var.code_google_dream_processed}.zip"
      }
    }
  }

  service_config {
    available_memory   = "256M"
    available_cpu      = "0.1666"
    timeout_seconds    = 60
    max_instance_count = 10
    ingress_settings   = "ALLOW_INTERNAL_ONLY"

    environment_variables = {
      LAKE_BUCKET = "${var.google_project}-lake"
    }
  }

  event_trigger {
    trigger_region = var.google_region
    event_type     = "google.cloud.pubsub.topic.v1.messagePublished"
    pubsub_topic   = "projects/${var.google_project}/topics/dream-events"
    retry_policy   = "RETRY_POLICY_RETRY"
  }

  depends_on = [google_storage_bucket.bucket_functions, google_pubsub_topic.topic_dream_events]
}

# google/dashboard
resource "google_monitoring_dashboard" "dashboard" {
  dashboard_json = "Json(value={'displayName': 'DreamNet', 'mosaicLayout': {'columns': 12, 'tiles': [{'width': 6, 'height': 4, 'widget': {'title': 'Dream events published', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"pubsub.googleapis.com/topic/send_message_operation_count\" resource.type=\"pubsub_topic\" resource.label.topic_id=\"dream-events\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_RATE'}}}}]}}}, {'xPos': 6, 'width': 6, 'height': 4, 'widget': {'title': 'Database CPU', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"cloudsql.googleapis.com/database/cpu/utilization\" resource.type=\"cloudsql_database\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MEAN'}}}}]}}}]}})"
}

# google/notification-channel
resource "google_monitoring_notification_channel" "notification_channel" {
  type         = "email"
  display_name = "dreamnet-operator"

  labels = {
    email_address = var.operator_email
  }
}

# google/alert-undelivered-events
resource "google_monitoring_alert_policy" "alert_undelivered_events" {
  display_name          = "dreamnet-undelivered-events"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel.name]

  conditions {
    display_name = "Oldest dream event waits longer than ten minutes"

    condition_threshold {
      filter          = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" resource.type=\"pubsub_subscription\" resource.label.subscription_id=\"dream-events-workers\""
      comparison      = "COMPARISON_GT"
      threshold_value = 600
      duration        = "300s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
}

# google/account-scheduler
resource "google_service_account" "account_scheduler" {
  account_id   = "dreamnet-scheduler"
  display_name = "DreamNet's clock"
  description  = "Calls what is scheduled, as Cloud Scheduler and Eventarc; may do nothing else"
}

# google/function-webhooks
resource "google_cloudfunctions2_function" "function_webhooks" {
  name        = "webhooks"
  location    = var.google_region
  description = "Receives webhooks and publishes them"

  build_config {
    runtime     = "python312"
    entry_point = "webhook"

    source {
      storage_source {
        bucket = "${var.google_project}-functions"
        object = "webhooks-${var.code_google_webhooks}.zip"
      }
    }
  }

  service_config {
    available_memory      = "256M"
    available_cpu         = "0.1666"
    timeout_seconds       = 30
    max_instance_count    = 20
    ingress_settings      = "ALLOW_ALL"
    service_account_email = google_service_account.account_functions.email

    environment_variables = {
      TOPIC = "projects/${var.google_project}/topics/webhooks"
    }

    secret_environment_variables {
      key        = "WEBHOOK_SECRET"
      project_id = var.google_project
      secret     = "dreamnet-webhook-secret"
      version    = "latest"
    }
  }

  depends_on = [
    google_storage_bucket.bucket_functions,
    google_pubsub_topic.topic_webhooks,
    google_pubsub_topic_iam_member.access_functions_webhooks,
    google_secret_manager_secret_iam_member.access_functions_webhook_secret,
  ]
}

# google/secret-webhooks
resource "google_secret_manager_secret" "secret_webhooks" {
  secret_id = "dreamnet-webhook-secret"

  replication {
    auto {}
  }
}

# google/access-functions-webhook-secret
resource "google_secret_manager_secret_iam_member" "access_functions_webhook_secret" {
  secret_id  = google_secret_manager_secret.secret_webhooks.secret_id
  role       = "roles/secretmanager.secretAccessor"
  member     = "serviceAccount:${google_service_account.account_functions.email}"
  depends_on = [google_secret_manager_secret.secret_webhooks]
}

# google/access-webhooks-public
resource "google_cloud_run_v2_service_iam_member" "access_webhooks_public" {
  location   = var.google_region
  name       = "webhooks"
  role       = "roles/run.invoker"
  member     = "allUsers"
  depends_on = [google_cloudfunctions2_function.function_webhooks]
}

# google/function-agent-messages
resource "google_cloudfunctions2_function" "function_agent_messages" {
  name        = "agent-messages"
  location    = var.google_region
  description = "Answers what agents send one another"

  build_config {
    runtime     = "python312"
    entry_point = "agent_message"

    source {
      storage_source {
        bucket = "${var.google_project}-functions"
        object = "agent_messages-${var.code_google_agent_messages}.zip"
      }
    }
  }

  service_config {
    available_memory      = "256M"
    available_cpu         = "0.1666"
    timeout_seconds       = 120
    max_instance_count    = 10
    ingress_settings      = "ALLOW_INTERNAL_ONLY"
    service_account_email = google_service_account.account_functions.email

    environment_variables = {
      LAKE_BUCKET = "${var.google_project}-lake"
    }
  }

  event_trigger {
    trigger_region        = var.google_region
    event_type            = "google.cloud.pubsub.topic.v1.messagePublished"
    pubsub_topic          = "projects/${var.google_project}/topics/agent-messages"
    retry_policy          = "RETRY_POLICY_RETRY"
    service_account_email = google_service_account.account_scheduler.email
  }

  depends_on = [
    google_storage_bucket.bucket_functions,
    google_pubsub_topic.topic_agent_messages,
    google_storage_bucket_iam_member.access_functions_lake,
  ]
}

# google/access-scheduler-agent-messages
resource "google_cloud_run_v2_service_iam_member" "access_scheduler_agent_messages" {
  location   = var.google_region
  name       = "agent-messages"
  role       = "roles/run.invoker"
  member     = "serviceAccount:${google_service_account.account_scheduler.email}"
  depends_on = [google_cloudfunctions2_function.function_agent_messages]
}

# google/function-nightly-digest
resource "google_cloudfunctions2_function" "function_nightly_digest" {
  name        = "nightly-digest"
  location    = var.google_region
  description = "Sums up the day's dreams"

  build_config {
    runtime     = "python312"
    entry_point = "nightly_digest"

    source {
      storage_source {
        bucket = "${var.google_project}-functions"
        object = "nightly_digest-${var.code_google_nightly_digest}.zip"
      }
    }
  }

  service_config {
    available_memory      = "256M"
    available_cpu         = "0.1666"
    timeout_seconds       = 300
    max_instance_count    = 1
    ingress_settings      = "ALLOW_INTERNAL_ONLY"
    service_account_email = google_service_account.account_functions.email

    environment_variables = {
      LAKE_BUCKET = "${var.google_project}-lake"
    }
  }

  depends_on = [google_storage_bucket.bucket_functions, google_storage_bucket_iam_member.access_functions_lake]
}

# google/access-scheduler-digest
resource "google_cloud_run_v2_service_iam_member" "access_scheduler_digest" {
  location   = var.google_region
  name       = "nightly-digest"
  role       = "roles/run.invoker"
  member     = "serviceAccount:${google_service_account.account_scheduler.email}"
  depends_on = [google_cloudfunctions2_function.function_nightly_digest]
}

# google/schedule-nightly-digest
resource "google_cloud_scheduler_job" "schedule_nightly_digest" {
  name             = "nightly-digest"
  region           = var.google_region
  description      = "Calls the digest once a night"
  schedule         = "15 2 * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "320s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
    max_backoff_duration = "600s"
  }

  http_target {
    uri         = google_cloudfunctions2_function.function_nightly_digest.service_config[0].uri
    http_method = "POST"

    oidc_token {
      service_account_email = google_service_account.account_scheduler.email
      audience              = google_cloudfunctions2_function.function_nightly_digest.service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.access_scheduler_digest]
}

# google/schedule-agents
resource "google_cloud_scheduler_job" "schedule_agents" {
  name        = "agents-hourly"
  region      = var.google_region
  description = "Wakes the agents"
  schedule    = "0 * * * *"
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = "projects/${var.google_project}/topics/agent-messages"
    data       = "eyJ0eXBlIjogIndha2UtdXAifQ=="

    attributes = {
      source = "scheduler"
    }
  }

  depends_on = [google_pubsub_topic.topic_agent_messages]
}

# google/queue-agents
resource "google_cloud_tasks_queue" "queue_agents" {
  name     = "agents"
  location = var.google_region

  rate_limits {
    max_dispatches_per_second = 10
    max_concurrent_dispatches = 20
  }

  retry_config {
    max_attempts       = 10
    max_retry_duration = "3600s"
    min_backoff        = "1s"
    max_backoff        = "300s"
    max_doublings      = 6
  }

  stackdriver_logging_config {
    sampling_ratio = 1.0
  }
}

# google/access-functions-queue
resource "google_cloud_tasks_queue_iam_member" "access_functions_queue" {
  location   = var.google_region
  name       = google_cloud_tasks_queue.queue_agents.name
  role       = "roles/cloudtasks.enqueuer"
  member     = "serviceAccount:${google_service_account.account_functions.email}"
  depends_on = [google_cloud_tasks_queue.queue_agents]
}

# google/access-functions-webhooks
resource "google_pubsub_topic_iam_member" "access_functions_webhooks" {
  topic      = google_pubsub_topic.topic_webhooks.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:${google_service_account.account_functions.email}"
  depends_on = [google_pubsub_topic.topic_webhooks]
}

# google/run-api
resource "google_cloud_run_v2_service" "run_api" {
  name        = "dreamnet-api"
  location    = var.google_region
  description = "DreamNet's backend"
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
        subnetwork = module.first.subnetwork_name
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
  ]
}

# google/run-migrations
resource "google_cloud_run_v2_job" "run_migrations" {
  name     = "dreamnet-migrations"
  location = var.google_region

  template {
    parallelism = 1
    task_count  = 1

    template {
      service_account = google_service_account.account_api.email
      timeout         = "600s"
      max_retries     = 0

      containers {
        name  = "migrations"
        image = var.image
        args  = ["migrate"]

        resources {
          limits = {
            cpu    = "1"
            memory = "512Mi"
          }
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
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.access_api_secret,
    google_project_iam_member.access_api_sql,
    google_secret_manager_secret.secret_database_url,
  ]
}
