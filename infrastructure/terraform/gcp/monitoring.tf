# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# google/alert-load-balancer-errors
resource "google_monitoring_alert_policy" "alert_load_balancer_errors" {
  display_name = "dreamnet-load-balancer-errors"
  combiner     = "OR"
  severity     = "CRITICAL"

  notification_channels = [
    google_monitoring_notification_channel.notification_channel.name,
    google_monitoring_notification_channel.notification_channel_flows.name,
  ]

  conditions {
    display_name = "The load balancer answers more than once a second with an error of ours"

    condition_threshold {
      filter          = "metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\" metric.label.response_code_class=\"500\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-latency
resource "google_monitoring_alert_policy" "alert_latency" {
  display_name          = "dreamnet-latency"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "The slowest twentieth of requests takes more than two seconds"

    condition_threshold {
      filter          = "metric.type=\"loadbalancing.googleapis.com/https/total_latencies\" resource.type=\"https_lb_rule\""
      comparison      = "COMPARISON_GT"
      threshold_value = 2000
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_PERCENTILE_95"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }
}

# google/alert-containers-restart
resource "google_monitoring_alert_policy" "alert_containers_restart" {
  display_name          = "dreamnet-containers-restart"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Containers of DreamNet restart again and again"

    condition_threshold {
      filter          = "metric.type=\"kubernetes.io/container/restart_count\" resource.type=\"k8s_container\" resource.label.namespace_name=\"dreamnet\""
      comparison      = "COMPARISON_GT"
      threshold_value = 5
      duration        = "0s"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-pods-memory
resource "google_monitoring_alert_policy" "alert_pods_memory" {
  display_name          = "dreamnet-pods-memory"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Containers of DreamNet use more than 90 % of their memory"

    condition_threshold {
      filter          = "metric.type=\"kubernetes.io/container/memory/limit_utilization\" resource.type=\"k8s_container\" resource.label.namespace_name=\"dreamnet\" metric.label.memory_type=\"non-evictable\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.9
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }
}

# google/alert-database-cpu
resource "google_monitoring_alert_policy" "alert_database_cpu" {
  display_name          = "dreamnet-database-cpu"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "The database's CPU is above 90 %"

    condition_threshold {
      filter          = "metric.type=\"cloudsql.googleapis.com/database/cpu/utilization\" resource.type=\"cloudsql_database\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.9
      duration        = "900s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MEAN"
      }
    }
  }
}

# google/alert-database-disk
resource "google_monitoring_alert_policy" "alert_database_disk" {
  display_name = "dreamnet-database-disk"
  combiner     = "OR"
  severity     = "CRITICAL"

  notification_channels = [
    google_monitoring_notification_channel.notification_channel.name,
    google_monitoring_notification_channel.notification_channel_flows.name,
  ]

  conditions {
    display_name = "The database's disk is nearly full, although it grows by itself"

    condition_threshold {
      filter          = "metric.type=\"cloudsql.googleapis.com/database/disk/utilization\" resource.type=\"cloudsql_database\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.9
      duration        = "300s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MEAN"
      }
    }
  }
}

# google/alert-replica-lag
resource "google_monitoring_alert_policy" "alert_replica_lag" {
  display_name          = "dreamnet-replica-lag"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "The second region's replica is more than a minute behind"

    condition_threshold {
      filter          = "metric.type=\"cloudsql.googleapis.com/database/replication/replica_lag\" resource.type=\"cloudsql_database\""
      comparison      = "COMPARISON_GT"
      threshold_value = 60
      duration        = "300s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MEAN"
      }
    }
  }
}

# google/alert-cache-memory
resource "google_monitoring_alert_policy" "alert_cache_memory" {
  display_name          = "dreamnet-cache-memory"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "The cache is nearly full"

    condition_threshold {
      filter          = "metric.type=\"redis.googleapis.com/stats/memory/usage_ratio\" resource.type=\"redis_instance\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.9
      duration        = "600s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MEAN"
      }
    }
  }
}

