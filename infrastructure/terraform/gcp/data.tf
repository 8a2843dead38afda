# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/access-api-secret
resource "google_secret_manager_secret_iam_member" "access_api_secret" {
  secret_id  = google_secret_manager_secret.secret_database_url.secret_id
  role       = "roles/secretmanager.secretAccessor"
  member     = "serviceAccount:${google_service_account.account_api.email}"
  depends_on = [google_secret_manager_secret.secret_database_url]
}

# google/access-api-media
resource "google_storage_bucket_iam_member" "access_api_media" {
  bucket     = google_storage_bucket.bucket_media.name
  role       = "roles/storage.objectUser"
  member     = "serviceAccount:${google_service_account.account_api.email}"
  depends_on = [google_storage_bucket.bucket_media]
}

# google/access-api-dream-events
resource "google_pubsub_topic_iam_member" "access_api_dream_events" {
  topic      = google_pubsub_topic.topic_dream_events.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:${google_service_account.account_api.email}"
  depends_on = [google_pubsub_topic.topic_dream_events]
}

# google/access-worker-dream-events
resource "google_pubsub_subscription_iam_member" "access_worker_dream_events" {
  subscription = google_pubsub_subscription.subscription_dream_events.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${google_service_account.account_worker.email}"
  depends_on   = [google_pubsub_subscription.subscription_dream_events]
}

# google/access-agents-media
resource "google_storage_bucket_iam_member" "access_agents_media" {
  bucket     = google_storage_bucket.bucket_media.name
  role       = "roles/storage.objectUser"
  member     = "serviceAccount:${google_service_account.account_agents.email}"
  depends_on = [google_storage_bucket.bucket_media]
}

# google/access-agents-dream-events
resource "google_pubsub_topic_iam_member" "access_agents_dream_events" {
  topic      = google_pubsub_topic.topic_dream_events.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:${google_service_account.account_agents.email}"
  depends_on = [google_pubsub_topic.topic_dream_events]
}

# google/access-functions-lake
resource "google_storage_bucket_iam_member" "access_functions_lake" {
  bucket     = google_storage_bucket.bucket_lake.name
  role       = "roles/storage.objectUser"
  member     = "serviceAccount:${google_service_account.account_functions.email}"
  depends_on = [google_storage_bucket.bucket_lake]
}

# google/access-dataflow-lake
resource "google_storage_bucket_iam_member" "access_dataflow_lake" {
  bucket     = google_storage_bucket.bucket_lake.name
  role       = "roles/storage.objectAdmin"
  member     = "serviceAccount:${google_service_account.account_dataflow.email}"
  depends_on = [google_storage_bucket.bucket_lake]
}

# google/access-dataflow-events
resource "google_pubsub_subscription_iam_member" "access_dataflow_events" {
  subscription = google_pubsub_subscription.subscription_dream_events_stream.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${google_service_account.account_dataflow.email}"
  depends_on   = [google_pubsub_subscription.subscription_dream_events_stream]
}

# google/access-dataflow-table
resource "google_bigquery_table_iam_member" "access_dataflow_table" {
  dataset_id = google_bigquery_dataset.dataset_events.dataset_id
  table_id   = google_bigquery_table.table_dream_events.table_id
  role       = "roles/bigquery.dataEditor"
  member     = "serviceAccount:${google_service_account.account_dataflow.email}"
  depends_on = [google_bigquery_table.table_dream_events]
}

# google/access-dataflow-bigtable
resource "google_bigtable_instance_iam_member" "access_dataflow_bigtable" {
  instance   = google_bigtable_instance.bigtable.name
  role       = "roles/bigtable.reader"
  member     = "serviceAccount:${google_service_account.account_dataflow.email}"
  depends_on = [google_bigtable_instance.bigtable]
}

# google/access-pubsub-analytics
resource "google_bigquery_table_iam_member" "access_pubsub_analytics" {
  dataset_id = google_bigquery_dataset.dataset_events.dataset_id
  table_id   = google_bigquery_table.table_analytics_events.table_id
  role       = "roles/bigquery.dataEditor"
  member     = "serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  depends_on = [google_bigquery_table.table_analytics_events]
}

