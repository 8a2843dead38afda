# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

output "accelerator_dns_name" {
  description = "dns_name of aws/accelerator."
  value       = awscc_globalaccelerator_accelerator.accelerator.dns_name
}

output "api_api_endpoint" {
  description = "api_endpoint of aws/api."
  value       = awscc_apigatewayv2_api.api.api_endpoint
}

output "cache_primary_end_point_address" {
  description = "primary_end_point.address of aws/cache."
  value       = module.first.cache_primary_end_point_address
}

output "cache_second_primary_end_point_address" {
  description = "primary_end_point.address of aws/cache-second."
  value       = module.second.cache_primary_end_point_address
}

output "cdn_domain_name" {
  description = "domain_name of aws/cdn."
  value       = aws_cloudfront_distribution.cdn.domain_name
}

output "database_endpoint_address" {
  description = "endpoint.address of aws/database."
  value       = awscc_rds_db_instance.database.endpoint.address
}

output "database_replica_endpoint_address" {
  description = "endpoint.address of aws/database-replica."
  value       = awscc_rds_db_instance.database_replica.endpoint.address
}

output "eks_cluster_endpoint" {
  description = "endpoint of aws/eks-cluster."
  value       = awscc_eks_cluster.eks_cluster.endpoint
}

output "eks_cluster_second_endpoint" {
  description = "endpoint of aws/eks-cluster-second."
  value       = awscc_eks_cluster.eks_cluster_second.endpoint
}

output "queue_queue_url" {
  description = "queue_url of aws/queue."
  value       = awscc_sqs_queue.queue.queue_url
}

output "queue_agents_queue_url" {
  description = "queue_url of aws/queue-agents."
  value       = awscc_sqs_queue.queue_agents.queue_url
}

output "queue_agents_dead_letters_queue_url" {
  description = "queue_url of aws/queue-agents-dead-letters."
  value       = awscc_sqs_queue.queue_agents_dead_letters.queue_url
}

output "queue_dead_letters_queue_url" {
  description = "queue_url of aws/queue-dead-letters."
  value       = awscc_sqs_queue.queue_dead_letters.queue_url
}

output "queue_karpenter_queue_url" {
  description = "queue_url of aws/queue-karpenter."
  value       = awscc_sqs_queue.queue_karpenter.queue_url
}

output "queue_media_queue_url" {
  description = "queue_url of aws/queue-media."
  value       = awscc_sqs_queue.queue_media.queue_url
}

output "queue_media_dead_letters_queue_url" {
  description = "queue_url of aws/queue-media-dead-letters."
  value       = awscc_sqs_queue.queue_media_dead_letters.queue_url
}

output "queue_webhooks_queue_url" {
  description = "queue_url of aws/queue-webhooks."
  value       = awscc_sqs_queue.queue_webhooks.queue_url
}

output "queue_webhooks_dead_letters_queue_url" {
  description = "queue_url of aws/queue-webhooks-dead-letters."
  value       = awscc_sqs_queue.queue_webhooks_dead_letters.queue_url
}

output "registry_repository_uri" {
  description = "repository_uri of aws/registry."
  value       = awscc_ecr_repository.registry.repository_uri
}
