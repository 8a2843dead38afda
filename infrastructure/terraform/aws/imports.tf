# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.
#
# 134 of 298 resources; the ids of the others are the cloud's own, and
# come with the flow hand-over, which reads what lives.

import {
  to = aws_budgets_budget.budget
  id = "${var.aws_account_id}:dreamnet"
}

import {
  to = awscc_s3_bucket.bucket_billing
  id = "dreamnet-${var.aws_account_id}-billing"
}

import {
  to = awscc_s3_bucket_policy.bucket_billing_policy
  id = "dreamnet-${var.aws_account_id}-billing"
}

import {
  to = awscc_s3_bucket.bucket_backups
  id = "dreamnet-${var.aws_account_id}-backups"
}

import {
  to = awscc_dynamodb_global_table.table_sessions
  id = "dreamnet-sessions"
}

import {
  to = awscc_dynamodb_table.table_agent_state
  id = "dreamnet-agent-state"
}

import {
  to = awscc_dynamodb_table.table_processed
  id = "dreamnet-processed-events"
}

import {
  to = awscc_elasticache_subnet_group.cache_subnets_second
  id = "dreamnet"
}

import {
  to = module.second.awscc_elasticache_replication_group.cache
  id = "dreamnet"
}

import {
  to = awscc_elasticache_subnet_group.cache_subnets
  id = "dreamnet"
}

import {
  to = module.first.awscc_elasticache_replication_group.cache
  id = "dreamnet"
}

import {
  to = awscc_kinesis_stream.stream_activity
  id = "dreamnet-activity"
}

import {
  to = awscc_iam_role.delivery_role
  id = "dreamnet-delivery-stream"
}

import {
  to = awscc_logs_log_group.delivery_logs
  id = "/aws/kinesisfirehose/dreamnet-activity"
}

import {
  to = awscc_kinesisfirehose_delivery_stream.delivery_activity
  id = "dreamnet-activity"
}

import {
  to = awscc_glue_database.lake_database
  id = "dreamnet"
}

import {
  to = awscc_glue_table.lake_table_activity
  id = "${var.aws_account_id}|dreamnet|activity"
}

import {
  to = awscc_iam_role.flink_role
  id = "dreamnet-flink"
}

import {
  to = awscc_kinesisanalyticsv2_application.flink
  id = "dreamnet-activity"
}

import {
  to = awscc_s3_bucket.bucket_media
  id = "dreamnet-${var.aws_account_id}-media"
}

import {
  to = awscc_s3_bucket.bucket_media_second
  id = "dreamnet-${var.aws_account_id}-media-second"
}

import {
  to = awscc_iam_role.media_replication_role
  id = "dreamnet-media-replication"
}

import {
  to = awscc_rds_db_subnet_group.database_subnets_second
  id = "dreamnet"
}

import {
  to = module.second.awscc_rds_db_parameter_group.database_parameters
  id = "dreamnet-postgres18"
}

import {
  to = awscc_rds_db_instance.database_replica
  id = "dreamnet-replica"
}

import {
  to = awscc_rds_db_subnet_group.database_subnets
  id = "dreamnet"
}

import {
  to = module.first.awscc_rds_db_parameter_group.database_parameters
  id = "dreamnet-postgres18"
}

import {
  to = awscc_rds_db_instance.database
  id = "dreamnet"
}

import {
  to = awscc_iam_role.warehouse_role
  id = "dreamnet-warehouse"
}

import {
  to = awscc_redshiftserverless_namespace.warehouse_namespace
  id = "dreamnet"
}

import {
  to = awscc_redshiftserverless_workgroup.warehouse
  id = "dreamnet"
}

import {
  to = awscc_s3_bucket.bucket_lake
  id = "dreamnet-${var.aws_account_id}-lake"
}

import {
  to = awscc_s3_bucket.bucket_functions
  id = "dreamnet-${var.aws_account_id}-functions"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_vpc_cni
  id = "dreamnet|vpc-cni"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_kube_proxy
  id = "dreamnet|kube-proxy"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_eks_pod_identity_agent
  id = "dreamnet|eks-pod-identity-agent"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_coredns
  id = "dreamnet|coredns"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_metrics_server
  id = "dreamnet|metrics-server"
}

import {
  to = awscc_eks_addon.eks_addon_eks_node_monitoring_agent
  id = "dreamnet|eks-node-monitoring-agent"
}

import {
  to = module.first.awscc_eks_addon.eks_addon_aws_ebs_csi_driver
  id = "dreamnet|aws-ebs-csi-driver"
}

import {
  to = awscc_iam_role.role_ebs_csi
  id = "dreamnet-ebs-csi"
}

import {
  to = awscc_iam_role.role_cluster_autoscaler
  id = "dreamnet-cluster-autoscaler"
}

import {
  to = awscc_iam_role.eks_cluster_role
  id = "dreamnet-eks-cluster"
}

