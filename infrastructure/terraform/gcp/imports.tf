# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.
#
# 224 of 261 resources; the ids of the others are the cloud's own, and
# come with the flow hand-over, which reads what lives.

import {
  to = google_bigquery_dataset.dataset_ml
  id = "projects/${var.google_project}/datasets/dreamnet_ml"
}

import {
  to = google_bigquery_table.table_dreamer_features
  id = "projects/${var.google_project}/datasets/dreamnet_ml/tables/dreamer_features"
}

import {
  to = google_bigquery_connection.connection_vertex
  id = "projects/${var.google_project}/locations/${var.google_region}/connections/vertex"
}

import {
  to = google_bigquery_routine.procedure_train_returns
  id = "projects/${var.google_project}/datasets/dreamnet_ml/routines/train_dreamer_returns"
}

import {
  to = google_bigquery_table_iam_member.access_training_ml
  id = "projects/${var.google_project}/datasets/dreamnet_ml/tables/dreamer_features roles/bigquery.dataViewer serviceAccount:dreamnet-training@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_training_dataset
  id = "${var.google_project} roles/bigquery.dataEditor serviceAccount:dreamnet-training@${var.google_project}.iam.gserviceaccount.com dreamnet_ml only"
}

import {
  to = google_project_iam_member.access_functions_documents
  id = "${var.google_project} roles/documentai.apiUser serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_training
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-training@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_training
  id = "${var.google_project} roles/aiplatform.user serviceAccount:dreamnet-training@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_training_jobs
  id = "${var.google_project} roles/bigquery.jobUser serviceAccount:dreamnet-training@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket.bucket_models
  id = "${var.google_project}-models"
}

import {
  to = google_storage_bucket_iam_member.access_training_models
  id = "b/${var.google_project}-models roles/storage.objectUser serviceAccount:dreamnet-training@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_vertex_ai_endpoint.endpoint_topics
  id = "projects/${var.google_project}/locations/${var.google_region}/endpoints/dreamnet-topics"
}

import {
  to = google_vertex_ai_feature_group.feature_group_dreamers
  id = "projects/${var.google_project}/locations/${var.google_region}/featureGroups/dreamers"
}

import {
  to = google_vertex_ai_feature_group_feature.feature_dreams_per_week
  id = "projects/${var.google_project}/locations/${var.google_region}/featureGroups/dreamers/features/dreams_per_week"
}

import {
  to = google_vertex_ai_feature_group_feature.feature_mean_words
  id = "projects/${var.google_project}/locations/${var.google_region}/featureGroups/dreamers/features/mean_words"
}

import {
  to = google_bigquery_table_iam_member.access_vertex_features
  id = "projects/${var.google_project}/datasets/dreamnet_ml/tables/dreamer_features roles/bigquery.dataViewer serviceAccount:service-${var.google_project_number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic.topic_budget
  id = "projects/${var.google_project}/topics/budget-alerts"
}

import {
  to = google_pubsub_subscription.subscription_budget
  id = "projects/${var.google_project}/subscriptions/budget-alerts-flows"
}

import {
  to = google_bigquery_dataset.dataset_billing
  id = "projects/${var.google_project}/datasets/dreamnet_billing"
}

