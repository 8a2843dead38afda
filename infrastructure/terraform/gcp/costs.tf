# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/budget
resource "google_billing_budget" "budget" {
  billing_account = var.google_billing_account
  display_name    = "dreamnet-monthly"

  budget_filter {
    projects               = ["projects/${var.google_project_number}"]
    calendar_period        = "MONTH"
    credit_types_treatment = "EXCLUDE_ALL_CREDITS"
  }

  amount {
    specified_amount {
      units = "155"
    }
  }

  threshold_rules {
    threshold_percent = 0.5
    spend_basis       = "CURRENT_SPEND"
  }

  threshold_rules {
    threshold_percent = 0.9
    spend_basis       = "CURRENT_SPEND"
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "CURRENT_SPEND"
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    pubsub_topic                     = "projects/${var.google_project}/topics/budget-alerts"
    schema_version                   = "1.0"
    monitoring_notification_channels = [google_monitoring_notification_channel.notification_channel.name]
  }

  depends_on = [google_pubsub_topic.topic_budget]
}

# google/topic-budget
resource "google_pubsub_topic" "topic_budget" {
  name                       = "budget-alerts"
  message_retention_duration = "604800s"
}

# google/subscription-budget
resource "google_pubsub_subscription" "subscription_budget" {
  name                 = "budget-alerts-flows"
  topic                = "projects/${var.google_project}/topics/budget-alerts"
  ack_deadline_seconds = 60

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_pubsub_topic.topic_budget]
}

# google/dataset-billing
resource "google_bigquery_dataset" "dataset_billing" {
  dataset_id    = "dreamnet_billing"
  friendly_name = "DreamNet's bills"
  description   = "Cloud Billing's export"
  location      = "US"
}