# google/access-pubsub-dead-letters
resource "google_pubsub_topic_iam_member" "access_pubsub_dead_letters" {
  topic      = google_pubsub_topic.topic_dream_events_dead_letters.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  depends_on = [google_pubsub_topic.topic_dream_events_dead_letters]
}

# google/access-pubsub-dream-events
resource "google_pubsub_subscription_iam_member" "access_pubsub_dream_events" {
  subscription = google_pubsub_subscription.subscription_dream_events.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  depends_on   = [google_pubsub_subscription.subscription_dream_events]
}

# google/access-pubsub-webhooks-dead-letters
resource "google_pubsub_topic_iam_member" "access_pubsub_webhooks_dead_letters" {
  topic      = google_pubsub_topic.topic_webhooks_dead_letters.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  depends_on = [google_pubsub_topic.topic_webhooks_dead_letters]
}

# google/access-pubsub-webhooks
resource "google_pubsub_subscription_iam_member" "access_pubsub_webhooks" {
  subscription = google_pubsub_subscription.subscription_webhooks.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  depends_on   = [google_pubsub_subscription.subscription_webhooks]
}

# google/dataset-dreamnet
resource "google_bigquery_dataset" "dataset_dreamnet" {
  dataset_id    = "dreamnet"
  friendly_name = "DreamNet"
  description   = "What the pipelines load from the operational database"
  location      = var.google_region
}

# google/dataset-events
resource "google_bigquery_dataset" "dataset_events" {
  dataset_id    = "dreamnet_events"
  friendly_name = "DreamNet's events"
  description   = "Written by Dataflow and by Pub/Sub's own subscription"
  location      = var.google_region
}

# google/table-dream-events
resource "google_bigquery_table" "table_dream_events" {
  table_id    = "dream_events"
  dataset_id  = google_bigquery_dataset.dataset_events.dataset_id
  description = "One row an event"

  schema = jsonencode([
    {
      name        = "id"
      type        = "STRING"
      mode        = "REQUIRED"
      description = "Unique; a repeated event has the same"
    },
    { name = "type", type = "STRING" },
    {
      name = "dream"
      type = "RECORD"
      fields = [
        { name = "id", type = "STRING" },
        { name = "title", type = "STRING" },
        { name = "content", type = "STRING" },
      ]
    },
  ])

  clustering = ["type"]
  depends_on = [google_bigquery_dataset.dataset_events]
}

# google/table-analytics-events
resource "google_bigquery_table" "table_analytics_events" {
  table_id    = "analytics_events"
  dataset_id  = google_bigquery_dataset.dataset_events.dataset_id
  description = "One row a message on the topic analytics-events"

  schema = jsonencode([
    { name = "subscription_name", type = "STRING" },
    { name = "message_id", type = "STRING" },
    { name = "publish_time", type = "TIMESTAMP" },
    { name = "attributes", type = "STRING" },
    { name = "data", type = "STRING" },
  ])

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = 31536000000
  }

  depends_on = [google_bigquery_dataset.dataset_events]
}

# google/view-daily-events
resource "google_bigquery_table" "view_daily_events" {
  table_id    = "daily_events"
  dataset_id  = google_bigquery_dataset.dataset_events.dataset_id
  description = "Analytics events a day"

  view {
    use_legacy_sql = false
    query          = "SELECT DATE(publish_time) AS day, COUNT(*) AS events FROM `${var.google_project}.dreamnet_events.analytics_events` GROUP BY day"
  }

  depends_on = [google_bigquery_table.table_analytics_events]
}

# google/bigtable-profile-agents
resource "google_bigtable_app_profile" "bigtable_profile_agents" {
  app_profile_id = "agents"
  instance       = google_bigtable_instance.bigtable.name
  description    = "Agents, first"

  single_cluster_routing {
    cluster_id                 = "dreamnet-c1"
    allow_transactional_writes = true
  }

  standard_isolation {
    priority = "PRIORITY_HIGH"
  }

  depends_on = [google_bigtable_instance.bigtable]
}

# google/bigtable-profile-exports
resource "google_bigtable_app_profile" "bigtable_profile_exports" {
  app_profile_id = "exports"
  instance       = google_bigtable_instance.bigtable.name
  description    = "Exports, behind"

  single_cluster_routing {
    cluster_id = "dreamnet-c1"
  }

  standard_isolation {
    priority = "PRIORITY_LOW"
  }

  depends_on = [google_bigtable_instance.bigtable]
}