import {
  to = google_secret_manager_secret_iam_member.access_api_secret
  id = "projects/${var.google_project}/secrets/dreamnet-database-url roles/secretmanager.secretAccessor serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_api_media
  id = "b/${var.google_project}-media roles/storage.objectUser serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic_iam_member.access_api_dream_events
  id = "projects/${var.google_project}/topics/dream-events roles/pubsub.publisher serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_subscription_iam_member.access_worker_dream_events
  id = "projects/${var.google_project}/subscriptions/dream-events-workers roles/pubsub.subscriber serviceAccount:dreamnet-worker@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_agents_media
  id = "b/${var.google_project}-media roles/storage.objectUser serviceAccount:dreamnet-agents@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic_iam_member.access_agents_dream_events
  id = "projects/${var.google_project}/topics/dream-events roles/pubsub.publisher serviceAccount:dreamnet-agents@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_functions_lake
  id = "b/${var.google_project}-lake roles/storage.objectUser serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_dataflow_lake
  id = "b/${var.google_project}-lake roles/storage.objectAdmin serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_subscription_iam_member.access_dataflow_events
  id = "projects/${var.google_project}/subscriptions/dream-events-stream roles/pubsub.subscriber serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_bigquery_table_iam_member.access_dataflow_table
  id = "projects/${var.google_project}/datasets/dreamnet_events/tables/dream_events roles/bigquery.dataEditor serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_bigtable_instance_iam_member.access_dataflow_bigtable
  id = "projects/${var.google_project}/instances/dreamnet roles/bigtable.reader serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_bigquery_table_iam_member.access_pubsub_analytics
  id = "projects/${var.google_project}/datasets/dreamnet_events/tables/analytics_events roles/bigquery.dataEditor serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic_iam_member.access_pubsub_dead_letters
  id = "projects/${var.google_project}/topics/dream-events-dead-letters roles/pubsub.publisher serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_subscription_iam_member.access_pubsub_dream_events
  id = "projects/${var.google_project}/subscriptions/dream-events-workers roles/pubsub.subscriber serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic_iam_member.access_pubsub_webhooks_dead_letters
  id = "projects/${var.google_project}/topics/webhooks-dead-letters roles/pubsub.publisher serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_subscription_iam_member.access_pubsub_webhooks
  id = "projects/${var.google_project}/subscriptions/webhooks-router roles/pubsub.subscriber serviceAccount:service-${var.google_project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

import {
  to = google_bigquery_dataset.dataset_dreamnet
  id = "projects/${var.google_project}/datasets/dreamnet"
}

import {
  to = google_bigquery_dataset.dataset_events
  id = "projects/${var.google_project}/datasets/dreamnet_events"
}

import {
  to = google_bigquery_table.table_dream_events
  id = "projects/${var.google_project}/datasets/dreamnet_events/tables/dream_events"
}

import {
  to = google_bigquery_table.table_analytics_events
  id = "projects/${var.google_project}/datasets/dreamnet_events/tables/analytics_events"
}

import {
  to = google_bigquery_table.view_daily_events
  id = "projects/${var.google_project}/datasets/dreamnet_events/tables/daily_events"
}

import {
  to = google_bigtable_app_profile.bigtable_profile_agents
  id = "projects/${var.google_project}/instances/dreamnet/appProfiles/agents"
}

import {
  to = google_bigtable_app_profile.bigtable_profile_exports
  id = "projects/${var.google_project}/instances/dreamnet/appProfiles/exports"
}

import {
  to = google_bigtable_instance.bigtable
  id = "projects/${var.google_project}/instances/dreamnet"
}

import {
  to = google_bigtable_table.bigtable_table_activity
  id = "projects/${var.google_project}/instances/dreamnet/tables/agent-activity"
}

import {
  to = google_sql_database_instance.cloud_sql
  id = "projects/${var.google_project}/instances/dreamnet"
}

import {
  to = google_sql_database.cloud_sql_database
  id = "projects/${var.google_project}/instances/dreamnet/databases/dreamnet"
}

import {
  to = google_sql_user.cloud_sql_user
  id = "${var.google_project}/dreamnet/dreamnet"
}

import {
  to = google_data_pipeline_pipeline.pipeline_dream_events
  id = "projects/${var.google_project}/locations/${var.google_region}/pipelines/dream-events"
}

import {
  to = google_data_pipeline_pipeline.pipeline_activity_export
  id = "projects/${var.google_project}/locations/${var.google_region}/pipelines/activity-export"
}

import {
  to = google_pubsub_schema.schema_agent_message
  id = "projects/${var.google_project}/schemas/agent-message"
}

import {
  to = google_pubsub_topic.topic_agent_messages
  id = "projects/${var.google_project}/topics/agent-messages"
}

import {
  to = google_pubsub_subscription.subscription_agent_messages
  id = "projects/${var.google_project}/subscriptions/agent-messages-workers"
}

import {
  to = google_pubsub_topic.topic_webhooks
  id = "projects/${var.google_project}/topics/webhooks"
}

import {
  to = google_pubsub_topic.topic_webhooks_dead_letters
  id = "projects/${var.google_project}/topics/webhooks-dead-letters"
}

import {
  to = google_pubsub_subscription.subscription_webhooks
  id = "projects/${var.google_project}/subscriptions/webhooks-router"
}

import {
  to = google_pubsub_topic.topic_analytics_events
  id = "projects/${var.google_project}/topics/analytics-events"
}

import {
  to = google_pubsub_subscription.subscription_analytics_events
  id = "projects/${var.google_project}/subscriptions/analytics-events-bigquery"
}

import {
  to = google_pubsub_subscription.subscription_dream_events_stream
  id = "projects/${var.google_project}/subscriptions/dream-events-stream"
}

import {
  to = google_storage_bucket.bucket_media
  id = "${var.google_project}-media"
}

import {
  to = google_storage_bucket.bucket_backups
  id = "${var.google_project}-backups"
}

import {
  to = module.first.google_redis_instance.memorystore
  id = "projects/${var.google_project}/locations/${var.google_region}/instances/dreamnet"
}

import {
  to = google_pubsub_topic.topic_dream_events
  id = "projects/${var.google_project}/topics/dream-events"
}

import {
  to = google_pubsub_topic.topic_dream_events_dead_letters
  id = "projects/${var.google_project}/topics/dream-events-dead-letters"
}

import {
  to = google_pubsub_subscription.subscription_dream_events
  id = "projects/${var.google_project}/subscriptions/dream-events-workers"
}

import {
  to = google_secret_manager_secret.secret_database_url
  id = "projects/${var.google_project}/secrets/dreamnet-database-url"
}

import {
  to = google_spanner_instance.spanner
  id = "projects/${var.google_project}/instances/dreamnet"
}

import {
  to = google_spanner_database.spanner_database
  id = "projects/${var.google_project}/instances/dreamnet/databases/dreamnet"
}

import {
  to = google_storage_bucket.bucket_lake
  id = "${var.google_project}-lake"
}

import {
  to = google_storage_bucket.bucket_functions
  id = "${var.google_project}-functions"
}

import {
  to = google_storage_bucket.bucket_state
  id = "${var.google_project}-state"
}

import {
  to = google_project_iam_member.access_nodes
  id = "${var.google_project} roles/container.defaultNodeServiceAccount serviceAccount:dreamnet-nodes@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_api_sql
  id = "${var.google_project} roles/cloudsql.client serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_api_traces
  id = "${var.google_project} roles/cloudtrace.agent serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_functions_events
  id = "${var.google_project} roles/eventarc.eventReceiver serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_dataflow_worker
  id = "${var.google_project} roles/dataflow.worker serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_dataflow_jobs
  id = "${var.google_project} roles/bigquery.jobUser serviceAccount:dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_nodes
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-nodes@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_api
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_worker
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-worker@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_agents
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-agents@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_functions
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_dataflow
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-dataflow@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_service_account.account_operator
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-operator@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_iam_workload_identity_pool.federation_github
  id = "projects/${var.google_project}/locations/global/workloadIdentityPools/dreamnet-github"
}

import {
  to = google_iam_workload_identity_pool_provider.federation_github_actions
  id = "projects/${var.google_project}/locations/global/workloadIdentityPools/dreamnet-github/providers/github"
}

import {
  to = google_secret_manager_secret.secret_prefect_api_key
  id = "projects/${var.google_project}/secrets/dreamnet-prefect-api-key"
}

import {
  to = google_secret_manager_secret_iam_member.access_delivery_secret
  id = "projects/${var.google_project}/secrets/dreamnet-prefect-api-key roles/secretmanager.secretAccessor principalSet://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/dreamnet-github/attribute.repository/dreamnet/gameplan"
}

import {
  to = google_iam_workload_identity_pool.federation
  id = "projects/${var.google_project}/locations/global/workloadIdentityPools/dreamnet-aws"
}

import {
  to = google_iam_workload_identity_pool_provider.federation_aws
  id = "projects/${var.google_project}/locations/global/workloadIdentityPools/dreamnet-aws/providers/aws"
}

import {
  to = google_service_account_iam_member.access_federation_api
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-api@${var.google_project}.iam.gserviceaccount.com roles/iam.workloadIdentityUser principalSet://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/dreamnet-aws/attribute.aws_role/arn:aws:sts::${var.aws_account_id}:assumed-role/dreamnet-backend"
}

import {
  to = google_artifact_registry_repository.registry
  id = "projects/${var.google_project}/locations/${var.google_region}/repositories/dreamnet"
}

import {
  to = module.first.google_artifact_registry_repository_iam_member.access_nodes_images
  id = "projects/${var.google_project}/locations/${var.google_region}/repositories/dreamnet roles/artifactregistry.reader serviceAccount:dreamnet-nodes@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_custom_role.role_operator
  id = "projects/${var.google_project}/roles/dreamnetOperator"
}

import {
  to = google_project_iam_member.access_operator
  id = "${var.google_project} projects/${var.google_project}/roles/dreamnetOperator serviceAccount:dreamnet-operator@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_operator_viewer
  id = "${var.google_project} roles/viewer serviceAccount:dreamnet-operator@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = module.first.google_container_cluster.gke_cluster
  id = "projects/${var.google_project}/locations/${var.google_zone}/clusters/dreamnet"
}

import {
  to = module.first.google_container_node_pool.gke_cluster_pool_default
  id = "${var.google_project}/${var.google_zone}/dreamnet/default"
}

import {
  to = google_service_account_iam_member.workload_identity_worker
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-worker@${var.google_project}.iam.gserviceaccount.com roles/iam.workloadIdentityUser serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-worker]"
}

