# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/cache, aws/cache-second
resource "awscc_elasticache_replication_group" "cache" {
  replication_group_description = "DreamNet's cache"
  engine                        = "valkey"
  engine_version                = "8.0"
  cache_node_type               = "cache.t4g.micro"
  num_cache_clusters            = 1
  automatic_failover_enabled    = false
  at_rest_encryption_enabled    = true
  transit_encryption_enabled    = true
  transit_encryption_mode       = "preferred"
  port                          = 6379
  cache_subnet_group_name       = var.cache_subnet_group_name
  security_group_ids            = [awscc_ec2_security_group.cache_security_group.group_id]
  replication_group_id          = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/cache${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-policy-media, aws/bucket-policy-media-second
resource "awscc_s3_bucket_policy" "bucket_policy_media" {
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EncryptedConnectionsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [var.Resource, "${var.Resource}/*"]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })

  bucket = var.bucket
}

# aws/database-parameters, aws/database-parameters-second
resource "awscc_rds_db_parameter_group" "database_parameters" {
  family      = "postgres18"
  description = "Logical replication, encrypted connections only"

  parameters = jsonencode({
    "rds.logical_replication" = "1"
    "rds.force_ssl"           = "1"
  })

  db_parameter_group_name = "dreamnet-postgres18"

  tags = [
    { key = "dreamnet-id", value = "aws/database-parameters${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-nodegroup-spot, aws/eks-nodegroup-spot-second
resource "aws_eks_node_group" "eks_nodegroup_spot" {
  cluster_name   = "dreamnet"
  ami_type       = "AL2023_x86_64_STANDARD"
  capacity_type  = "SPOT"
  instance_types = ["t3.large", "t3a.large", "m5.large", "m6i.large"]
  disk_size      = 30

  labels = {
    "dreamnet/capacity" = "spot"
  }

  tags = {
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/eks-nodegroup-spot${var.suffix}"
  }

  node_group_name = "spot"
  node_role_arn   = var.eks_node_role_arn
  subnet_ids      = [awscc_ec2_subnet.subnet_private_a.subnet_id, awscc_ec2_subnet.subnet_private_b.subnet_id]

  scaling_config {
    min_size     = 0
    max_size     = 4
    desired_size = 0
  }

  update_config {
    max_unavailable = 1
  }

  taint {
    key    = "dreamnet/spot"
    value  = "true"
    effect = "NO_SCHEDULE"
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [
    awscc_ec2_route.route_nat,
    awscc_ec2_subnet_route_table_association.route_subnet_private_a,
    awscc_ec2_subnet_route_table_association.route_subnet_private_b,
    var.eks_nodegroup_spot_after,
  ]
}

# aws/eks-addon-vpc-cni, aws/eks-addon-vpc-cni-second
resource "awscc_eks_addon" "eks_addon_vpc_cni" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "vpc-cni"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-vpc-cni${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_nodegroup_spot_after]
}

# aws/eks-addon-kube-proxy, aws/eks-addon-kube-proxy-second
resource "awscc_eks_addon" "eks_addon_kube_proxy" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "kube-proxy"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-kube-proxy${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_nodegroup_spot_after]
}

# aws/eks-addon-eks-pod-identity-agent, aws/eks-addon-eks-pod-identity-agent-second
resource "awscc_eks_addon" "eks_addon_eks_pod_identity_agent" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "eks-pod-identity-agent"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-eks-pod-identity-agent${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_nodegroup_spot_after]
}

# aws/eks-addon-coredns, aws/eks-addon-coredns-second
resource "awscc_eks_addon" "eks_addon_coredns" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "coredns"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-coredns${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_addon_coredns_after]
}

# aws/eks-addon-metrics-server, aws/eks-addon-metrics-server-second
resource "awscc_eks_addon" "eks_addon_metrics_server" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "metrics-server"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-metrics-server${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_addon_coredns_after]
}