# google/bigtable
resource "google_bigtable_instance" "bigtable" {
  name         = "dreamnet"
  display_name = "DreamNet"

  cluster {
    cluster_id   = "dreamnet-c1"
    zone         = var.google_zone
    num_nodes    = 1
    storage_type = "SSD"
  }
}

# google/bigtable-table-activity
resource "google_bigtable_table" "bigtable_table_activity" {
  name                = "agent-activity"
  instance_name       = google_bigtable_instance.bigtable.name
  deletion_protection = "UNPROTECTED"

  column_family {
    family = "event"
  }

  column_family {
    family = "state"
  }

  depends_on = [google_bigtable_instance.bigtable]
}

# google/bigtable-table-activity
resource "google_bigtable_gc_policy" "bigtable_table_activity_event" {
  instance_name = "dreamnet"
  table         = google_bigtable_table.bigtable_table_activity.name
  column_family = "event"

  max_age {
    duration = "2592000s"
  }
}

# google/bigtable-table-activity
resource "google_bigtable_gc_policy" "bigtable_table_activity_state" {
  instance_name = "dreamnet"
  table         = google_bigtable_table.bigtable_table_activity.name
  column_family = "state"

  max_version {
    number = 1
  }
}

# google/cloud-sql
resource "google_sql_database_instance" "cloud_sql" {
  name             = "dreamnet"
  database_version = "POSTGRES_18"
  region           = var.google_region

  settings {
    edition               = "ENTERPRISE"
    tier                  = "db-f1-micro"
    availability_type     = "ZONAL"
    activation_policy     = "ALWAYS"
    disk_type             = "PD_SSD"
    disk_size             = 10
    disk_autoresize       = true
    disk_autoresize_limit = 100

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "03:00"
      point_in_time_recovery_enabled = true
    }

    database_flags {
      name  = "cloudsql.logical_decoding"
      value = "on"
    }
  }
}

# google/cloud-sql-database
resource "google_sql_database" "cloud_sql_database" {
  name       = "dreamnet"
  instance   = google_sql_database_instance.cloud_sql.name
  charset    = "UTF8"
  depends_on = [google_sql_database_instance.cloud_sql]
}

# google/cloud-sql-user
resource "google_sql_user" "cloud_sql_user" {
  name       = "dreamnet"
  instance   = google_sql_database_instance.cloud_sql.name
  password   = var.database_password
  depends_on = [google_sql_database_instance.cloud_sql]
}

# google/pipeline-dream-events
resource "google_data_pipeline_pipeline" "pipeline_dream_events" {
  provider     = google-beta
  name         = "dream-events"
  region       = var.google_region
  display_name = "dream-events"
  type         = "PIPELINE_TYPE_STREAMING"
  state        = "STATE_ACTIVE"

  workload {
    dataflow_flex_template_request {
      project_id = var.google_project
      location   = var.google_region

      launch_parameter {
        job_name                = "dream-events"
        container_spec_gcs_path = "gs://dataflow-templates-${var.google_region}/latest/flex/PubSub_to_BigQuery_Flex"

        parameters = {
          inputSubscription = "projects/${var.google_project}/subscriptions/dream-events-stream"
          outputTableSpec   = "${var.google_project}:dreamnet_events.dream_events"
        }

        environment {
          service_account_email = google_service_account.account_dataflow.email
          temp_location         = "gs://${var.google_project}-lake/dataflow"
          machine_type          = "e2-standard-2"
          num_workers           = 1
          max_workers           = 2
          subnetwork            = "regions/${var.google_region}/subnetworks/dreamnet"

          additional_user_labels = {
            managed-by = "dreamnet-gameplan"
          }
        }
      }
    }
  }

  depends_on = [
    google_pubsub_subscription.subscription_dream_events_stream,
    google_bigquery_table.table_dream_events,
    google_project_iam_member.access_dataflow_worker,
    google_project_iam_member.access_dataflow_jobs,
    google_pubsub_subscription_iam_member.access_dataflow_events,
    google_bigquery_table_iam_member.access_dataflow_table,
    google_storage_bucket_iam_member.access_dataflow_lake,
  ]
}