import {
  to = google_service_account_iam_member.workload_identity_agents
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-agents@${var.google_project}.iam.gserviceaccount.com roles/iam.workloadIdentityUser serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-agents]"
}

import {
  to = google_project_iam_member.access_metrics_adapter
  id = "${var.google_project} roles/monitoring.viewer principal://iam.googleapis.com/projects/${var.google_project_number}/locations/global/workloadIdentityPools/${var.google_project}.svc.id.goog/subject/ns/custom-metrics/sa/custom-metrics-stackdriver-adapter"
}

import {
  to = google_compute_network.network
  id = "projects/${var.google_project}/global/networks/dreamnet"
}

import {
  to = module.first.google_compute_subnetwork.subnetwork
  id = "projects/${var.google_project}/regions/${var.google_region}/subnetworks/dreamnet"
}

import {
  to = google_compute_firewall.firewall_health_checks
  id = "projects/${var.google_project}/global/firewalls/dreamnet-health-checks"
}

import {
  to = module.first.google_container_node_pool.pool_gpu
  id = "${var.google_project}/${var.google_zone}/dreamnet/gpu"
}

import {
  to = module.first.google_container_node_pool.pool_spot
  id = "${var.google_project}/${var.google_zone}/dreamnet/spot"
}

import {
  to = google_service_account_iam_member.workload_identity_api
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-api@${var.google_project}.iam.gserviceaccount.com roles/iam.workloadIdentityUser serviceAccount:${var.google_project}.svc.id.goog[dreamnet/dreamnet-api]"
}

