# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

output "bucket_backups_url" {
  description = "url of google/bucket-backups."
  value       = google_storage_bucket.bucket_backups.url
}

output "bucket_functions_url" {
  description = "url of google/bucket-functions."
  value       = google_storage_bucket.bucket_functions.url
}

output "bucket_lake_url" {
  description = "url of google/bucket-lake."
  value       = google_storage_bucket.bucket_lake.url
}

output "bucket_media_url" {
  description = "url of google/bucket-media."
  value       = google_storage_bucket.bucket_media.url
}

output "bucket_media_second_url" {
  description = "url of google/bucket-media-second."
  value       = google_storage_bucket.bucket_media_second.url
}

output "bucket_models_url" {
  description = "url of google/bucket-models."
  value       = google_storage_bucket.bucket_models.url
}

output "bucket_state_url" {
  description = "url of google/bucket-state."
  value       = google_storage_bucket.bucket_state.url
}

output "bucket_web_url" {
  description = "url of google/bucket-web."
  value       = google_storage_bucket.bucket_web.url
}

output "cloud_sql_connection_name" {
  description = "connection_name of google/cloud-sql."
  value       = google_sql_database_instance.cloud_sql.connection_name
}

output "cloud_sql_replica_connection_name" {
  description = "connection_name of google/cloud-sql-replica."
  value       = google_sql_database_instance.cloud_sql_replica.connection_name
}

output "forwarding_rule_ip_address" {
  description = "ip_address of google/forwarding-rule."
  value       = google_compute_global_forwarding_rule.forwarding_rule.ip_address
}

output "forwarding_rule_https_ip_address" {
  description = "ip_address of google/forwarding-rule-https."
  value       = google_compute_global_forwarding_rule.forwarding_rule_https.ip_address
}

output "function_agent_messages_url" {
  description = "url of google/function-agent-messages."
  value       = google_cloudfunctions2_function.function_agent_messages.url
}

output "function_dream_processed_url" {
  description = "url of google/function-dream-processed."
  value       = google_cloudfunctions2_function.function_dream_processed.url
}

output "function_nightly_digest_url" {
  description = "url of google/function-nightly-digest."
  value       = google_cloudfunctions2_function.function_nightly_digest.url
}

output "function_webhooks_url" {
  description = "url of google/function-webhooks."
  value       = google_cloudfunctions2_function.function_webhooks.url
}

output "gke_cluster_endpoint" {
  description = "endpoint of google/gke-cluster."
  value       = module.first.gke_cluster_endpoint
}

output "gke_cluster_second_endpoint" {
  description = "endpoint of google/gke-cluster-second."
  value       = module.second.gke_cluster_endpoint
}

output "memorystore_host" {
  description = "host of google/memorystore."
  value       = module.first.memorystore_host
}

output "memorystore_second_host" {
  description = "host of google/memorystore-second."
  value       = module.second.memorystore_host
}

output "private_range_address" {
  description = "address of google/private-range."
  value       = google_compute_global_address.private_range.address
}

output "registry_id" {
  description = "id of google/registry."
  value       = google_artifact_registry_repository.registry.id
}

output "registry_second_id" {
  description = "id of google/registry-second."
  value       = google_artifact_registry_repository.registry_second.id
}

output "run_api_uri" {
  description = "uri of google/run-api."
  value       = google_cloud_run_v2_service.run_api.uri
}

output "run_api_second_uri" {
  description = "uri of google/run-api-second."
  value       = google_cloud_run_v2_service.run_api_second.uri
}

output "web_address_address" {
  description = "address of google/web-address."
  value       = google_compute_global_address.web_address.address
}