# aws/eks-addon-aws-ebs-csi-driver, aws/eks-addon-aws-ebs-csi-driver-second
resource "awscc_eks_addon" "eks_addon_aws_ebs_csi_driver" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"

  pod_identity_associations = [
    { service_account = "ebs-csi-controller-sa", role_arn = var.role_ebs_csi_arn },
  ]

  addon_name = "aws-ebs-csi-driver"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-aws-ebs-csi-driver${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_addon_coredns_after]
}

# aws/pod-identity-api, aws/pod-identity-api-second
resource "awscc_eks_pod_identity_association" "pod_identity_api" {
  cluster_name    = "dreamnet"
  namespace       = "dreamnet"
  service_account = "dreamnet-api"
  role_arn        = var.role_backend_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-api${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-agents, aws/pod-identity-agents-second
resource "awscc_eks_pod_identity_association" "pod_identity_agents" {
  cluster_name    = "dreamnet"
  namespace       = "dreamnet"
  service_account = "dreamnet-agents"
  role_arn        = var.role_agents_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-agents${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-worker, aws/pod-identity-worker-second
resource "awscc_eks_pod_identity_association" "pod_identity_worker" {
  cluster_name    = "dreamnet"
  namespace       = "dreamnet"
  service_account = "dreamnet-worker"
  role_arn        = var.role_worker_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-worker${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-external-secrets, aws/pod-identity-external-secrets-second
resource "awscc_eks_pod_identity_association" "pod_identity_external_secrets" {
  cluster_name    = "dreamnet"
  namespace       = "external-secrets"
  service_account = "external-secrets"
  role_arn        = var.role_external_secrets_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-external-secrets${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-metrics, aws/pod-identity-metrics-second
resource "awscc_eks_pod_identity_association" "pod_identity_metrics" {
  cluster_name    = "dreamnet"
  namespace       = "dreamnet"
  service_account = "dreamnet-yace"
  role_arn        = var.role_metrics_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-metrics${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-cluster-autoscaler, aws/pod-identity-cluster-autoscaler-second
resource "awscc_eks_pod_identity_association" "pod_identity_cluster_autoscaler" {
  cluster_name    = "dreamnet"
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  role_arn        = var.role_cluster_autoscaler_arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-cluster-autoscaler${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/pod-identity-load-balancer-controller, aws/pod-identity-load-balancer-controller-second
resource "awscc_eks_pod_identity_association" "pod_identity_load_balancer_controller" {
  cluster_name    = "dreamnet"
  namespace       = "kube-system"
  service_account = "aws-load-balancer-controller"
  role_arn        = var.role_load_balancer_controller_arn

  tags = [
    {
      key   = "dreamnet-id"
      value = "aws/pod-identity-load-balancer-controller${var.suffix}"
    },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_addon.eks_addon_eks_pod_identity_agent]
}

# aws/access-operator, aws/access-operator-second
resource "awscc_eks_access_entry" "access_operator" {
  cluster_name  = "dreamnet"
  principal_arn = var.role_operator_arn
  type          = "STANDARD"

  access_policies = [
    {
      policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
      access_scope = {
        type       = "namespace"
        namespaces = ["dreamnet"]
      }
    },
    {
      policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
      access_scope = {
        type = "cluster"
      }
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/access-operator${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [var.eks_nodegroup_spot_after]
}

# aws/key-data, aws/key-data-second
resource "awscc_kms_key" "key_data" {
  description            = var.description
  enable_key_rotation    = true
  pending_window_in_days = 30

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Account"
        Effect = "Allow"
        Principal = {
          AWS = "arn:aws:iam::${var.aws_account_id}:root"
        }
        Action   = "kms:*"
        Resource = "*"
      },
    ]
  })

  tags = [
    { key = "dreamnet-id", value = "aws/key-data${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/key-alias-data, aws/key-alias-data-second
resource "awscc_kms_alias" "key_alias_data" {
  target_key_id = awscc_kms_key.key_data.key_id
  alias_name    = "alias/dreamnet-data"
}

# aws/vpc, aws/vpc-second
resource "awscc_ec2_vpc" "vpc" {
  cidr_block           = var.cidr_block
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = [
    { key = "dreamnet-id", value = "aws/vpc${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/internet-gateway, aws/internet-gateway-second
resource "awscc_ec2_internet_gateway" "internet_gateway" {
  tags = [
    { key = "dreamnet-id", value = "aws/internet-gateway${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/internet-gateway-attachment, aws/internet-gateway-attachment-second
resource "awscc_ec2_vpc_gateway_attachment" "internet_gateway_attachment" {
  vpc_id              = awscc_ec2_vpc.vpc.vpc_id
  internet_gateway_id = awscc_ec2_internet_gateway.internet_gateway.internet_gateway_id
}

# aws/subnet-a, aws/subnet-second-a
resource "awscc_ec2_subnet" "subnet_a" {
  vpc_id                  = awscc_ec2_vpc.vpc.vpc_id
  availability_zone       = "${var.region}a"
  cidr_block              = var.subnet_a_cidr_block
  map_public_ip_on_launch = true
  tags                    = var.tags
}

# aws/subnet-b, aws/subnet-second-b
resource "awscc_ec2_subnet" "subnet_b" {
  vpc_id                  = awscc_ec2_vpc.vpc.vpc_id
  availability_zone       = "${var.region}b"
  cidr_block              = var.subnet_b_cidr_block
  map_public_ip_on_launch = true
  tags                    = var.subnet_b_tags
}

# aws/subnet-private-a, aws/subnet-second-private-a
resource "awscc_ec2_subnet" "subnet_private_a" {
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id
  availability_zone = "${var.region}a"
  cidr_block        = var.subnet_private_a_cidr_block

  tags = [
    { key = "dreamnet-id", value = "aws/subnet${var.suffix}-private-a" },
    { key = "kubernetes.io/role/internal-elb", value = "1" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/subnet-private-b, aws/subnet-second-private-b
resource "awscc_ec2_subnet" "subnet_private_b" {
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id
  availability_zone = "${var.region}b"
  cidr_block        = var.subnet_private_b_cidr_block

  tags = [
    { key = "dreamnet-id", value = "aws/subnet${var.suffix}-private-b" },
    { key = "kubernetes.io/role/internal-elb", value = "1" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/route-table, aws/route-table-second
resource "awscc_ec2_route_table" "route_table" {
  vpc_id = awscc_ec2_vpc.vpc.vpc_id

  tags = [
    { key = "dreamnet-id", value = "aws/route-table${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/route-internet, aws/route-internet-second
resource "awscc_ec2_route" "route_internet" {
  route_table_id         = awscc_ec2_route_table.route_table.route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = awscc_ec2_internet_gateway.internet_gateway.internet_gateway_id
  depends_on             = [awscc_ec2_vpc_gateway_attachment.internet_gateway_attachment]
}

# aws/route-subnet-a, aws/route-subnet-second-a
resource "awscc_ec2_subnet_route_table_association" "route_subnet_a" {
  route_table_id = awscc_ec2_route_table.route_table.route_table_id
  subnet_id      = awscc_ec2_subnet.subnet_a.subnet_id
}

# aws/route-subnet-b, aws/route-subnet-second-b
resource "awscc_ec2_subnet_route_table_association" "route_subnet_b" {
  route_table_id = awscc_ec2_route_table.route_table.route_table_id
  subnet_id      = awscc_ec2_subnet.subnet_b.subnet_id
}

# aws/nat-address, aws/nat-address-second
resource "awscc_ec2_eip" "nat_address" {
  domain = "vpc"

  tags = [
    { key = "dreamnet-id", value = "aws/nat-address${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_ec2_vpc_gateway_attachment.internet_gateway_attachment]
}

# aws/nat, aws/nat-second
resource "awscc_ec2_nat_gateway" "nat" {
  subnet_id         = awscc_ec2_subnet.subnet_a.subnet_id
  allocation_id     = awscc_ec2_eip.nat_address.allocation_id
  connectivity_type = "public"

  tags = [
    { key = "dreamnet-id", value = "aws/nat${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/route-table-private, aws/route-table-second-private
resource "awscc_ec2_route_table" "route_table_private" {
  vpc_id = awscc_ec2_vpc.vpc.vpc_id

  tags = [
    { key = "dreamnet-id", value = "aws/route-table${var.suffix}-private" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/route-nat, aws/route-nat-second
resource "awscc_ec2_route" "route_nat" {
  route_table_id         = awscc_ec2_route_table.route_table_private.route_table_id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = awscc_ec2_nat_gateway.nat.nat_gateway_id
}

# aws/route-subnet-private-a, aws/route-subnet-second-private-a
resource "awscc_ec2_subnet_route_table_association" "route_subnet_private_a" {
  route_table_id = awscc_ec2_route_table.route_table_private.route_table_id
  subnet_id      = awscc_ec2_subnet.subnet_private_a.subnet_id
}

# aws/route-subnet-private-b, aws/route-subnet-second-private-b
resource "awscc_ec2_subnet_route_table_association" "route_subnet_private_b" {
  route_table_id = awscc_ec2_route_table.route_table_private.route_table_id
  subnet_id      = awscc_ec2_subnet.subnet_private_b.subnet_id
}

# aws/endpoint-s3, aws/endpoint-s3-second
resource "awscc_ec2_vpc_endpoint" "endpoint_s3" {
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.region}.s3"

  route_table_ids = [
    awscc_ec2_route_table.route_table.route_table_id,
    awscc_ec2_route_table.route_table_private.route_table_id,
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/endpoint-s3${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/endpoint-dynamodb, aws/endpoint-dynamodb-second
resource "awscc_ec2_vpc_endpoint" "endpoint_dynamodb" {
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.region}.dynamodb"

  route_table_ids = [
    awscc_ec2_route_table.route_table.route_table_id,
    awscc_ec2_route_table.route_table_private.route_table_id,
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/endpoint-dynamodb${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/ingress-security-group, aws/ingress-security-group-second
resource "awscc_ec2_security_group" "ingress_security_group" {
  group_name        = "dreamnet-ingress"
  group_description = "The load balancer from anywhere"
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id

  security_group_ingress = [
    {
      description = "HTTPS"
      ip_protocol = "tcp"
      from_port   = 443
      to_port     = 443
      cidr_ip     = "0.0.0.0/0"
    },
    {
      description = "HTTP, to be redirected"
      ip_protocol = "tcp"
      from_port   = 80
      to_port     = 80
      cidr_ip     = "0.0.0.0/0"
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/ingress-security-group${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/database-security-group, aws/database-security-group-second
resource "awscc_ec2_security_group" "database_security_group" {
  group_name        = "dreamnet-database"
  group_description = "PostgreSQL from inside the network"
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id

  security_group_ingress = [
    {
      description = "PostgreSQL"
      ip_protocol = "tcp"
      from_port   = 5432
      to_port     = 5432
      cidr_ip     = var.cidr_block
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/database-security-group${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/cache-security-group, aws/cache-security-group-second
resource "awscc_ec2_security_group" "cache_security_group" {
  group_name        = "dreamnet-cache"
  group_description = "Valkey from inside the network"
  vpc_id            = awscc_ec2_vpc.vpc.vpc_id

  security_group_ingress = [
    {
      description = "Valkey"
      ip_protocol = "tcp"
      from_port   = 6379
      to_port     = 6379
      cidr_ip     = var.cidr_block
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/cache-security-group${var.suffix}" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}