# google/pipeline-activity-export
resource "google_data_pipeline_pipeline" "pipeline_activity_export" {
  provider                        = google-beta
  name                            = "activity-export"
  region                          = var.google_region
  display_name                    = "activity-export"
  type                            = "PIPELINE_TYPE_BATCH"
  state                           = "STATE_ACTIVE"
  scheduler_service_account_email = google_service_account.account_dataflow.email

  schedule_info {
    schedule  = "30 2 * * *"
    time_zone = "Etc/UTC"
  }

  workload {
    dataflow_launch_template_request {
      project_id = var.google_project
      location   = var.google_region
      gcs_path   = "gs://dataflow-templates-${var.google_region}/latest/Cloud_Bigtable_to_GCS_Parquet"

      launch_parameters {
        job_name = "activity-export"

        parameters = {
          bigtableProjectId  = var.google_project
          bigtableInstanceId = "dreamnet"
          bigtableTableId    = "agent-activity"
          outputDirectory    = "gs://${var.google_project}-lake/agent-activity"
          filenamePrefix     = "agent-activity-"
        }

        environment {
          service_account_email = google_service_account.account_dataflow.email
          temp_location         = "gs://${var.google_project}-lake/dataflow"
          machine_type          = "e2-standard-2"
          max_workers           = 1
          subnetwork            = "regions/${var.google_region}/subnetworks/dreamnet"
        }
      }
    }
  }

  depends_on = [
    google_bigtable_table.bigtable_table_activity,
    google_project_iam_member.access_dataflow_worker,
    google_bigtable_instance_iam_member.access_dataflow_bigtable,
    google_storage_bucket_iam_member.access_dataflow_lake,
  ]
}

# google/schema-agent-message
resource "google_pubsub_schema" "schema_agent_message" {
  name       = "agent-message"
  type       = "AVRO"
  definition = "{\"type\": \"record\", \"name\": \"AgentMessage\", \"fields\": [{\"name\": \"id\", \"type\": \"string\"}, {\"name\": \"from\", \"type\": \"string\"}, {\"name\": \"to\", \"type\": \"string\"}, {\"name\": \"body\", \"type\": \"string\"}]}"
}

# google/topic-agent-messages
resource "google_pubsub_topic" "topic_agent_messages" {
  name                       = "agent-messages"
  message_retention_duration = "86400s"
}

# google/subscription-agent-messages
resource "google_pubsub_subscription" "subscription_agent_messages" {
  name                 = "agent-messages-workers"
  topic                = "projects/${var.google_project}/topics/agent-messages"
  ack_deadline_seconds = 60

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  depends_on = [google_pubsub_topic.topic_agent_messages]
}

# google/topic-webhooks
resource "google_pubsub_topic" "topic_webhooks" {
  name                       = "webhooks"
  message_retention_duration = "86400s"
}

# google/topic-webhooks-dead-letters
resource "google_pubsub_topic" "topic_webhooks_dead_letters" {
  name = "webhooks-dead-letters"
}

# google/subscription-webhooks
resource "google_pubsub_subscription" "subscription_webhooks" {
  name                 = "webhooks-router"
  topic                = "projects/${var.google_project}/topics/webhooks"
  ack_deadline_seconds = 30

  expiration_policy {
    ttl = ""
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.google_project}/topics/webhooks-dead-letters"
    max_delivery_attempts = 10
  }

  depends_on = [google_pubsub_topic.topic_webhooks, google_pubsub_topic.topic_webhooks_dead_letters]
}

# google/topic-analytics-events
resource "google_pubsub_topic" "topic_analytics_events" {
  name                       = "analytics-events"
  message_retention_duration = "86400s"
}

# google/subscription-analytics-events
resource "google_pubsub_subscription" "subscription_analytics_events" {
  name  = "analytics-events-bigquery"
  topic = "projects/${var.google_project}/topics/analytics-events"

  expiration_policy {
    ttl = ""
  }

  bigquery_config {
    table          = "${var.google_project}.dreamnet_events.analytics_events"
    write_metadata = true
  }

  depends_on = [
    google_pubsub_topic.topic_analytics_events,
    google_bigquery_table.table_analytics_events,
    google_bigquery_table_iam_member.access_pubsub_analytics,
  ]
}

