# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/dataset-ml
resource "google_bigquery_dataset" "dataset_ml" {
  dataset_id    = "dreamnet_ml"
  friendly_name = "DreamNet's models"
  description   = "Features, models and their predictions"
  location      = var.google_region
}

# google/table-dreamer-features
resource "google_bigquery_table" "table_dreamer_features" {
  table_id    = "dreamer_features"
  dataset_id  = google_bigquery_dataset.dataset_ml.dataset_id
  description = "One row a dreamer and day"

  schema = jsonencode([
    { name = "dreamer_id", type = "STRING", mode = "REQUIRED" },
    { name = "feature_timestamp", type = "TIMESTAMP", mode = "REQUIRED" },
    { name = "dreams_per_week", type = "FLOAT64" },
    { name = "mean_words", type = "FLOAT64" },
  ])

  clustering = ["dreamer_id"]
  depends_on = [google_bigquery_dataset.dataset_ml]
}

# google/connection-vertex
resource "google_bigquery_connection" "connection_vertex" {
  connection_id = "vertex"
  location      = var.google_region
  friendly_name = "Vertex AI"
  description   = "Through which queries call Vertex AI's models"

  cloud_resource {}
}

# google/access-connection-vertex
resource "google_project_iam_member" "access_connection_vertex" {
  project = var.google_project
  role    = "roles/aiplatform.user"
  member  = "serviceAccount:${google_bigquery_connection.connection_vertex.cloud_resource[0].service_account_id}"
}

# google/procedure-train-returns
resource "google_bigquery_routine" "procedure_train_returns" {
  routine_id      = "train_dreamer_returns"
  dataset_id      = google_bigquery_dataset.dataset_ml.dataset_id
  routine_type    = "PROCEDURE"
  language        = "SQL"
  description     = "Trains the model of who comes back"
  definition_body = "BEGIN\n  CREATE OR REPLACE MODEL `${var.google_project}.dreamnet_ml.dreamer_returns`\n  OPTIONS (model_type = 'LOGISTIC_REG', input_label_cols = ['returns'], auto_class_weights = TRUE) AS\n  SELECT dreams_per_week, mean_words, dreams_per_week > 0 AS returns\n  FROM `${var.google_project}.dreamnet_ml.dreamer_features`\n  WHERE feature_timestamp > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 90 DAY);\nEND"
  depends_on      = [google_bigquery_table.table_dreamer_features]
}

# google/access-training-ml
resource "google_bigquery_table_iam_member" "access_training_ml" {
  dataset_id = google_bigquery_dataset.dataset_ml.dataset_id
  table_id   = google_bigquery_table.table_dreamer_features.table_id
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:${google_service_account.account_training.email}"
  depends_on = [google_bigquery_table.table_dreamer_features]
}

# google/access-training-dataset
resource "google_project_iam_member" "access_training_dataset" {
  project = var.google_project
  role    = "roles/bigquery.dataEditor"
  member  = "serviceAccount:${google_service_account.account_training.email}"

  condition {
    title      = "dreamnet_ml only"
    expression = "resource.name.startsWith(\"projects/${var.google_project}/datasets/dreamnet_ml\")"
  }

  depends_on = [google_bigquery_dataset.dataset_ml]
}

# google/query-train-returns
resource "google_bigquery_data_transfer_config" "query_train_returns" {
  location             = var.google_region
  display_name         = "dreamnet-train-returns"
  data_source_id       = "scheduled_query"
  schedule             = "every sunday 03:30"
  service_account_name = google_service_account.account_training.email

  params = {
    query = "CALL `${var.google_project}.dreamnet_ml.train_dreamer_returns`()"
  }

  depends_on = [
    google_bigquery_routine.procedure_train_returns,
    google_project_iam_member.access_training_dataset,
    google_project_iam_member.access_training_jobs,
  ]
}

# google/processor-text
resource "google_document_ai_processor" "processor_text" {
  location     = "us"
  display_name = "dreamnet-text"
  type         = "OCR_PROCESSOR"
}

# google/processor-forms
resource "google_document_ai_processor" "processor_forms" {
  location     = "us"
  display_name = "dreamnet-forms"
  type         = "FORM_PARSER_PROCESSOR"
}

# google/access-functions-documents
resource "google_project_iam_member" "access_functions_documents" {
  project = var.google_project
  role    = "roles/documentai.apiUser"
  member  = "serviceAccount:${google_service_account.account_functions.email}"
}