import {
  to = awscc_eks_cluster.eks_cluster
  id = "dreamnet"
}

import {
  to = awscc_iam_role.eks_fargate_role
  id = "dreamnet-eks-fargate"
}

import {
  to = awscc_eks_fargate_profile.eks_fargate_jobs
  id = "dreamnet|jobs"
}

import {
  to = awscc_eks_fargate_profile.eks_fargate_worker
  id = "dreamnet|worker"
}

import {
  to = awscc_iam_role.role_external_secrets
  id = "dreamnet-external-secrets"
}

import {
  to = awscc_iam_role.role_metrics
  id = "dreamnet-metrics"
}

import {
  to = awscc_iam_role.role_load_balancer_controller
  id = "dreamnet-load-balancer-controller"
}

import {
  to = awscc_iam_role.role_karpenter
  id = "dreamnet-karpenter"
}

import {
  to = awscc_iam_role.role_lattice_controller
  id = "dreamnet-lattice-controller"
}

import {
  to = aws_eks_node_group.eks_nodegroup_gpu
  id = "dreamnet:gpu"
}

import {
  to = module.first.aws_eks_node_group.eks_nodegroup_spot
  id = "dreamnet:spot"
}

import {
  to = awscc_iam_role.eks_node_role
  id = "dreamnet-eks-node"
}

import {
  to = aws_eks_node_group.eks_nodegroup
  id = "dreamnet:default"
}

import {
  to = awscc_eks_cluster.eks_cluster_second
  id = "dreamnet"
}

import {
  to = aws_eks_node_group.eks_nodegroup_second
  id = "dreamnet:default"
}

import {
  to = module.second.aws_eks_node_group.eks_nodegroup_spot
  id = "dreamnet:spot"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_vpc_cni
  id = "dreamnet|vpc-cni"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_kube_proxy
  id = "dreamnet|kube-proxy"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_eks_pod_identity_agent
  id = "dreamnet|eks-pod-identity-agent"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_coredns
  id = "dreamnet|coredns"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_metrics_server
  id = "dreamnet|metrics-server"
}

import {
  to = module.second.awscc_eks_addon.eks_addon_aws_ebs_csi_driver
  id = "dreamnet|aws-ebs-csi-driver"
}

import {
  to = module.first.awscc_kms_alias.key_alias_data
  id = "alias/dreamnet-data"
}

import {
  to = module.second.awscc_kms_alias.key_alias_data
  id = "alias/dreamnet-data"
}

import {
  to = awscc_ecr_repository.registry
  id = "dreamnet/backend"
}

import {
  to = awscc_iam_role.role_backend
  id = "dreamnet-backend"
}

import {
  to = awscc_iam_role.role_agents
  id = "dreamnet-agents"
}

import {
  to = awscc_iam_role.role_worker
  id = "dreamnet-worker"
}

import {
  to = awscc_iam_role.role_pipelines
  id = "dreamnet-pipelines"
}

import {
  to = awscc_iam_role.role_operator
  id = "dreamnet-operator"
}

import {
  to = awscc_iam_role.role_delivery
  id = "dreamnet-delivery"
}

import {
  to = awscc_s3_bucket.bucket_frontend
  id = "dreamnet-${var.aws_account_id}-frontend"
}

import {
  to = awscc_s3_bucket_policy.bucket_frontend_policy
  id = "dreamnet-${var.aws_account_id}-frontend"
}

import {
  to = awscc_iam_role.function_agents_role
  id = "dreamnet-agent-worker"
}

import {
  to = awscc_logs_log_group.logs_agents
  id = "/aws/lambda/agent-worker"
}

import {
  to = awscc_lambda_function.function_agents
  id = "agent-worker"
}

import {
  to = awscc_s3_bucket.bucket_ai
  id = "dreamnet-${var.aws_account_id}-ai"
}

import {
  to = awscc_iam_role.function_enrich_role
  id = "dreamnet-enrich"
}

import {
  to = awscc_logs_log_group.logs_enrich
  id = "/aws/lambda/enrich"
}

import {
  to = awscc_lambda_function.function_enrich
  id = "enrich"
}

import {
  to = awscc_rekognition_collection.rekognition_collection
  id = "dreamnet"
}

import {
  to = awscc_rekognition_project.rekognition_project
  id = "dreamnet-scenes"
}

import {
  to = awscc_iam_role.comprehend_role
  id = "dreamnet-comprehend"
}

import {
  to = awscc_iam_role.sagemaker_role
  id = "dreamnet-sagemaker"
}

import {
  to = awscc_sagemaker_pipeline.sagemaker_pipeline
  id = "dreamnet-moods"
}

import {
  to = awscc_cloudwatch_alarm.alarm_agent_tasks_dead_letters
  id = "dreamnet-agent-tasks-dead-letters"
}

import {
  to = awscc_cloudwatch_alarm.alarm_webhooks_dead_letters
  id = "dreamnet-webhooks-dead-letters"
}

