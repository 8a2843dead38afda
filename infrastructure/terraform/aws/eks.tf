# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/access-delivery
resource "awscc_eks_access_entry" "access_delivery" {
  cluster_name  = "dreamnet"
  principal_arn = awscc_iam_role.role_delivery.arn
  type          = "STANDARD"

  access_policies = [
    {
      policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
      access_scope = {
        type       = "namespace"
        namespaces = ["dreamnet"]
      }
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/access-delivery" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_cluster.eks_cluster]
}

# aws/eks-addon-eks-node-monitoring-agent
resource "awscc_eks_addon" "eks_addon_eks_node_monitoring_agent" {
  cluster_name      = "dreamnet"
  resolve_conflicts = "OVERWRITE"
  addon_name        = "eks-node-monitoring-agent"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-addon-eks-node-monitoring-agent" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eks_cluster.eks_cluster]
}

# aws/role-ebs-csi
resource "awscc_iam_role" "role_ebs_csi" {
  description = "Makes, attaches and deletes the clusters' volumes"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "pods.eks.amazonaws.com"
        }
        Action = ["sts:AssumeRole", "sts:TagSession"]
      },
    ]
  })

  managed_policy_arns = ["arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"]
  role_name           = "dreamnet-ebs-csi"

  tags = [
    { key = "dreamnet-id", value = "aws/role-ebs-csi" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/policy-cluster-autoscaler
resource "awscc_iam_managed_policy" "policy_cluster_autoscaler" {
  managed_policy_name = "dreamnet-cluster-autoscaler"
  description         = "See all groups, resize those of the clusters named dreamnet"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags",
          "ec2:DescribeImages",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions",
          "ec2:GetInstanceTypesFromInstanceRequirements",
        ]
        Resource = "*"
      },
      {
        Sid      = "Groups"
        Effect   = "Allow"
        Action   = ["eks:DescribeNodegroup"]
        Resource = "arn:aws:eks:*:${var.aws_account_id}:nodegroup/dreamnet/*"
      },
      {
        Sid      = "Resize"
        Effect   = "Allow"
        Action   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource = "arn:aws:autoscaling:*:${var.aws_account_id}:autoScalingGroup:*"
        Condition = {
          StringEquals = {
            "aws:ResourceTag/eks:cluster-name" = "dreamnet"
          }
        }
      },
    ]
  })
}

# aws/role-cluster-autoscaler
resource "awscc_iam_role" "role_cluster_autoscaler" {
  description = "The Cluster Autoscaler, lent to its pod"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "pods.eks.amazonaws.com"
        }
        Action = ["sts:AssumeRole", "sts:TagSession"]
      },
    ]
  })

  managed_policy_arns = [awscc_iam_managed_policy.policy_cluster_autoscaler.policy_arn]
  role_name           = "dreamnet-cluster-autoscaler"

  tags = [
    { key = "dreamnet-id", value = "aws/role-cluster-autoscaler" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-cluster-role
resource "awscc_iam_role" "eks_cluster_role" {
  description = "What the EKS control plane may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "eks.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]
  role_name           = "dreamnet-eks-cluster"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-cluster-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-cluster
resource "awscc_eks_cluster" "eks_cluster" {
  version  = "1.35"
  role_arn = awscc_iam_role.eks_cluster_role.arn

  upgrade_policy = {
    support_type = "STANDARD"
  }

  access_config = {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  resources_vpc_config = {
    subnet_ids              = [module.first.subnet_a_subnet_id, module.first.subnet_b_subnet_id]
    endpoint_public_access  = true
    endpoint_private_access = true
  }

  name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-cluster" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.first.route_internet_id, module.first.route_subnet_a_id, module.first.route_subnet_b_id]
}

# aws/eks-fargate-role
resource "awscc_iam_role" "eks_fargate_role" {
  description = "Pulls images and writes logs for the pods on Fargate"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "eks-fargate-pods.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:aws:eks:*:${var.aws_account_id}:fargateprofile/dreamnet/*"
          }
        }
      },
    ]
  })

  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy"]
  role_name           = "dreamnet-eks-fargate"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-fargate-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-fargate-jobs
