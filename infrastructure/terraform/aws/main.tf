# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

provider "aws" {
  region = var.aws_region
}

provider "aws" {
  alias  = "second"
  region = var.aws_second_region
}

provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

provider "awscc" {
  region = var.aws_region
}

provider "awscc" {
  alias  = "second"
  region = var.aws_second_region
}

provider "awscc" {
  alias  = "us_east_1"
  region = "us-east-1"
}

provider "awscc" {
  alias  = "us_west_2"
  region = "us-west-2"
}

module "first" {
  source                            = "../modules/aws-region"
  Resource                          = awscc_s3_bucket.bucket_media.arn
  aws_account_id                    = var.aws_account_id
  bucket                            = awscc_s3_bucket.bucket_media.bucket_name
  cache_subnet_group_name           = awscc_elasticache_subnet_group.cache_subnets.cache_subnet_group_name
  cidr_block                        = "10.30.0.0/16"
  description                       = "DreamNet's databases, streams and secrets"
  eks_addon_coredns_after           = [awscc_eks_cluster.eks_cluster.id, aws_eks_node_group.eks_nodegroup.id]
  eks_node_role_arn                 = awscc_iam_role.eks_node_role.arn
  eks_nodegroup_spot_after          = [awscc_eks_cluster.eks_cluster.id]
  region                            = var.aws_region
  role_agents_arn                   = awscc_iam_role.role_agents.arn
  role_backend_arn                  = awscc_iam_role.role_backend.arn
  role_cluster_autoscaler_arn       = awscc_iam_role.role_cluster_autoscaler.arn
  role_ebs_csi_arn                  = awscc_iam_role.role_ebs_csi.arn
  role_external_secrets_arn         = awscc_iam_role.role_external_secrets.arn
  role_load_balancer_controller_arn = awscc_iam_role.role_load_balancer_controller.arn
  role_metrics_arn                  = awscc_iam_role.role_metrics.arn
  role_operator_arn                 = awscc_iam_role.role_operator.arn
  role_worker_arn                   = awscc_iam_role.role_worker.arn
  subnet_a_cidr_block               = "10.30.0.0/20"
  subnet_b_cidr_block               = "10.30.16.0/20"

  subnet_b_tags = [
    { key = "dreamnet-id", value = "aws/subnet-b" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  subnet_private_a_cidr_block = "10.30.32.0/20"
  subnet_private_b_cidr_block = "10.30.48.0/20"
  suffix                      = ""

  tags = [
    { key = "dreamnet-id", value = "aws/subnet-a" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

module "second" {
  source = "../modules/aws-region"

  providers = {
    aws   = aws.second
    awscc = awscc.second
  }

  Resource                          = awscc_s3_bucket.bucket_media_second.arn
  aws_account_id                    = var.aws_account_id
  bucket                            = awscc_s3_bucket.bucket_media_second.bucket_name
  cache_subnet_group_name           = awscc_elasticache_subnet_group.cache_subnets_second.cache_subnet_group_name
  cidr_block                        = "10.31.0.0/16"
  description                       = "DreamNet's replicas in the second region"
  eks_addon_coredns_after           = [awscc_eks_cluster.eks_cluster_second.id, aws_eks_node_group.eks_nodegroup_second.id]
  eks_node_role_arn                 = awscc_iam_role.eks_node_role.arn
  eks_nodegroup_spot_after          = [awscc_eks_cluster.eks_cluster_second.id]
  region                            = var.aws_second_region
  role_agents_arn                   = awscc_iam_role.role_agents.arn
  role_backend_arn                  = awscc_iam_role.role_backend.arn
  role_cluster_autoscaler_arn       = awscc_iam_role.role_cluster_autoscaler.arn
  role_ebs_csi_arn                  = awscc_iam_role.role_ebs_csi.arn
  role_external_secrets_arn         = awscc_iam_role.role_external_secrets.arn
  role_load_balancer_controller_arn = awscc_iam_role.role_load_balancer_controller.arn
  role_metrics_arn                  = awscc_iam_role.role_metrics.arn
  role_operator_arn                 = awscc_iam_role.role_operator.arn
  role_worker_arn                   = awscc_iam_role.role_worker.arn
  subnet_a_cidr_block               = "10.31.0.0/20"
  subnet_b_cidr_block               = "10.31.16.0/20"

  subnet_b_tags = [
    { key = "dreamnet-id", value = "aws/subnet-second-b" },
    { key = "kubernetes.io/role/elb", value = "1" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  subnet_private_a_cidr_block = "10.31.32.0/20"
  subnet_private_b_cidr_block = "10.31.48.0/20"
  suffix                      = "-second"

  tags = [
    { key = "dreamnet-id", value = "aws/subnet-second-a" },
    { key = "kubernetes.io/role/elb", value = "1" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}