import {
  to = awscc_cloudwatch_alarm.alarm_function_dream_events
  id = "dreamnet-function-dream-events"
}

import {
  to = awscc_cloudwatch_alarm.alarm_function_dreamnet_api
  id = "dreamnet-function-dreamnet-api"
}

import {
  to = awscc_cloudwatch_alarm.alarm_function_agent_worker
  id = "dreamnet-function-agent-worker"
}

import {
  to = awscc_cloudwatch_alarm.alarm_function_webhooks
  id = "dreamnet-function-webhooks"
}

import {
  to = awscc_cloudwatch_alarm.alarm_function_enrich
  id = "dreamnet-function-enrich"
}

import {
  to = awscc_cloudwatch_alarm.alarm_api_latency
  id = "dreamnet-api-latency"
}

import {
  to = awscc_cloudwatch_alarm.alarm_api_errors
  id = "dreamnet-api-errors"
}

import {
  to = awscc_cloudwatch_alarm.alarm_api_log_errors
  id = "dreamnet-api-log-errors"
}

import {
  to = awscc_cloudwatch_alarm.alarm_agents_late
  id = "dreamnet-agents-late"
}

import {
  to = awscc_cloudwatch_alarm.alarm_database_cpu
  id = "dreamnet-database-cpu"
}

import {
  to = awscc_cloudwatch_alarm.alarm_database_storage
  id = "dreamnet-database-storage"
}

import {
  to = awscc_logs_metric_filter.log_metric_api_errors
  id = "/aws/lambda/dreamnet-api|api-errors"
}

import {
  to = awscc_logs_metric_filter.log_metric_agents_done
  id = "/aws/lambda/agent-worker|agents-done"
}

import {
  to = awscc_logs_metric_filter.log_metric_webhooks
  id = "/aws/lambda/webhooks|webhooks-processed"
}

import {
  to = awscc_cloudwatch_composite_alarm.alarm_dreamnet
  id = "dreamnet"
}

import {
  to = awscc_cloudwatch_dashboard.dashboard_services
  id = "dreamnet-services"
}

import {
  to = awscc_iam_role.event_stream_role
  id = "dreamnet-event-stream"
}

import {
  to = awscc_iam_role.function_api_role
  id = "dreamnet-api"
}

import {
  to = awscc_logs_log_group.logs_api
  id = "/aws/lambda/dreamnet-api"
}

import {
  to = awscc_lambda_function.function_api
  id = "dreamnet-api"
}

import {
  to = awscc_logs_log_group.logs_api_access
  id = "/aws/apigateway/dreamnet"
}

import {
  to = awscc_s3_bucket.bucket_audit
  id = "dreamnet-${var.aws_account_id}-audit"
}

import {
  to = awscc_s3_bucket_policy.bucket_audit_policy
  id = "dreamnet-${var.aws_account_id}-audit"
}

import {
  to = awscc_cloudtrail_trail.trail
  id = "dreamnet"
}

import {
  to = awscc_ecs_cluster.container_cluster
  id = "dreamnet"
}

import {
  to = awscc_iam_role.container_execution_role
  id = "dreamnet-container-execution"
}

import {
  to = awscc_iam_role.container_infrastructure_role
  id = "dreamnet-container-infrastructure"
}

import {
  to = awscc_iam_role.container_task_role
  id = "dreamnet-container-task"
}

import {
  to = awscc_logs_log_group.logs_container
  id = "/aws/ecs/dreamnet"
}

import {
  to = awscc_events_archive.event_archive
  id = "dreamnet"
}

import {
  to = awscc_events_event_bus.event_bus
  id = "dreamnet"
}

import {
  to = awscc_iam_role.function_role
  id = "dreamnet-dream-events"
}

import {
  to = awscc_lambda_function.function_dream_events
  id = "dream-events"
}

import {
  to = awscc_cloudwatch_alarm.alarm_dead_letters
  id = "dreamnet-dead-letters"
}

import {
  to = awscc_cloudwatch_dashboard.dashboard
  id = "dreamnet"
}

import {
  to = awscc_iam_role.function_digest_role
  id = "dreamnet-digest"
}

import {
  to = awscc_logs_log_group.logs_digest
  id = "/aws/lambda/digest"
}

import {
  to = awscc_lambda_function.function_digest
  id = "digest"
}

import {
  to = awscc_iam_role.scheduler_role
  id = "dreamnet-scheduler"
}

import {
  to = awscc_scheduler_schedule.schedule_digest
  id = "dreamnet-digest"
}

import {
  to = awscc_scheduler_schedule.schedule_agents
  id = "dreamnet-agents"
}

import {
  to = awscc_iam_role.function_webhooks_role
  id = "dreamnet-webhooks"
}

import {
  to = awscc_logs_log_group.logs_webhooks
  id = "/aws/lambda/webhooks"
}

import {
  to = awscc_lambda_function.function_webhooks
  id = "webhooks"
}
