# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

output "cache_primary_end_point_address" {
  value = awscc_elasticache_replication_group.cache.primary_end_point.address
}

output "database_parameters_db_parameter_group_name" {
  value = awscc_rds_db_parameter_group.database_parameters.db_parameter_group_name
}

output "database_security_group_group_id" {
  value = awscc_ec2_security_group.database_security_group.group_id
}

output "eks_addon_eks_pod_identity_agent_id" {
  value = awscc_eks_addon.eks_addon_eks_pod_identity_agent.id
}

output "key_data_arn" {
  value = awscc_kms_key.key_data.arn
}

output "route_internet_id" {
  value = awscc_ec2_route.route_internet.id
}

output "route_nat_id" {
  value = awscc_ec2_route.route_nat.id
}

output "route_subnet_a_id" {
  value = awscc_ec2_subnet_route_table_association.route_subnet_a.id
}

output "route_subnet_b_id" {
  value = awscc_ec2_subnet_route_table_association.route_subnet_b.id
}

output "route_subnet_private_a_id" {
  value = awscc_ec2_subnet_route_table_association.route_subnet_private_a.id
}

output "route_subnet_private_b_id" {
  value = awscc_ec2_subnet_route_table_association.route_subnet_private_b.id
}

output "route_table_private_route_table_id" {
  value = awscc_ec2_route_table.route_table_private.route_table_id
}

output "subnet_a_subnet_id" {
  value = awscc_ec2_subnet.subnet_a.subnet_id
}

output "subnet_b_subnet_id" {
  value = awscc_ec2_subnet.subnet_b.subnet_id
}

output "subnet_private_a_subnet_id" {
  value = awscc_ec2_subnet.subnet_private_a.subnet_id
}

output "subnet_private_b_subnet_id" {
  value = awscc_ec2_subnet.subnet_private_b.subnet_id
}

output "vpc_vpc_id" {
  value = awscc_ec2_vpc.vpc.vpc_id
}