import {
  to = module.first.google_gke_backup_backup_plan.backup_plan
  id = "projects/${var.google_project}/locations/${var.google_second_region}/backupPlans/dreamnet"
}

import {
  to = module.second.google_gke_backup_backup_plan.backup_plan
  id = "projects/${var.google_project}/locations/${var.google_region}/backupPlans/dreamnet-second"
}

import {
  to = google_gke_backup_restore_plan.restore_plan
  id = "projects/${var.google_project}/locations/${var.google_second_region}/restorePlans/dreamnet"
}

import {
  to = google_sql_database_instance.cloud_sql_replica
  id = "projects/${var.google_project}/instances/dreamnet-replica"
}

import {
  to = module.second.google_compute_subnetwork.subnetwork
  id = "projects/${var.google_project}/regions/${var.google_second_region}/subnetworks/dreamnet-second"
}

import {
  to = module.second.google_container_cluster.gke_cluster
  id = "projects/${var.google_project}/locations/${var.google_second_region}-b/clusters/dreamnet-second"
}

import {
  to = module.second.google_container_node_pool.gke_cluster_pool_default
  id = "${var.google_project}/${var.google_second_region}-b/dreamnet-second/default"
}

import {
  to = google_dns_managed_zone.zone
  id = "projects/${var.google_project}/managedZones/dreamnet"
}

import {
  to = google_dns_record_set.record_apex
  id = "projects/${var.google_project}/managedZones/dreamnet/rrsets/${var.domain}./A"
}

import {
  to = google_dns_record_set.record_api
  id = "projects/${var.google_project}/managedZones/dreamnet/rrsets/api.${var.domain}./A"
}