# google/alert-functions-fail
resource "google_monitoring_alert_policy" "alert_functions_fail" {
  display_name          = "dreamnet-functions-fail"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Functions fail"

    condition_threshold {
      filter          = "metric.type=\"cloudfunctions.googleapis.com/function/execution_count\" resource.type=\"cloud_function\" metric.label.status!=\"ok\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.1
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-dead-letters
resource "google_monitoring_alert_policy" "alert_dead_letters" {
  display_name          = "dreamnet-dead-letters"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Events that nobody could process are put away"

    condition_threshold {
      filter          = "metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" resource.type=\"pubsub_subscription\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-backend-instances
resource "google_monitoring_alert_policy" "alert_backend_instances" {
  display_name          = "dreamnet-backend-instances"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Cloud Run is close to its hundred instances"

    condition_threshold {
      filter          = "metric.type=\"run.googleapis.com/container/instance_count\" resource.type=\"cloud_run_revision\" resource.label.service_name=\"dreamnet-api\""
      comparison      = "COMPARISON_GT"
      threshold_value = 90
      duration        = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-spanner-cpu
resource "google_monitoring_alert_policy" "alert_spanner_cpu" {
  display_name          = "dreamnet-spanner-cpu"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "Spanner's high-priority load is above 65 %, its recommended most"

    condition_threshold {
      filter          = "metric.type=\"spanner.googleapis.com/instance/cpu/utilization_by_priority\" resource.type=\"spanner_instance\" metric.label.priority=\"high\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.65
      duration        = "900s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# google/alert-uptime
resource "google_monitoring_alert_policy" "alert_uptime" {
  display_name = "dreamnet-uptime"
  combiner     = "OR"
  severity     = "CRITICAL"

  notification_channels = [
    google_monitoring_notification_channel.notification_channel.name,
    google_monitoring_notification_channel.notification_channel_flows.name,
  ]

  conditions {
    display_name = "DreamNet doesn't answer from two places of the world"

    condition_threshold {
      filter          = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" resource.type=\"uptime_url\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["metric.label.check_id"]
      }
    }
  }
}

# google/alert-availability-burn
resource "google_monitoring_alert_policy" "alert_availability_burn" {
  display_name          = "dreamnet-availability-burn"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [google_monitoring_notification_channel.notification_channel.name]

  conditions {
    display_name = "The month's allowance of errors lasts less than three days"

    condition_threshold {
      filter          = "select_slo_burn_rate(\"${google_monitoring_slo.objective_availability.name}\", \"3600s\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 10
      duration        = "0s"
    }
  }
}

# google/alert-errors-logged
resource "google_monitoring_alert_policy" "alert_errors_logged" {
  display_name          = "dreamnet-errors-logged"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.notification_channel_flows.name]

  conditions {
    display_name = "The backend logs more than an error a second"

    condition_threshold {
      filter          = "metric.type=\"logging.googleapis.com/user/dreamnet-errors\" resource.type=\"k8s_container\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  depends_on = [google_logging_metric.log_metric_errors]
}

# google/topic-alerts
resource "google_pubsub_topic" "topic_alerts" {
  name                       = "alerts"
  message_retention_duration = "604800s"
}

# google/subscription-alerts
resource "google_pubsub_subscription" "subscription_alerts" {
  name                 = "alerts-flows"
  topic                = "projects/${var.google_project}/topics/alerts"
  ack_deadline_seconds = 60

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_pubsub_topic.topic_alerts]
}

# google/access-monitoring-alerts
resource "google_pubsub_topic_iam_member" "access_monitoring_alerts" {
  topic      = google_pubsub_topic.topic_alerts.name
  role       = "roles/pubsub.publisher"
  member     = "serviceAccount:service-${var.google_project_number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
  depends_on = [google_pubsub_topic.topic_alerts]
}

# google/notification-channel-flows
resource "google_monitoring_notification_channel" "notification_channel_flows" {
  type         = "pubsub"
  display_name = "dreamnet-flows"

  labels = {
    topic = "projects/${var.google_project}/topics/alerts"
  }

  depends_on = [google_pubsub_topic.topic_alerts, google_pubsub_topic_iam_member.access_monitoring_alerts]
}

# google/dashboard-kubernetes
resource "google_monitoring_dashboard" "dashboard_kubernetes" {
  dashboard_json = "Json(value={'displayName': 'dreamnet-kubernetes', 'mosaicLayout': {'columns': 12, 'tiles': [{'width': 6, 'height': 4, 'widget': {'title': 'CPU of what was asked for', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"kubernetes.io/container/cpu/request_utilization\" resource.type=\"k8s_container\" resource.label.namespace_name=\"dreamnet\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MEAN', 'crossSeriesReducer': 'REDUCE_MEAN', 'groupByFields': ['resource.label.cluster_name']}}}}]}}}, {'xPos': 6, 'width': 6, 'height': 4, 'widget': {'title': 'Memory of what is allowed', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"kubernetes.io/container/memory/limit_utilization\" resource.type=\"k8s_container\" resource.label.namespace_name=\"dreamnet\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MEAN', 'crossSeriesReducer': 'REDUCE_MEAN', 'groupByFields': ['resource.label.cluster_name']}}}}]}}}, {'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'Messages to agents that wait', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" resource.type=\"pubsub_subscription\" resource.label.subscription_id=\"agent-messages-workers\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MAX'}}}}]}}}, {'xPos': 6, 'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'Restarts', 'xyChart': {'dataSets': [{'plotType': 'STACKED_BAR', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"kubernetes.io/container/restart_count\" resource.type=\"k8s_container\" resource.label.namespace_name=\"dreamnet\"', 'aggregation': {'alignmentPeriod': '300s', 'perSeriesAligner': 'ALIGN_DELTA', 'crossSeriesReducer': 'REDUCE_SUM', 'groupByFields': ['resource.label.cluster_name']}}}}]}}}]}})"
}

# google/dashboard-data
resource "google_monitoring_dashboard" "dashboard_data" {
  dashboard_json = "Json(value={'displayName': 'dreamnet-data', 'mosaicLayout': {'columns': 12, 'tiles': [{'width': 6, 'height': 4, 'widget': {'title': \"Replica's lag in seconds\", 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"cloudsql.googleapis.com/database/replication/replica_lag\" resource.type=\"cloudsql_database\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MAX'}}}}]}}}, {'xPos': 6, 'width': 6, 'height': 4, 'widget': {'title': 'Database connections', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"cloudsql.googleapis.com/database/postgresql/num_backends\" resource.type=\"cloudsql_database\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MEAN', 'crossSeriesReducer': 'REDUCE_SUM', 'groupByFields': ['resource.label.database_id']}}}}]}}}, {'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'Cache memory', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"redis.googleapis.com/stats/memory/usage_ratio\" resource.type=\"redis_instance\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_MEAN'}}}}]}}}, {'xPos': 6, 'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'BigQuery bytes scanned', 'xyChart': {'dataSets': [{'plotType': 'STACKED_BAR', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"bigquery.googleapis.com/query/scanned_bytes_billed\" resource.type=\"global\"', 'aggregation': {'alignmentPeriod': '3600s', 'perSeriesAligner': 'ALIGN_SUM'}}}}]}}}]}})"
}

# google/dashboard-traffic
resource "google_monitoring_dashboard" "dashboard_traffic" {
  dashboard_json = "Json(value={'displayName': 'dreamnet-traffic', 'mosaicLayout': {'columns': 12, 'tiles': [{'width': 6, 'height': 4, 'widget': {'title': 'Requests by kind of answer', 'xyChart': {'dataSets': [{'plotType': 'STACKED_AREA', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_RATE', 'crossSeriesReducer': 'REDUCE_SUM', 'groupByFields': ['metric.label.response_code_class']}}}}]}}}, {'xPos': 6, 'width': 6, 'height': 4, 'widget': {'title': 'Slowest twentieth, in milliseconds', 'xyChart': {'dataSets': [{'plotType': 'LINE', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"loadbalancing.googleapis.com/https/total_latencies\" resource.type=\"https_lb_rule\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_PERCENTILE_95', 'crossSeriesReducer': 'REDUCE_MAX'}}}}]}}}, {'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'Answers from the cache', 'xyChart': {'dataSets': [{'plotType': 'STACKED_AREA', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\"', 'aggregation': {'alignmentPeriod': '60s', 'perSeriesAligner': 'ALIGN_RATE', 'crossSeriesReducer': 'REDUCE_SUM', 'groupByFields': ['metric.label.cache_result']}}}}]}}}, {'xPos': 6, 'yPos': 4, 'width': 6, 'height': 4, 'widget': {'title': 'Turned away by Cloud Armor', 'xyChart': {'dataSets': [{'plotType': 'STACKED_BAR', 'timeSeriesQuery': {'timeSeriesFilter': {'filter': 'metric.type=\"networksecurity.googleapis.com/https/request_count\" resource.type=\"network_security_policy\" metric.label.blocked=\"true\"', 'aggregation': {'alignmentPeriod': '300s', 'perSeriesAligner': 'ALIGN_DELTA', 'crossSeriesReducer': 'REDUCE_SUM'}}}}]}}}]}})"
}

# google/log-bucket
resource "google_logging_project_bucket_config" "log_bucket" {
  bucket_id        = "dreamnet"
  project          = var.google_project
  location         = var.google_region
  description      = "DreamNet's own logs"
  retention_days   = 30
  enable_analytics = true
}

# google/log-view-errors
resource "google_logging_log_view" "log_view_errors" {
  name        = "errors"
  location    = var.google_region
  bucket      = google_logging_project_bucket_config.log_bucket.bucket_id
  description = "What Kubernetes' containers logged"
  filter      = "log_id(\"stderr\") AND resource.type=\"k8s_container\""
  depends_on  = [google_logging_project_bucket_config.log_bucket]
}

# google/log-link
resource "google_logging_linked_dataset" "log_link" {
  link_id     = "dreamnet_logs"
  location    = var.google_region
  bucket      = google_logging_project_bucket_config.log_bucket.bucket_id
  description = "The logs as a BigQuery dataset"
  depends_on  = [google_logging_project_bucket_config.log_bucket]
}

# google/log-sink
resource "google_logging_project_sink" "log_sink" {
  name        = "dreamnet"
  description = "DreamNet's logs into their own bucket"
  destination = "logging.googleapis.com/projects/${var.google_project}/locations/${var.google_region}/buckets/dreamnet"
  filter      = "(resource.type=\"k8s_container\" AND resource.labels.namespace_name=\"dreamnet\") OR resource.type=\"cloud_run_revision\" OR resource.type=\"cloudsql_database\" OR resource.type=\"http_load_balancer\""

  exclusions {
    name        = "health-checks"
    description = "One a few seconds from each prober; they say nothing"
    filter      = "httpRequest.requestUrl=~\"/healthz$\" AND httpRequest.status=200"
  }

  depends_on = [google_logging_project_bucket_config.log_bucket]
}

# google/log-sink-audit
resource "google_logging_project_sink" "log_sink_audit" {
  name        = "dreamnet-audit"
  description = "Who changed what"
  destination = "storage.googleapis.com/${var.google_project}-backups"
  filter      = "log_id(\"cloudaudit.googleapis.com/activity\")"
  depends_on  = [google_storage_bucket.bucket_backups]
}

# google/access-log-sink-audit
resource "google_storage_bucket_iam_member" "access_log_sink_audit" {
  bucket     = google_storage_bucket.bucket_backups.name
  role       = "roles/storage.objectCreator"
  member     = google_logging_project_sink.log_sink_audit.writer_identity
  depends_on = [google_storage_bucket.bucket_backups]
}

# google/log-exclusion-health
resource "google_logging_project_exclusion" "log_exclusion_health" {
  name        = "health-checks"
  description = "Answers to Google's own probers"
  filter      = "resource.type=\"http_load_balancer\" AND httpRequest.userAgent=~\"GoogleHC\" AND httpRequest.status=200"
}

# google/log-metric-errors
resource "google_logging_metric" "log_metric_errors" {
  name        = "dreamnet-errors"
  description = "Errors that DreamNet's containers log, by cluster"
  filter      = "resource.type=\"k8s_container\" AND resource.labels.namespace_name=\"dreamnet\" AND severity>=ERROR"

  label_extractors = {
    cluster = "EXTRACT(resource.labels.cluster_name)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "cluster"
      value_type = "STRING"
    }
  }
}

# google/log-metric-dream-seconds
resource "google_logging_metric" "log_metric_dream_seconds" {
  name            = "dreamnet-dream-seconds"
  description     = "How long a dream takes to be processed"
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.dream_seconds>0"
  value_extractor = "EXTRACT(jsonPayload.dream_seconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 32
      growth_factor      = 1.5
      scale              = 0.01
    }
  }
}

# google/log-metric-denied
resource "google_logging_metric" "log_metric_denied" {
  name        = "dreamnet-denied"
  description = "Requests that Cloud Armor turned away"
  filter      = "resource.type=\"http_load_balancer\" AND jsonPayload.enforcedSecurityPolicy.outcome=\"DENY\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# google/service-api
resource "google_monitoring_custom_service" "service_api" {
  service_id   = "dreamnet-api"
  display_name = "DreamNet's backend"
}

# google/objective-availability
resource "google_monitoring_slo" "objective_availability" {
  slo_id              = "availability"
  service             = google_monitoring_custom_service.service_api.service_id
  display_name        = "99.5 % without an error of ours"
  goal                = 0.995
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = "metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\""
      bad_service_filter   = "metric.type=\"loadbalancing.googleapis.com/https/request_count\" resource.type=\"https_lb_rule\" metric.label.response_code_class=\"500\""
    }
  }

  depends_on = [google_monitoring_custom_service.service_api]
}

# google/objective-latency
resource "google_monitoring_slo" "objective_latency" {
  slo_id              = "latency"
  service             = google_monitoring_custom_service.service_api.service_id
  display_name        = "95 % within a second"
  goal                = 0.95
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"loadbalancing.googleapis.com/https/total_latencies\" resource.type=\"https_lb_rule\""

      range {
        min = 0
        max = 1000
      }
    }
  }

  depends_on = [google_monitoring_custom_service.service_api]
}

# google/monitoring-group
resource "google_monitoring_group" "monitoring_group" {
  display_name = "dreamnet"
  filter       = "resource.metadata.name=starts_with(\"dreamnet\")"
}

# google/uptime-website
resource "google_monitoring_uptime_check_config" "uptime_website" {
  display_name     = "dreamnet-website"
  period           = "60s"
  timeout          = "10s"
  selected_regions = ["USA", "EUROPE", "ASIA_PACIFIC"]
  checker_type     = "STATIC_IP_CHECKERS"

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.google_project
      host       = var.domain
    }
  }

  http_check {
    use_ssl        = true
    validate_ssl   = true
    port           = 443
    path           = "/"
    request_method = "GET"

    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }
}

# google/uptime-api
resource "google_monitoring_uptime_check_config" "uptime_api" {
  display_name     = "dreamnet-api"
  period           = "60s"
  timeout          = "10s"
  selected_regions = ["USA", "EUROPE", "ASIA_PACIFIC"]
  checker_type     = "STATIC_IP_CHECKERS"

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.google_project
      host       = "api.${var.domain}"
    }
  }

  http_check {
    use_ssl        = true
    validate_ssl   = true
    port           = 443
    path           = "/healthz"
    request_method = "GET"

    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }
}
