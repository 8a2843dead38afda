# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

variable "Resource" {
  description = "First region: awscc_s3_bucket.bucket_media.arn; second: awscc_s3_bucket.bucket_media_second.arn"
  type        = any
}

variable "aws_account_id" {
  description = "Both regions: var.aws_account_id"
  type        = string
}

variable "bucket" {
  description = "First region: awscc_s3_bucket.bucket_media.bucket_name; second: awscc_s3_bucket.bucket_media_second.bucket_name"
  type        = any
}

variable "cache_subnet_group_name" {
  description = "First region: awscc_elasticache_subnet_group.cache_subnets.cache_subnet_group_name; second: awscc_elasticache_subnet_group.cache_subnets_second.cache_subnet_group_name"
  type        = any
}

variable "cidr_block" {
  description = "First region: 10.30.0.0/16; second: 10.31.0.0/16"
  type        = string
}

variable "description" {
  description = "First region: DreamNet's databases, streams and secrets; second: DreamNet's replicas in the second region"
  type        = string
}

variable "eks_addon_coredns_after" {
  description = "Both regions: a list"
  type        = any
}

variable "eks_node_role_arn" {
  description = "Both regions: awscc_iam_role.eks_node_role.arn"
  type        = any
}

variable "eks_nodegroup_spot_after" {
  description = "Both regions: a list"
  type        = any
}

variable "region" {
  description = "First region: var.aws_region; second: var.aws_second_region"
  type        = string
}

variable "role_agents_arn" {
  description = "Both regions: awscc_iam_role.role_agents.arn"
  type        = any
}

variable "role_backend_arn" {
  description = "Both regions: awscc_iam_role.role_backend.arn"
  type        = any
}

variable "role_cluster_autoscaler_arn" {
  description = "Both regions: awscc_iam_role.role_cluster_autoscaler.arn"
  type        = any
}

variable "role_ebs_csi_arn" {
  description = "Both regions: awscc_iam_role.role_ebs_csi.arn"
  type        = any
}

variable "role_external_secrets_arn" {
  description = "Both regions: awscc_iam_role.role_external_secrets.arn"
  type        = any
}

variable "role_load_balancer_controller_arn" {
  description = "Both regions: awscc_iam_role.role_load_balancer_controller.arn"
  type        = any
}

variable "role_metrics_arn" {
  description = "Both regions: awscc_iam_role.role_metrics.arn"
  type        = any
}

variable "role_operator_arn" {
  description = "Both regions: awscc_iam_role.role_operator.arn"
  type        = any
}

variable "role_worker_arn" {
  description = "Both regions: awscc_iam_role.role_worker.arn"
  type        = any
}

variable "subnet_a_cidr_block" {
  description = "First region: 10.30.0.0/20; second: 10.31.0.0/20"
  type        = string
}

variable "subnet_b_cidr_block" {
  description = "First region: 10.30.16.0/20; second: 10.31.16.0/20"
  type        = string
}

variable "subnet_b_tags" {
  description = "Both regions: a list"
  type        = any
}

variable "subnet_private_a_cidr_block" {
  description = "First region: 10.30.32.0/20; second: 10.31.32.0/20"
  type        = string
}

variable "subnet_private_b_cidr_block" {
  description = "First region: 10.30.48.0/20; second: 10.31.48.0/20"
  type        = string
}

variable "suffix" {
  description = "First region: nothing; second: -second"
  type        = string
}

variable "tags" {
  description = "Both regions: a list"
  type        = any
}