import {
  to = google_dns_record_set.record_www
  id = "projects/${var.google_project}/managedZones/dreamnet/rrsets/www.${var.domain}./CNAME"
}

import {
  to = google_dns_record_set.record_certificate
  id = "projects/${var.google_project}/managedZones/dreamnet/rrsets/_acme-challenge.${var.domain}./CNAME"
}

import {
  to = google_dns_record_set.record_authorities
  id = "projects/${var.google_project}/managedZones/dreamnet/rrsets/${var.domain}./CAA"
}

import {
  to = google_dns_managed_zone.zone_internal
  id = "projects/${var.google_project}/managedZones/dreamnet-internal"
}

import {
  to = google_dns_record_set.record_cache
  id = "projects/${var.google_project}/managedZones/dreamnet-internal/rrsets/cache.dreamnet.internal./A"
}

import {
  to = google_dns_policy.dns_policy
  id = "projects/${var.google_project}/policies/dreamnet"
}

import {
  to = module.first.google_gke_hub_membership.membership_first
  id = "projects/${var.google_project}/locations/${var.google_region}/memberships/dreamnet"
}

import {
  to = module.second.google_gke_hub_membership.membership_first
  id = "projects/${var.google_project}/locations/${var.google_second_region}/memberships/dreamnet-second"
}

import {
  to = google_gke_hub_feature.feature_mesh
  id = "projects/${var.google_project}/locations/global/features/servicemesh"
}

import {
  to = module.first.google_gke_hub_feature_membership.feature_mesh_dreamnet
  id = "projects/${var.google_project}/locations/global/features/servicemesh/membershipId/dreamnet"
}

import {
  to = module.second.google_gke_hub_feature_membership.feature_mesh_dreamnet
  id = "projects/${var.google_project}/locations/global/features/servicemesh/membershipId/dreamnet-second"
}

import {
  to = google_gke_hub_feature.feature_services
  id = "projects/${var.google_project}/locations/global/features/multiclusterservicediscovery"
}

import {
  to = google_gke_hub_feature.feature_ingress
  id = "projects/${var.google_project}/locations/global/features/multiclusteringress"
}

import {
  to = google_compute_health_check.health_check
  id = "projects/${var.google_project}/global/healthChecks/dreamnet"
}

import {
  to = module.first.google_compute_network_endpoint_group.neg_first
  id = "projects/${var.google_project}/zones/${var.google_zone}/networkEndpointGroups/dreamnet-first"
}

import {
  to = module.second.google_compute_network_endpoint_group.neg_first
  id = "projects/${var.google_project}/zones/${var.google_second_region}-b/networkEndpointGroups/dreamnet-second"
}

import {
  to = google_compute_backend_service.backend_service
  id = "projects/${var.google_project}/global/backendServices/dreamnet"
}

import {
  to = google_compute_url_map.url_map
  id = "projects/${var.google_project}/global/urlMaps/dreamnet"
}

import {
  to = google_compute_target_http_proxy.http_proxy
  id = "projects/${var.google_project}/global/targetHttpProxies/dreamnet"
}

import {
  to = google_compute_global_forwarding_rule.forwarding_rule
  id = "projects/${var.google_project}/global/forwardingRules/dreamnet"
}

import {
  to = module.first.google_compute_address.nat_address
  id = "projects/${var.google_project}/regions/${var.google_region}/addresses/dreamnet-nat"
}

import {
  to = module.first.google_compute_router.router
  id = "projects/${var.google_project}/regions/${var.google_region}/routers/dreamnet"
}

import {
  to = module.first.google_compute_router_nat.router_nat
  id = "projects/${var.google_project}/regions/${var.google_region}/routers/dreamnet/dreamnet"
}

import {
  to = module.second.google_compute_address.nat_address
  id = "projects/${var.google_project}/regions/${var.google_second_region}/addresses/dreamnet-nat-second"
}

import {
  to = module.second.google_compute_router.router
  id = "projects/${var.google_project}/regions/${var.google_second_region}/routers/dreamnet-second"
}

import {
  to = module.second.google_compute_router_nat.router_nat
  id = "projects/${var.google_project}/regions/${var.google_second_region}/routers/dreamnet-second/dreamnet-second"
}

import {
  to = module.second.google_container_node_pool.pool_spot
  id = "${var.google_project}/${var.google_second_region}-b/dreamnet-second/spot"
}