resource "awscc_eks_fargate_profile" "eks_fargate_jobs" {
  cluster_name           = "dreamnet"
  pod_execution_role_arn = awscc_iam_role.eks_fargate_role.arn
  subnets                = [module.first.subnet_private_a_subnet_id, module.first.subnet_private_b_subnet_id]

  selectors = [
    { namespace = "dreamnet-jobs" },
  ]

  fargate_profile_name = "jobs"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-fargate-jobs" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [
    awscc_eks_cluster.eks_cluster,
    module.first.route_nat_id,
    module.first.route_subnet_private_a_id,
    module.first.route_subnet_private_b_id,
  ]
}

# aws/eks-fargate-worker
resource "awscc_eks_fargate_profile" "eks_fargate_worker" {
  cluster_name           = "dreamnet"
  pod_execution_role_arn = awscc_iam_role.eks_fargate_role.arn
  subnets                = [module.first.subnet_private_a_subnet_id, module.first.subnet_private_b_subnet_id]

  selectors = [
    {
      namespace = "prefect"
      labels = [
        { key = "app", value = "prefect-worker" },
      ]
    },
  ]

  fargate_profile_name = "worker"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-fargate-worker" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [
    awscc_eks_fargate_profile.eks_fargate_jobs,
    module.first.route_nat_id,
    module.first.route_subnet_private_a_id,
    module.first.route_subnet_private_b_id,
  ]
}