# google/subscription-dream-events-stream
resource "google_pubsub_subscription" "subscription_dream_events_stream" {
  name                 = "dream-events-stream"
  topic                = "projects/${var.google_project}/topics/dream-events"
  ack_deadline_seconds = 60

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_pubsub_topic.topic_dream_events]
}

# google/bucket-media
resource "google_storage_bucket" "bucket_media" {
  name                        = "${var.google_project}-media"
  location                    = var.google_region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  cors {
    method          = ["GET", "HEAD"]
    origin          = ["https://${var.domain}"]
    response_header = ["Content-Type"]
    max_age_seconds = 3600
  }

  lifecycle_rule {
    action = {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }

    condition = {
      age                   = 90
      matches_storage_class = ["STANDARD"]
    }
  }

  lifecycle_rule {
    action = {
      type = "AbortIncompleteMultipartUpload"
    }

    condition = {
      age = 7
    }
  }
}

# google/bucket-backups
resource "google_storage_bucket" "bucket_backups" {
  name                        = "${var.google_project}-backups"
  location                    = var.google_second_region
  storage_class               = "NEARLINE"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action = {
      type          = "SetStorageClass"
      storage_class = "COLDLINE"
    }

    condition = {
      age = 30
    }
  }

  lifecycle_rule {
    action = {
      type = "Delete"
    }

    condition = {
      age = 365
    }
  }

  lifecycle_rule {
    action = {
      type = "Delete"
    }

    condition = {
      num_newer_versions = 3
      with_state         = "ARCHIVED"
    }
  }
}

# google/topic-dream-events
resource "google_pubsub_topic" "topic_dream_events" {
  name                       = "dream-events"
  message_retention_duration = "86400s"
}

# google/topic-dream-events-dead-letters
resource "google_pubsub_topic" "topic_dream_events_dead_letters" {
  name = "dream-events-dead-letters"
}

# google/subscription-dream-events
resource "google_pubsub_subscription" "subscription_dream_events" {
  name                       = "dream-events-workers"
  topic                      = "projects/${var.google_project}/topics/dream-events"
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.google_project}/topics/dream-events-dead-letters"
    max_delivery_attempts = 5
  }

  depends_on = [google_pubsub_topic.topic_dream_events, google_pubsub_topic.topic_dream_events_dead_letters]
}

# google/secret-database-url
resource "google_secret_manager_secret" "secret_database_url" {
  secret_id = "dreamnet-database-url"

  replication {
    auto {}
  }
}

# google/spanner
resource "google_spanner_instance" "spanner" {
  name                         = "dreamnet"
  config                       = "projects/${var.google_project}/instanceConfigs/regional-${var.google_region}"
  display_name                 = "DreamNet"
  edition                      = "STANDARD"
  processing_units             = 100
  default_backup_schedule_type = "NONE"
}

# google/spanner-database
resource "google_spanner_database" "spanner_database" {
  name                   = "dreamnet"
  instance               = google_spanner_instance.spanner.name
  database_dialect       = "GOOGLE_STANDARD_SQL"
  enable_drop_protection = false

  ddl = [
    "CREATE TABLE Profiles (\n  ProfileId STRING(36) NOT NULL,\n  Region STRING(32) NOT NULL,\n  Name STRING(256),\n  UpdatedAt TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true)\n) PRIMARY KEY (ProfileId)",
    "CREATE TABLE Follows (\n  ProfileId STRING(36) NOT NULL,\n  FollowsId STRING(36) NOT NULL,\n  Since TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true)\n) PRIMARY KEY (ProfileId, FollowsId), INTERLEAVE IN PARENT Profiles ON DELETE CASCADE",
  ]

  depends_on = [google_spanner_instance.spanner]
}

# google/bucket-lake
resource "google_storage_bucket" "bucket_lake" {
  name                        = "${var.google_project}-lake"
  location                    = var.google_region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    action = {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }

    condition = {
      age = 30
    }
  }
}

# google/bucket-functions
resource "google_storage_bucket" "bucket_functions" {
  name                        = "${var.google_project}-functions"
  location                    = var.google_region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

# google/bucket-state
resource "google_storage_bucket" "bucket_state" {
  name                        = "${var.google_project}-state"
  location                    = var.google_region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }
}