import {
  to = google_compute_global_address.private_range
  id = "projects/${var.google_project}/global/addresses/dreamnet-services"
}

import {
  to = google_service_networking_connection.private_services
  id = "projects/${var.google_project_number}/global/networks/dreamnet:servicenetworking.googleapis.com"
}

import {
  to = google_cloud_run_v2_service.run_api_second
  id = "projects/${var.google_project}/locations/${var.google_second_region}/services/dreamnet-api"
}

import {
  to = module.second.google_cloud_run_v2_service_iam_member.access_run_api
  id = "projects/${var.google_project}/locations/${var.google_second_region}/services/dreamnet-api roles/run.invoker allUsers"
}

import {
  to = google_secret_manager_secret.secret_replica_url
  id = "projects/${var.google_project}/secrets/dreamnet-replica-url"
}

import {
  to = google_secret_manager_secret_iam_member.access_api_replica_secret
  id = "projects/${var.google_project}/secrets/dreamnet-replica-url roles/secretmanager.secretAccessor serviceAccount:dreamnet-api@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = module.second.google_redis_instance.memorystore
  id = "projects/${var.google_project}/locations/${var.google_second_region}/instances/dreamnet-second"
}

import {
  to = google_artifact_registry_repository.registry_second
  id = "projects/${var.google_project}/locations/${var.google_second_region}/repositories/dreamnet"
}

import {
  to = module.second.google_artifact_registry_repository_iam_member.access_nodes_images
  id = "projects/${var.google_project}/locations/${var.google_second_region}/repositories/dreamnet roles/artifactregistry.reader serviceAccount:dreamnet-nodes@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = module.second.google_container_node_pool.pool_gpu
  id = "${var.google_project}/${var.google_second_region}-b/dreamnet-second/gpu"
}

import {
  to = google_storage_bucket.bucket_media_second
  id = "${var.google_project}-media-second"
}

import {
  to = google_storage_transfer_job.transfer_media
  id = "${var.google_project}/dreamnet-media"
}

import {
  to = google_storage_bucket_iam_member.access_transfer_source
  id = "b/${var.google_project}-media roles/storage.objectViewer serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_transfer_source_bucket
  id = "b/${var.google_project}-media roles/storage.legacyBucketReader serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_transfer_sink
  id = "b/${var.google_project}-media-second roles/storage.objectViewer serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
}

import {
  to = google_storage_bucket_iam_member.access_transfer_sink_bucket
  id = "b/${var.google_project}-media-second roles/storage.legacyBucketWriter serviceAccount:project-${var.google_project_number}@storage-transfer-service.iam.gserviceaccount.com"
}

import {
  to = google_compute_global_address.web_address
  id = "projects/${var.google_project}/global/addresses/dreamnet-web"
}

import {
  to = google_storage_bucket.bucket_web
  id = "${var.google_project}-web"
}

import {
  to = google_storage_bucket_iam_member.access_web_public
  id = "b/${var.google_project}-web roles/storage.legacyObjectReader allUsers"
}

import {
  to = google_compute_backend_bucket.backend_bucket
  id = "projects/${var.google_project}/global/backendBuckets/dreamnet-web"
}

import {
  to = google_compute_security_policy.security_policy
  id = "projects/${var.google_project}/global/securityPolicies/dreamnet"
}

import {
  to = google_compute_backend_service.backend_service_web
  id = "projects/${var.google_project}/global/backendServices/dreamnet-web"
}

import {
  to = module.first.google_compute_region_network_endpoint_group.neg_run
  id = "projects/${var.google_project}/regions/${var.google_region}/networkEndpointGroups/dreamnet-run"
}

import {
  to = module.second.google_compute_region_network_endpoint_group.neg_run
  id = "projects/${var.google_project}/regions/${var.google_second_region}/networkEndpointGroups/dreamnet-run-second"
}

import {
  to = google_compute_backend_service.backend_service_run
  id = "projects/${var.google_project}/global/backendServices/dreamnet-run"
}

import {
  to = google_compute_url_map.url_map_web
  id = "projects/${var.google_project}/global/urlMaps/dreamnet-web"
}

import {
  to = google_compute_ssl_policy.ssl_policy
  id = "projects/${var.google_project}/global/sslPolicies/dreamnet"
}