# aws/policy-load-balancer-controller
resource "awscc_iam_managed_policy" "policy_load_balancer_controller" {
  managed_policy_name = "dreamnet-load-balancer-controller"
  description         = "Make and change load balancers and groups that carry the cluster's tag"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "acm:DescribeCertificate",
          "acm:ListCertificates",
          "ec2:DescribeAccountAttributes",
          "ec2:DescribeAddresses",
          "ec2:DescribeAvailabilityZones",
          "ec2:DescribeInstances",
          "ec2:DescribeInternetGateways",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRouteTables",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeTags",
          "ec2:DescribeVpcPeeringConnections",
          "ec2:DescribeVpcs",
          "ec2:GetSecurityGroupsForVpc",
          "elasticloadbalancing:DescribeCapacityReservation",
          "elasticloadbalancing:DescribeListenerAttributes",
          "elasticloadbalancing:DescribeListenerCertificates",
          "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancerAttributes",
          "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeRules",
          "elasticloadbalancing:DescribeSSLPolicies",
          "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
          "elasticloadbalancing:DescribeTrustStores",
          "wafv2:GetWebACL",
          "wafv2:GetWebACLForResource",
        ]
        Resource = "*"
      },
      {
        Sid      = "ServiceLinkedRole"
        Effect   = "Allow"
        Action   = ["iam:CreateServiceLinkedRole"]
        Resource = "arn:aws:iam::${var.aws_account_id}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"
        Condition = {
          StringEquals = {
            "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com"
          }
        }
      },
      {
        Sid    = "Firewall"
        Effect = "Allow"
        Action = ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "elasticloadbalancing:SetWebAcl"]
        Resource = [
          "arn:aws:wafv2:*:${var.aws_account_id}:regional/webacl/dreamnet*/*",
          "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:loadbalancer/app/*",
        ]
      },
      {
        Sid    = "NewGroups"
        Effect = "Allow"
        Action = ["ec2:CreateSecurityGroup"]
        Resource = [
          "arn:aws:ec2:*:${var.aws_account_id}:security-group/*",
          "arn:aws:ec2:*:${var.aws_account_id}:vpc/*",
        ]
      },
      {
        Sid      = "TagNewGroups"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = "arn:aws:ec2:*:${var.aws_account_id}:security-group/*"
        Condition = {
          StringEquals = {
            "ec2:CreateAction" = "CreateSecurityGroup"
          }
          Null = {
            "aws:RequestTag/elbv2.k8s.aws/cluster" = "false"
          }
        }
      },
      {
        Sid      = "TagOwnGroups"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags", "ec2:DeleteTags"]
        Resource = "arn:aws:ec2:*:${var.aws_account_id}:security-group/*"
        Condition = {
          Null = {
            "aws:RequestTag/elbv2.k8s.aws/cluster"  = "true"
            "aws:ResourceTag/elbv2.k8s.aws/cluster" = "false"
          }
        }
      },
      {
        Sid      = "Rules"
        Effect   = "Allow"
        Action   = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
        Resource = "arn:aws:ec2:*:${var.aws_account_id}:security-group/*"
      },
      {
        Sid      = "DeleteOwnGroups"
        Effect   = "Allow"
        Action   = ["ec2:DeleteSecurityGroup"]
        Resource = "arn:aws:ec2:*:${var.aws_account_id}:security-group/*"
        Condition = {
          Null = {
            "aws:ResourceTag/elbv2.k8s.aws/cluster" = "false"
          }
        }
      },
      {
        Sid      = "NewBalancers"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
        Resource = "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:*"
        Condition = {
          Null = {
            "aws:RequestTag/elbv2.k8s.aws/cluster" = "false"
          }
        }
      },
      {
        Sid    = "Listeners"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddListenerCertificates",
          "elasticloadbalancing:CreateListener",
          "elasticloadbalancing:CreateRule",
          "elasticloadbalancing:DeleteListener",
          "elasticloadbalancing:DeleteRule",
          "elasticloadbalancing:ModifyListener",
          "elasticloadbalancing:ModifyListenerAttributes",
          "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:RemoveListenerCertificates",
          "elasticloadbalancing:SetRulePriorities",
        ]
        Resource = "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:*"
      },
      {
        Sid      = "Tags"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"]
        Resource = "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:*"
      },
      {
        Sid    = "OwnBalancers"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:DeleteLoadBalancer",
          "elasticloadbalancing:DeleteTargetGroup",
          "elasticloadbalancing:ModifyLoadBalancerAttributes",
          "elasticloadbalancing:ModifyTargetGroup",
          "elasticloadbalancing:ModifyTargetGroupAttributes",
          "elasticloadbalancing:SetIpAddressType",
          "elasticloadbalancing:SetSecurityGroups",
          "elasticloadbalancing:SetSubnets",
        ]
        Resource = "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:*"
        Condition = {
          Null = {
            "aws:ResourceTag/elbv2.k8s.aws/cluster" = "false"
          }
        }
      },
      {
        Sid      = "Targets"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
        Resource = "arn:aws:elasticloadbalancing:*:${var.aws_account_id}:targetgroup/*"
      },
    ]
  })
}