# google/account-training
resource "google_service_account" "account_training" {
  account_id   = "dreamnet-training"
  display_name = "DreamNet's training"
  description  = "What Vertex AI's jobs and the models that they deploy run as"
}

# google/access-training
resource "google_project_iam_member" "access_training" {
  project = var.google_project
  role    = "roles/aiplatform.user"
  member  = "serviceAccount:${google_service_account.account_training.email}"
}

# google/access-training-jobs
resource "google_project_iam_member" "access_training_jobs" {
  project = var.google_project
  role    = "roles/bigquery.jobUser"
  member  = "serviceAccount:${google_service_account.account_training.email}"
}

# google/bucket-models
resource "google_storage_bucket" "bucket_models" {
  name                        = "${var.google_project}-models"
  location                    = var.google_region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }
}

# google/access-training-models
resource "google_storage_bucket_iam_member" "access_training_models" {
  bucket     = google_storage_bucket.bucket_models.name
  role       = "roles/storage.objectUser"
  member     = "serviceAccount:${google_service_account.account_training.email}"
  depends_on = [google_storage_bucket.bucket_models]
}

# google/dataset-dream-texts
# not exported: /description: the provider has no such attribute
# not exported: /metadata: the provider has no such attribute
resource "google_vertex_ai_dataset" "dataset_dream_texts" {
  region              = var.google_region
  display_name        = "dreamnet-dream-texts"
  metadata_schema_uri = "gs://google-cloud-aiplatform/schema/dataset/metadata/text_1.0.0.yaml"
}

# google/endpoint-topics
resource "google_vertex_ai_endpoint" "endpoint_topics" {
  name         = "dreamnet-topics"
  location     = var.google_region
  display_name = "dreamnet-topics"
  description  = "Topics of a dream"
}

# google/index-dreams
resource "google_vertex_ai_index" "index_dreams" {
  region              = var.google_region
  display_name        = "dreamnet-dreams"
  description         = "Embeddings of dreams"
  index_update_method = "STREAM_UPDATE"

  metadata {
    config {
      dimensions                  = 768
      approximate_neighbors_count = 50
      distance_measure_type       = "DOT_PRODUCT_DISTANCE"
      shard_size                  = "SHARD_SIZE_SMALL"

      algorithm_config {
        tree_ah_config {
          leaf_node_embedding_count = 1000
        }
      }
    }
  }
}

# google/index-endpoint-dreams
resource "google_vertex_ai_index_endpoint" "index_endpoint_dreams" {
  region                  = var.google_region
  display_name            = "dreamnet-dreams"
  description             = "Where the index answers, once it is deployed to it"
  public_endpoint_enabled = true
}

# google/tensorboard
resource "google_vertex_ai_tensorboard" "tensorboard" {
  region       = var.google_region
  display_name = "dreamnet"
  description  = "Curves of what was trained"
}

# google/feature-group-dreamers
resource "google_vertex_ai_feature_group" "feature_group_dreamers" {
  name        = "dreamers"
  region      = var.google_region
  description = "What is known of each dreamer"

  big_query {
    entity_id_columns = ["dreamer_id"]

    big_query_source {
      input_uri = "bq://${var.google_project}.dreamnet_ml.dreamer_features"
    }
  }

  depends_on = [google_bigquery_table.table_dreamer_features]
}

# google/feature-dreams-per-week
resource "google_vertex_ai_feature_group_feature" "feature_dreams_per_week" {
  name          = "dreams_per_week"
  region        = var.google_region
  feature_group = google_vertex_ai_feature_group.feature_group_dreamers.name
  description   = "Dreams a week, over the last four"
  depends_on    = [google_vertex_ai_feature_group.feature_group_dreamers]
}

# google/feature-mean-words
resource "google_vertex_ai_feature_group_feature" "feature_mean_words" {
  name          = "mean_words"
  region        = var.google_region
  feature_group = google_vertex_ai_feature_group.feature_group_dreamers.name
  description   = "Words a dream"
  depends_on    = [google_vertex_ai_feature_group.feature_group_dreamers]
}

# google/access-vertex-features
resource "google_bigquery_table_iam_member" "access_vertex_features" {
  dataset_id = google_bigquery_dataset.dataset_ml.dataset_id
  table_id   = google_bigquery_table.table_dreamer_features.table_id
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:service-${var.google_project_number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
  depends_on = [google_bigquery_table.table_dreamer_features]
}