import {
  to = google_certificate_manager_dns_authorization.dns_authorization
  id = "projects/${var.google_project}/locations/global/dnsAuthorizations/dreamnet"
}

import {
  to = google_certificate_manager_certificate.certificate
  id = "projects/${var.google_project}/locations/global/certificates/dreamnet"
}

import {
  to = google_certificate_manager_certificate_map.certificate_map
  id = "projects/${var.google_project}/locations/global/certificateMaps/dreamnet"
}

import {
  to = google_certificate_manager_certificate_map_entry.certificate_map_apex
  id = "projects/${var.google_project}/locations/global/certificateMaps/dreamnet/certificateMapEntries/apex"
}

import {
  to = google_certificate_manager_certificate_map_entry.certificate_map_names
  id = "projects/${var.google_project}/locations/global/certificateMaps/dreamnet/certificateMapEntries/names"
}

import {
  to = google_compute_target_https_proxy.https_proxy
  id = "projects/${var.google_project}/global/targetHttpsProxies/dreamnet-web"
}

import {
  to = google_compute_global_forwarding_rule.forwarding_rule_https
  id = "projects/${var.google_project}/global/forwardingRules/dreamnet-https"
}

import {
  to = google_pubsub_topic.topic_alerts
  id = "projects/${var.google_project}/topics/alerts"
}

import {
  to = google_pubsub_subscription.subscription_alerts
  id = "projects/${var.google_project}/subscriptions/alerts-flows"
}

import {
  to = google_pubsub_topic_iam_member.access_monitoring_alerts
  id = "projects/${var.google_project}/topics/alerts roles/pubsub.publisher serviceAccount:service-${var.google_project_number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
}

import {
  to = google_logging_project_bucket_config.log_bucket
  id = "projects/${var.google_project}/locations/${var.google_region}/buckets/dreamnet"
}

import {
  to = google_logging_log_view.log_view_errors
  id = "projects/${var.google_project}/locations/${var.google_region}/buckets/dreamnet/views/errors"
}

import {
  to = google_logging_linked_dataset.log_link
  id = "projects/${var.google_project}/locations/${var.google_region}/buckets/dreamnet/links/dreamnet_logs"
}

import {
  to = google_logging_project_sink.log_sink
  id = "projects/${var.google_project}/sinks/dreamnet"
}

import {
  to = google_logging_project_sink.log_sink_audit
  id = "projects/${var.google_project}/sinks/dreamnet-audit"
}

import {
  to = google_logging_project_exclusion.log_exclusion_health
  id = "projects/${var.google_project}/exclusions/health-checks"
}

import {
  to = google_logging_metric.log_metric_errors
  id = "dreamnet-errors"
}

import {
  to = google_logging_metric.log_metric_dream_seconds
  id = "dreamnet-dream-seconds"
}

import {
  to = google_logging_metric.log_metric_denied
  id = "dreamnet-denied"
}

import {
  to = google_monitoring_custom_service.service_api
  id = "projects/${var.google_project}/services/dreamnet-api"
}

import {
  to = google_monitoring_slo.objective_availability
  id = "projects/${var.google_project}/services/dreamnet-api/serviceLevelObjectives/availability"
}

import {
  to = google_monitoring_slo.objective_latency
  id = "projects/${var.google_project}/services/dreamnet-api/serviceLevelObjectives/latency"
}

import {
  to = google_service_account.account_delivery
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-delivery@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_delivery_jobs
  id = "${var.google_project} roles/clouddeploy.jobRunner serviceAccount:dreamnet-delivery@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_delivery_clusters
  id = "${var.google_project} roles/container.developer serviceAccount:dreamnet-delivery@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_artifact_registry_repository_iam_member.access_delivery_images
  id = "projects/${var.google_project}/locations/${var.google_region}/repositories/dreamnet roles/artifactregistry.reader serviceAccount:dreamnet-delivery@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_clouddeploy_target.target_first
  id = "projects/${var.google_project}/locations/${var.google_region}/targets/dreamnet-first"
}

import {
  to = google_clouddeploy_target.target_second
  id = "projects/${var.google_project}/locations/${var.google_region}/targets/dreamnet-second"
}

import {
  to = google_clouddeploy_delivery_pipeline.delivery_pipeline
  id = "projects/${var.google_project}/locations/${var.google_region}/deliveryPipelines/dreamnet"
}