# aws/role-load-balancer-controller
resource "awscc_iam_role" "role_load_balancer_controller" {
  description = "The AWS Load Balancer Controller, lent to its pod"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "pods.eks.amazonaws.com"
        }
        Action = ["sts:AssumeRole", "sts:TagSession"]
      },
    ]
  })

  managed_policy_arns = [awscc_iam_managed_policy.policy_load_balancer_controller.policy_arn]
  role_name           = "dreamnet-load-balancer-controller"

  tags = [
    { key = "dreamnet-id", value = "aws/role-load-balancer-controller" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-nodegroup-gpu
resource "aws_eks_node_group" "eks_nodegroup_gpu" {
  cluster_name   = "dreamnet"
  ami_type       = "AL2023_x86_64_NVIDIA"
  capacity_type  = "SPOT"
  instance_types = ["g4dn.xlarge", "g5.xlarge"]
  disk_size      = 80

  labels = {
    "dreamnet/accelerator" = "nvidia"
  }

  tags = {
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/eks-nodegroup-gpu"
  }

  node_group_name = "gpu"
  node_role_arn   = awscc_iam_role.eks_node_role.arn
  subnet_ids      = [module.first.subnet_private_a_subnet_id, module.first.subnet_private_b_subnet_id]

  scaling_config {
    min_size     = 0
    max_size     = 1
    desired_size = 0
  }

  update_config {
    max_unavailable = 1
  }

  taint {
    key    = "nvidia.com/gpu"
    value  = "present"
    effect = "NO_SCHEDULE"
  }

  depends_on = [
    awscc_eks_cluster.eks_cluster,
    module.first.route_nat_id,
    module.first.route_subnet_private_a_id,
    module.first.route_subnet_private_b_id,
  ]
}

# aws/eks-node-role
resource "awscc_iam_role" "eks_node_role" {
  description = "What the EKS nodes may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "ec2.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  managed_policy_arns = [
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
  ]

  role_name = "dreamnet-eks-node"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-node-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/eks-nodegroup
resource "aws_eks_node_group" "eks_nodegroup" {
  cluster_name   = "dreamnet"
  ami_type       = "AL2023_x86_64_STANDARD"
  capacity_type  = "ON_DEMAND"
  instance_types = ["t3.medium"]
  disk_size      = 30

  tags = {
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/eks-nodegroup"
  }

  node_group_name = "default"
  node_role_arn   = awscc_iam_role.eks_node_role.arn
  subnet_ids      = [module.first.subnet_a_subnet_id, module.first.subnet_b_subnet_id]

  scaling_config {
    min_size     = 1
    max_size     = 3
    desired_size = 2
  }

  update_config {
    max_unavailable = 1
  }

  depends_on = [awscc_eks_cluster.eks_cluster]
}

# aws/pod-identity-pipelines
resource "awscc_eks_pod_identity_association" "pod_identity_pipelines" {
  cluster_name    = "dreamnet"
  namespace       = "prefect"
  service_account = "prefect-pipelines"
  role_arn        = awscc_iam_role.role_pipelines.arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-pipelines" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.first.eks_addon_eks_pod_identity_agent_id]
}

# aws/pod-identity-operator
resource "awscc_eks_pod_identity_association" "pod_identity_operator" {
  cluster_name    = "dreamnet"
  namespace       = "prefect"
  service_account = "prefect-worker"
  role_arn        = awscc_iam_role.role_operator.arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-operator" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.first.eks_addon_eks_pod_identity_agent_id]
}

# aws/eks-cluster-second
resource "awscc_eks_cluster" "eks_cluster_second" {
  provider = awscc.second
  version  = "1.35"
  role_arn = awscc_iam_role.eks_cluster_role.arn

  upgrade_policy = {
    support_type = "STANDARD"
  }

  access_config = {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  resources_vpc_config = {
    subnet_ids = [
      module.second.subnet_a_subnet_id,
      module.second.subnet_b_subnet_id,
      module.second.subnet_private_a_subnet_id,
      module.second.subnet_private_b_subnet_id,
    ]
    endpoint_public_access  = true
    endpoint_private_access = true
  }

  name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/eks-cluster-second" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.second.route_internet_id, module.second.route_subnet_a_id, module.second.route_subnet_b_id]
}

# aws/eks-nodegroup-second
resource "aws_eks_node_group" "eks_nodegroup_second" {
  provider       = aws.second
  cluster_name   = "dreamnet"
  ami_type       = "AL2023_x86_64_STANDARD"
  capacity_type  = "ON_DEMAND"
  instance_types = ["t3.medium"]
  disk_size      = 30

  tags = {
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/eks-nodegroup-second"
  }

  node_group_name = "default"
  node_role_arn   = awscc_iam_role.eks_node_role.arn
  subnet_ids      = [module.second.subnet_private_a_subnet_id, module.second.subnet_private_b_subnet_id]

  scaling_config {
    min_size     = 1
    max_size     = 3
    desired_size = 1
  }

  update_config {
    max_unavailable = 1
  }

  depends_on = [
    awscc_eks_cluster.eks_cluster_second,
    module.second.route_nat_id,
    module.second.route_subnet_private_a_id,
    module.second.route_subnet_private_b_id,
  ]
}
