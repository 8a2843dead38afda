"""Google's collections and the Terraform resources that they become.

A rule says only what the provider's schema does not: the resource type, the attribute that holds the name,
and fields that Terraform calls otherwise or arranges otherwise (provider google, resource reference, November
2026).
"""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet.handover import google_bodies as bodies
from dreamnet.handover.rules import Rule

RULES: Mapping[str, Rule] = {
    "aiplatform.v1/projects.locations.datasets": Rule(
        "google_vertex_ai_dataset", "display_name", importable=False
    ),
    "aiplatform.v1/projects.locations.endpoints": Rule("google_vertex_ai_endpoint"),
    "aiplatform.v1/projects.locations.featureGroups": Rule("google_vertex_ai_feature_group"),
    "aiplatform.v1/projects.locations.featureGroups.features": Rule("google_vertex_ai_feature_group_feature"),
    "aiplatform.v1/projects.locations.indexEndpoints": Rule(
        "google_vertex_ai_index_endpoint", "display_name"
    ),
    "aiplatform.v1/projects.locations.indexes": Rule("google_vertex_ai_index", "display_name"),
    "aiplatform.v1/projects.locations.tensorboards": Rule("google_vertex_ai_tensorboard", "display_name"),
    "artifactregistry.v1/projects.locations.repositories": Rule(
        "google_artifact_registry_repository", "repository_id", prepare=bodies.registry
    ),
    "bigquery.v2/datasets": Rule("google_bigquery_dataset", "dataset_id"),
    "bigquery.v2/routines": Rule("google_bigquery_routine", "routine_id"),
    "bigquery.v2/tables": Rule(
        "google_bigquery_table",
        "table_id",
        moves={"schema/fields": "schema", "clustering/fields": "clustering"},
        import_id="projects/{{project}}/datasets/{{dataset_id}}/tables/{{table_id}}",
    ),
    "bigqueryconnection.v1/projects.locations.connections": Rule(
        "google_bigquery_connection", "connection_id"
    ),
    "bigquerydatatransfer.v1/projects.locations.transferConfigs": Rule(
        "google_bigquery_data_transfer_config", "display_name"
    ),
    "bigtableadmin.v2/projects.instances": Rule(
        "google_bigtable_instance", moves={"type": ""}, prepare=bodies.bigtable
    ),
    "bigtableadmin.v2/projects.instances.appProfiles": Rule("google_bigtable_app_profile", "app_profile_id"),
    "bigtableadmin.v2/projects.instances.tables": Rule(
        "google_bigtable_table",
        moves={"granularity": ""},
        prepare=bodies.bigtable_table,
        parts=bodies.bigtable_garbage,
    ),
    "billingbudgets.v1/billingAccounts.budgets": Rule(
        "google_billing_budget", "display_name", moves={"notificationsRule": "all_updates_rule"}
    ),
    "certificatemanager.v1/projects.locations.certificateMaps": Rule(
        "google_certificate_manager_certificate_map"
    ),
    "certificatemanager.v1/projects.locations.certificateMaps.certificateMapEntries": Rule(
        "google_certificate_manager_certificate_map_entry",
        parents={"map": "name"},
        import_id=(
            "projects/{{project}}/locations/global/certificateMaps/{{certificate_map}}"
            "/certificateMapEntries/{{name}}"
        ),
    ),
    "certificatemanager.v1/projects.locations.certificates": Rule("google_certificate_manager_certificate"),
    "certificatemanager.v1/projects.locations.dnsAuthorizations": Rule(
        "google_certificate_manager_dns_authorization"
    ),
    "clouddeploy.v1/projects.locations.deliveryPipelines": Rule("google_clouddeploy_delivery_pipeline"),
    "clouddeploy.v1/projects.locations.targets": Rule("google_clouddeploy_target"),
    "cloudfunctions.v2/projects.locations.functions": Rule(
        "google_cloudfunctions2_function", moves={"environment": ""}
    ),
    "cloudresourcemanager.v3/projects": Rule("google_project"),
    "cloudscheduler.v1/projects.locations.jobs": Rule("google_cloud_scheduler_job"),
    "cloudtasks.v2/projects.locations.queues": Rule("google_cloud_tasks_queue"),
    "compute.v1/addresses": Rule("google_compute_address"),
    "compute.v1/backendBuckets": Rule("google_compute_backend_bucket"),
    "compute.v1/backendServices": Rule(
        "google_compute_backend_service",
        moves={"connectionDraining/drainingTimeoutSec": "connection_draining_timeout_sec"},
    ),
    "compute.v1/firewalls": Rule(
        "google_compute_firewall",
        moves={
            "allowed": "allow",
            "allow/IPProtocol": "allow/protocol",
            "denied": "deny",
            "deny/IPProtocol": "deny/protocol",
        },
    ),
    "compute.v1/globalAddresses": Rule("google_compute_global_address"),
    "compute.v1/globalForwardingRules": Rule("google_compute_global_forwarding_rule"),
    "compute.v1/healthChecks": Rule("google_compute_health_check", moves={"type": ""}),
    "compute.v1/networkEndpointGroups": Rule("google_compute_network_endpoint_group"),
    "compute.v1/networks": Rule(
        "google_compute_network", moves={"routingConfig/routingMode": "routing_mode"}
    ),
    "compute.v1/regionNetworkEndpointGroups": Rule("google_compute_region_network_endpoint_group"),
    "compute.v1/routers": Rule("google_compute_router", moves={"nats": ""}, parts=bodies.router_nats),
    "compute.v1/securityPolicies": Rule("google_compute_security_policy"),
    "compute.v1/sslPolicies": Rule("google_compute_ssl_policy"),
    "compute.v1/subnetworks": Rule("google_compute_subnetwork"),
    "compute.v1/targetHttpProxies": Rule("google_compute_target_http_proxy"),
    "compute.v1/targetHttpsProxies": Rule("google_compute_target_https_proxy"),
    "compute.v1/urlMaps": Rule("google_compute_url_map"),
    "container.v1/projects.locations.clusters": Rule(
        "google_container_cluster",
        moves={
            "ipAllocationPolicy/useIpAliases": "",
            "networkConfig/gatewayApiConfig": "gateway_api_config",
            "nodePools": "",
        },
        prepare=bodies.cluster,
        parts=bodies.node_pools,
        import_id="projects/{{project}}/locations/{{location}}/clusters/{{name}}",
    ),
    "container.v1/projects.locations.clusters.nodePools": Rule(
        "google_container_node_pool",
        moves=bodies.NODE_POOL,
        import_id="{{project}}/{{location}}/{{cluster}}/{{name}}",
    ),
    "datapipelines.v1/projects.locations.pipelines": Rule("google_data_pipeline_pipeline"),
    "dns.v1/managedZones": Rule("google_dns_managed_zone"),
    "dns.v1/policies": Rule("google_dns_policy"),
    "dns.v1/resourceRecordSets": Rule(
        "google_dns_record_set",
        import_id="projects/{{project}}/managedZones/{{managed_zone}}/rrsets/{{name}}/{{type}}",
    ),
    "documentai.v1/projects.locations.processors": Rule("google_document_ai_processor", "display_name"),
    "eventarc.v1/projects.locations.triggers": Rule(
        "google_eventarc_trigger",
        moves={"eventFilters": "matching_criteria", "destination/cloudRun": "destination/cloud_run_service"},
    ),
    "gkebackup.v1/projects.locations.backupPlans": Rule("google_gke_backup_backup_plan"),
    "gkebackup.v1/projects.locations.restorePlans": Rule("google_gke_backup_restore_plan"),
    "gkehub.v1/projects.locations.features": Rule(
        "google_gke_hub_feature", moves={"membershipSpecs": ""}, parts=bodies.fleet_members
    ),
    "gkehub.v1/projects.locations.memberships": Rule("google_gke_hub_membership", "membership_id"),
    "iam.v1/projects.locations.workloadIdentityPools": Rule(
        "google_iam_workload_identity_pool", "workload_identity_pool_id"
    ),
    "iam.v1/projects.locations.workloadIdentityPools.providers": Rule(
        "google_iam_workload_identity_pool_provider",
        "workload_identity_pool_provider_id",
    ),
    "iam.v1/projects.roles": Rule(
        "google_project_iam_custom_role",
        "role_id",
        moves={"includedPermissions": "permissions"},
        import_id="projects/{{project}}/roles/{{role_id}}",
    ),
    "iam.v1/projects.serviceAccounts": Rule(
        "google_service_account",
        "account_id",
        members={"service_account_id": "name"},
        import_id=("projects/{{project}}/serviceAccounts/{{account_id}}@{{project}}.iam.gserviceaccount.com"),
    ),
    "logging.v2/projects.exclusions": Rule("google_logging_project_exclusion"),
    "logging.v2/projects.locations.buckets": Rule(
        "google_logging_project_bucket_config", "bucket_id", moves={"analyticsEnabled": "enable_analytics"}
    ),
    "logging.v2/projects.locations.buckets.links": Rule(
        "google_logging_linked_dataset",
        "link_id",
        import_id="projects/{{project}}/locations/{{location}}/buckets/{{bucket}}/links/{{link_id}}",
    ),
    "logging.v2/projects.locations.buckets.views": Rule(
        "google_logging_log_view",
        import_id="projects/{{project}}/locations/{{location}}/buckets/{{bucket}}/views/{{name}}",
    ),
    "logging.v2/projects.metrics": Rule("google_logging_metric"),
    "logging.v2/projects.sinks": Rule("google_logging_project_sink"),
    "monitoring.v1/projects.dashboards": Rule("google_monitoring_dashboard", "", prepare=bodies.dashboard),
    "monitoring.v3/projects.alertPolicies": Rule("google_monitoring_alert_policy", "display_name"),
    "monitoring.v3/projects.groups": Rule("google_monitoring_group", "display_name"),
    "monitoring.v3/projects.notificationChannels": Rule(
        "google_monitoring_notification_channel", "display_name"
    ),
    "monitoring.v3/projects.uptimeCheckConfigs": Rule(
        "google_monitoring_uptime_check_config", "display_name"
    ),
    "monitoring.v3/services": Rule(
        "google_monitoring_custom_service",
        "service_id",
        moves={"custom": ""},
        import_id="projects/{{project}}/services/{{service_id}}",
    ),
    "monitoring.v3/services.serviceLevelObjectives": Rule(
        "google_monitoring_slo",
        "slo_id",
        prepare=bodies.objective,
        import_id="projects/{{project}}/services/{{service}}/serviceLevelObjectives/{{slo_id}}",
    ),
    "pubsub.v1/projects.schemas": Rule("google_pubsub_schema"),
    "pubsub.v1/projects.subscriptions": Rule("google_pubsub_subscription", prepare=bodies.subscription),
    "pubsub.v1/projects.topics": Rule("google_pubsub_topic"),
    "redis.v1/projects.locations.instances": Rule("google_redis_instance"),
    "run.v2/projects.locations.jobs": Rule("google_cloud_run_v2_job"),
    "run.v2/projects.locations.services": Rule("google_cloud_run_v2_service"),
    "secretmanager.v1/projects.secrets": Rule(
        "google_secret_manager_secret", "secret_id", moves={"replication/automatic": "replication/auto"}
    ),
    "servicenetworking.v1/services.connections": Rule(
        "google_service_networking_connection", "", import_id="{{network}}:{{service}}"
    ),
    "spanner.v1/projects.instances": Rule("google_spanner_instance"),
    "spanner.v1/projects.instances.databases": Rule(
        "google_spanner_database", moves={"extraStatements": "ddl"}
    ),
    "sqladmin.v1/databases": Rule("google_sql_database"),
    "sqladmin.v1/instances": Rule(
        "google_sql_database_instance",
        moves={
            "instanceType": "",
            "settings/dataDiskType": "settings/disk_type",
            "settings/dataDiskSizeGb": "settings/disk_size",
            "settings/storageAutoResize": "settings/disk_autoresize",
            "settings/storageAutoResizeLimit": "settings/disk_autoresize_limit",
        },
    ),
    "sqladmin.v1/users": Rule("google_sql_user", import_id="{{project}}/{{instance}}/{{name}}"),
    "storage.v1/buckets": Rule("google_storage_bucket", prepare=bodies.bucket, import_id="{{name}}"),
    "storagetransfer.v1/transferJobs": Rule(
        "google_storage_transfer_job", prepare=bodies.transfer, import_id="{{project}}/{{name}}"
    ),
}