import {
  to = google_eventarc_trigger.trigger_media
  id = "projects/${var.google_project}/locations/${var.google_region}/triggers/media-uploaded"
}

import {
  to = google_cloud_run_v2_service_iam_member.access_scheduler_api
  id = "projects/${var.google_project}/locations/${var.google_region}/services/dreamnet-api roles/run.invoker serviceAccount:dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_scheduler_events
  id = "${var.google_project} roles/eventarc.eventReceiver serviceAccount:dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_project_iam_member.access_storage_agent
  id = "${var.google_project} roles/pubsub.publisher serviceAccount:service-${var.google_project_number}@gs-project-accounts.iam.gserviceaccount.com"
}

import {
  to = google_service_account_iam_member.access_tasks_agent
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com roles/iam.serviceAccountTokenCreator serviceAccount:service-${var.google_project_number}@gcp-sa-cloudtasks.iam.gserviceaccount.com"
}

import {
  to = google_service_account_iam_member.access_functions_act_as_scheduler
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com roles/iam.serviceAccountUser serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloudfunctions2_function.function_dream_processed
  id = "projects/${var.google_project}/locations/${var.google_region}/functions/dream-processed"
}

import {
  to = google_service_account.account_scheduler
  id = "projects/${var.google_project}/serviceAccounts/dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloudfunctions2_function.function_webhooks
  id = "projects/${var.google_project}/locations/${var.google_region}/functions/webhooks"
}

import {
  to = google_secret_manager_secret.secret_webhooks
  id = "projects/${var.google_project}/secrets/dreamnet-webhook-secret"
}

import {
  to = google_secret_manager_secret_iam_member.access_functions_webhook_secret
  id = "projects/${var.google_project}/secrets/dreamnet-webhook-secret roles/secretmanager.secretAccessor serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloud_run_v2_service_iam_member.access_webhooks_public
  id = "projects/${var.google_project}/locations/${var.google_region}/services/webhooks roles/run.invoker allUsers"
}

import {
  to = google_cloudfunctions2_function.function_agent_messages
  id = "projects/${var.google_project}/locations/${var.google_region}/functions/agent-messages"
}

import {
  to = google_cloud_run_v2_service_iam_member.access_scheduler_agent_messages
  id = "projects/${var.google_project}/locations/${var.google_region}/services/agent-messages roles/run.invoker serviceAccount:dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloudfunctions2_function.function_nightly_digest
  id = "projects/${var.google_project}/locations/${var.google_region}/functions/nightly-digest"
}

import {
  to = google_cloud_run_v2_service_iam_member.access_scheduler_digest
  id = "projects/${var.google_project}/locations/${var.google_region}/services/nightly-digest roles/run.invoker serviceAccount:dreamnet-scheduler@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloud_scheduler_job.schedule_nightly_digest
  id = "projects/${var.google_project}/locations/${var.google_region}/jobs/nightly-digest"
}

import {
  to = google_cloud_scheduler_job.schedule_agents
  id = "projects/${var.google_project}/locations/${var.google_region}/jobs/agents-hourly"
}

import {
  to = google_cloud_tasks_queue.queue_agents
  id = "projects/${var.google_project}/locations/${var.google_region}/queues/agents"
}

import {
  to = google_cloud_tasks_queue_iam_member.access_functions_queue
  id = "projects/${var.google_project}/locations/${var.google_region}/queues/agents roles/cloudtasks.enqueuer serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_pubsub_topic_iam_member.access_functions_webhooks
  id = "projects/${var.google_project}/topics/webhooks roles/pubsub.publisher serviceAccount:dreamnet-functions@${var.google_project}.iam.gserviceaccount.com"
}

import {
  to = google_cloud_run_v2_service.run_api
  id = "projects/${var.google_project}/locations/${var.google_region}/services/dreamnet-api"
}

import {
  to = module.first.google_cloud_run_v2_service_iam_member.access_run_api
  id = "projects/${var.google_project}/locations/${var.google_region}/services/dreamnet-api roles/run.invoker allUsers"
}

import {
  to = google_cloud_run_v2_job.run_migrations
  id = "projects/${var.google_project}/locations/${var.google_region}/jobs/dreamnet-migrations"
}
