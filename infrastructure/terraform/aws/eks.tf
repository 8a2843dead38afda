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

# aws/role-external-secrets
resource "awscc_iam_role" "role_external_secrets" {
  description = "External Secrets Operator, lent to its pods"

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

  policies = [
    {
      policy_name = "keys"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "BackendsKeys"
            Effect = "Allow"
            Action = [
              "secretsmanager:DescribeSecret",
              "secretsmanager:GetResourcePolicy",
              "secretsmanager:GetSecretValue",
              "secretsmanager:ListSecretVersionIds",
            ]
            Resource = [
              "arn:aws:secretsmanager:*:${var.aws_account_id}:secret:dreamnet-session-key-??????",
              "arn:aws:secretsmanager:*:${var.aws_account_id}:secret:dreamnet-webhook-key-??????",
            ]
          },
          {
            Sid      = "DecryptThem"
            Effect   = "Allow"
            Action   = "kms:Decrypt"
            Resource = [module.first.key_data_arn, module.second.key_data_arn]
            Condition = {
              StringLike = {
                "kms:ViaService" = "secretsmanager.*.amazonaws.com"
              }
            }
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-external-secrets"

  tags = [
    { key = "dreamnet-id", value = "aws/role-external-secrets" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-metrics
resource "awscc_iam_role" "role_metrics" {
  description = "The exporter of CloudWatch's metrics, lent to its pods"

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

  managed_policy_arns = [awscc_iam_managed_policy.policy_metrics.policy_arn]
  role_name           = "dreamnet-metrics"

  tags = [
    { key = "dreamnet-id", value = "aws/role-metrics" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/policy-metrics
resource "awscc_iam_managed_policy" "policy_metrics" {
  managed_policy_name = "dreamnet-metrics"
  description         = "Read metrics and find what they are of"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Read"
        Effect = "Allow"
        Action = [
          "cloudwatch:GetMetricData",
          "cloudwatch:GetMetricStatistics",
          "cloudwatch:ListMetrics",
          "tag:GetResources",
        ]
        Resource = "*"
      },
    ]
  })
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

# aws/policy-karpenter-machines
resource "awscc_iam_managed_policy" "policy_karpenter_machines" {
  managed_policy_name = "dreamnet-karpenter-machines"
  description         = "Launch, mark and end the cluster's own machines"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "LaunchFrom"
        Effect = "Allow"
        Action = ["ec2:RunInstances", "ec2:CreateFleet"]
        Resource = [
          "arn:aws:ec2:${var.aws_region}::image/*",
          "arn:aws:ec2:${var.aws_region}::snapshot/*",
          "arn:aws:ec2:${var.aws_region}:*:security-group/*",
          "arn:aws:ec2:${var.aws_region}:*:subnet/*",
          "arn:aws:ec2:${var.aws_region}:*:capacity-reservation/*",
          "arn:aws:ec2:${var.aws_region}:*:placement-group/*",
        ]
      },
      {
        Sid      = "LaunchFromOwnTemplates"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances", "ec2:CreateFleet"]
        Resource = "arn:aws:ec2:${var.aws_region}:*:launch-template/*"
        Condition = {
          StringEquals = {
            "aws:ResourceTag/kubernetes.io/cluster/dreamnet" = "owned"
          }
          StringLike = {
            "aws:ResourceTag/karpenter.sh/nodepool" = "*"
          }
        }
      },
      {
        Sid    = "LaunchWithMark"
        Effect = "Allow"
        Action = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"]
        Resource = [
          "arn:aws:ec2:${var.aws_region}:*:fleet/*",
          "arn:aws:ec2:${var.aws_region}:*:instance/*",
          "arn:aws:ec2:${var.aws_region}:*:volume/*",
          "arn:aws:ec2:${var.aws_region}:*:network-interface/*",
          "arn:aws:ec2:${var.aws_region}:*:launch-template/*",
          "arn:aws:ec2:${var.aws_region}:*:spot-instances-request/*",
        ]
        Condition = {
          StringEquals = {
            "aws:RequestTag/kubernetes.io/cluster/dreamnet" = "owned"
            "aws:RequestTag/eks:eks-cluster-name"           = "dreamnet"
          }
          StringLike = {
            "aws:RequestTag/karpenter.sh/nodepool" = "*"
          }
        }
      },
      {
        Sid    = "MarkWhatIsLaunched"
        Effect = "Allow"
        Action = "ec2:CreateTags"
        Resource = [
          "arn:aws:ec2:${var.aws_region}:*:fleet/*",
          "arn:aws:ec2:${var.aws_region}:*:instance/*",
          "arn:aws:ec2:${var.aws_region}:*:volume/*",
          "arn:aws:ec2:${var.aws_region}:*:network-interface/*",
          "arn:aws:ec2:${var.aws_region}:*:launch-template/*",
          "arn:aws:ec2:${var.aws_region}:*:spot-instances-request/*",
        ]
        Condition = {
          StringEquals = {
            "aws:RequestTag/kubernetes.io/cluster/dreamnet" = "owned"
            "aws:RequestTag/eks:eks-cluster-name"           = "dreamnet"
            "ec2:CreateAction"                              = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]
          }
          StringLike = {
            "aws:RequestTag/karpenter.sh/nodepool" = "*"
          }
        }
      },
      {
        Sid      = "MarkOwn"
        Effect   = "Allow"
        Action   = "ec2:CreateTags"
        Resource = "arn:aws:ec2:${var.aws_region}:*:instance/*"
        Condition = {
          StringEquals = {
            "aws:ResourceTag/kubernetes.io/cluster/dreamnet" = "owned"
          }
          StringLike = {
            "aws:ResourceTag/karpenter.sh/nodepool" = "*"
          }
          StringEqualsIfExists = {
            "aws:RequestTag/eks:eks-cluster-name" = "dreamnet"
          }
          "ForAllValues:StringEquals" = {
            "aws:TagKeys" = ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
          }
        }
      },
      {
        Sid      = "EndOwn"
        Effect   = "Allow"
        Action   = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"]
        Resource = ["arn:aws:ec2:${var.aws_region}:*:instance/*", "arn:aws:ec2:${var.aws_region}:*:launch-template/*"]
        Condition = {
          StringEquals = {
            "aws:ResourceTag/kubernetes.io/cluster/dreamnet" = "owned"
          }
          StringLike = {
            "aws:ResourceTag/karpenter.sh/nodepool" = "*"
          }
        }
      },
    ]
  })
}

# aws/policy-karpenter-surroundings
resource "awscc_iam_managed_policy" "policy_karpenter_surroundings" {
  managed_policy_name = "dreamnet-karpenter-surroundings"
  description         = "See what can be bought, lend machines the nodes' role, hear of interruptions"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "ec2:DescribeCapacityReservations",
          "ec2:DescribeImages",
          "ec2:DescribeInstances",
          "ec2:DescribeInstanceStatus",
          "ec2:DescribeInstanceTypeOfferings",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplates",
          "ec2:DescribePlacementGroups",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSpotPriceHistory",
          "ec2:DescribeSubnets",
        ]
        Resource = "*"
        Condition = {
          StringEquals = {
            "aws:RequestedRegion" = var.aws_region
          }
        }
      },
      {
        Sid      = "LookEverywhere"
        Effect   = "Allow"
        Action   = ["iam:ListInstanceProfiles", "pricing:GetProducts"]
        Resource = "*"
      },
      {
        Sid      = "NewestImages"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:aws:ssm:${var.aws_region}::parameter/aws/service/*"
      },
      {
        Sid      = "Cluster"
        Effect   = "Allow"
        Action   = "eks:DescribeCluster"
        Resource = awscc_eks_cluster.eks_cluster.arn
      },
      {
        Sid      = "Interruptions"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        Resource = awscc_sqs_queue.queue_karpenter.arn
      },
      {
        Sid      = "LendNodeRole"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = awscc_iam_role.eks_node_role.arn
        Condition = {
          StringEquals = {
            "iam:PassedToService" = "ec2.amazonaws.com"
          }
        }
      },
      {
        Sid      = "SeeProfiles"
        Effect   = "Allow"
        Action   = "iam:GetInstanceProfile"
        Resource = "arn:aws:iam::${var.aws_account_id}:instance-profile/*"
      },
      {
        Sid      = "NewProfiles"
        Effect   = "Allow"
        Action   = "iam:CreateInstanceProfile"
        Resource = "arn:aws:iam::${var.aws_account_id}:instance-profile/*"
        Condition = {
          StringEquals = {
            "aws:RequestTag/kubernetes.io/cluster/dreamnet" = "owned"
            "aws:RequestTag/eks:eks-cluster-name"           = "dreamnet"
            "aws:RequestTag/topology.kubernetes.io/region"  = var.aws_region
          }
          StringLike = {
            "aws:RequestTag/karpenter.k8s.aws/ec2nodeclass" = "*"
          }
        }
      },
      {
        Sid      = "MarkProfiles"
        Effect   = "Allow"
        Action   = "iam:TagInstanceProfile"
        Resource = "arn:aws:iam::${var.aws_account_id}:instance-profile/*"
        Condition = {
          StringEquals = {
            "aws:ResourceTag/kubernetes.io/cluster/dreamnet" = "owned"
            "aws:ResourceTag/topology.kubernetes.io/region"  = var.aws_region
            "aws:RequestTag/kubernetes.io/cluster/dreamnet"  = "owned"
            "aws:RequestTag/eks:eks-cluster-name"            = "dreamnet"
            "aws:RequestTag/topology.kubernetes.io/region"   = var.aws_region
          }
          StringLike = {
            "aws:ResourceTag/karpenter.k8s.aws/ec2nodeclass" = "*"
            "aws:RequestTag/karpenter.k8s.aws/ec2nodeclass"  = "*"
          }
        }
      },
      {
        Sid      = "OwnProfiles"
        Effect   = "Allow"
        Action   = ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"]
        Resource = "arn:aws:iam::${var.aws_account_id}:instance-profile/*"
        Condition = {
          StringEquals = {
            "aws:ResourceTag/kubernetes.io/cluster/dreamnet" = "owned"
            "aws:ResourceTag/topology.kubernetes.io/region"  = var.aws_region
          }
          StringLike = {
            "aws:ResourceTag/karpenter.k8s.aws/ec2nodeclass" = "*"
          }
        }
      },
    ]
  })
}

# aws/role-karpenter
resource "awscc_iam_role" "role_karpenter" {
  description = "Karpenter, lent to its pods"

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

  managed_policy_arns = [
    awscc_iam_managed_policy.policy_karpenter_machines.policy_arn,
    awscc_iam_managed_policy.policy_karpenter_surroundings.policy_arn,
  ]

  role_name = "dreamnet-karpenter"

  tags = [
    { key = "dreamnet-id", value = "aws/role-karpenter" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/pod-identity-karpenter
resource "awscc_eks_pod_identity_association" "pod_identity_karpenter" {
  cluster_name    = "dreamnet"
  namespace       = "kube-system"
  service_account = "karpenter"
  role_arn        = awscc_iam_role.role_karpenter.arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-karpenter" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.first.eks_addon_eks_pod_identity_agent_id]
}

# aws/queue-karpenter
resource "awscc_sqs_queue" "queue_karpenter" {
  queue_name               = "dreamnet-karpenter"
  message_retention_period = 300
  sqs_managed_sse_enabled  = true

  tags = [
    { key = "dreamnet-id", value = "aws/queue-karpenter" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-karpenter-policy
resource "awscc_sqs_queue_inline_policy" "queue_karpenter_policy" {
  queue = awscc_sqs_queue.queue_karpenter.queue_url

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheRules"
        Effect = "Allow"
        Principal = {
          Service = "events.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = awscc_sqs_queue.queue_karpenter.arn
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:aws:events:${var.aws_region}:${var.aws_account_id}:rule/dreamnet-karpenter-*"
          }
        }
      },
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = awscc_sqs_queue.queue_karpenter.arn
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })
}

# aws/karpenter-spot
resource "awscc_events_rule" "karpenter_spot" {
  name           = "dreamnet-karpenter-spot"
  description    = "Spot machines about to be taken back"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Spot Instance Interruption Warning"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_karpenter.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/karpenter-spot" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/karpenter-rebalance
resource "awscc_events_rule" "karpenter_rebalance" {
  name           = "dreamnet-karpenter-rebalance"
  description    = "Spot machines at a higher risk"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Instance Rebalance Recommendation"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_karpenter.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/karpenter-rebalance" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/karpenter-state
resource "awscc_events_rule" "karpenter_state" {
  name           = "dreamnet-karpenter-state"
  description    = "Machines that stop or end"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Instance State-change Notification"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_karpenter.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/karpenter-state" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/karpenter-health
resource "awscc_events_rule" "karpenter_health" {
  name           = "dreamnet-karpenter-health"
  description    = "Planned maintenance"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.health"]
    detail-type = ["AWS Health Event"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_karpenter.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/karpenter-health" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/karpenter-reservation
resource "awscc_events_rule" "karpenter_reservation" {
  name           = "dreamnet-karpenter-reservation"
  description    = "Interrupted capacity reservations"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Capacity Reservation Instance Interruption Warning"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_karpenter.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/karpenter-reservation" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/lattice
resource "awscc_vpclattice_service_network" "lattice" {
  name      = "dreamnet-lattice"
  auth_type = "NONE"

  tags = [
    { key = "dreamnet-id", value = "aws/lattice" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/lattice-vpc
resource "awscc_vpclattice_service_network_vpc_association" "lattice_vpc" {
  service_network_identifier = awscc_vpclattice_service_network.lattice.arn
  vpc_identifier             = module.first.vpc_vpc_id

  tags = [
    { key = "dreamnet-id", value = "aws/lattice-vpc" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/policy-lattice-controller
resource "awscc_iam_managed_policy" "policy_lattice_controller" {
  managed_policy_name = "dreamnet-lattice-controller"
  description         = "Make and change Lattice services, target groups and rules"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Lattice"
        Effect = "Allow"
        Action = [
          "vpc-lattice:BatchUpdateRule",
          "vpc-lattice:CreateListener",
          "vpc-lattice:CreateRule",
          "vpc-lattice:CreateService",
          "vpc-lattice:CreateServiceNetwork",
          "vpc-lattice:CreateServiceNetworkServiceAssociation",
          "vpc-lattice:CreateServiceNetworkVpcAssociation",
          "vpc-lattice:CreateTargetGroup",
          "vpc-lattice:DeleteAuthPolicy",
          "vpc-lattice:DeleteListener",
          "vpc-lattice:DeleteRule",
          "vpc-lattice:DeleteService",
          "vpc-lattice:DeleteServiceNetwork",
          "vpc-lattice:DeleteServiceNetworkServiceAssociation",
          "vpc-lattice:DeleteServiceNetworkVpcAssociation",
          "vpc-lattice:DeleteTargetGroup",
          "vpc-lattice:DeregisterTargets",
          "vpc-lattice:GetAuthPolicy",
          "vpc-lattice:GetListener",
          "vpc-lattice:GetRule",
          "vpc-lattice:GetService",
          "vpc-lattice:GetServiceNetwork",
          "vpc-lattice:GetServiceNetworkServiceAssociation",
          "vpc-lattice:GetServiceNetworkVpcAssociation",
          "vpc-lattice:GetTargetGroup",
          "vpc-lattice:PutAuthPolicy",
          "vpc-lattice:RegisterTargets",
          "vpc-lattice:TagResource",
          "vpc-lattice:UntagResource",
          "vpc-lattice:UpdateListener",
          "vpc-lattice:UpdateRule",
          "vpc-lattice:UpdateService",
          "vpc-lattice:UpdateServiceNetwork",
          "vpc-lattice:UpdateServiceNetworkVpcAssociation",
          "vpc-lattice:UpdateTargetGroup",
        ]
        Resource = "arn:aws:vpc-lattice:${var.aws_region}:${var.aws_account_id}:*"
      },
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "acm:ListCertificates",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeTags",
          "ec2:DescribeVpcs",
          "tag:GetResources",
          "tag:TagResources",
          "tag:UntagResources",
          "vpc-lattice:ListListeners",
          "vpc-lattice:ListRules",
          "vpc-lattice:ListServiceNetworkServiceAssociations",
          "vpc-lattice:ListServiceNetworkVpcAssociations",
          "vpc-lattice:ListServiceNetworks",
          "vpc-lattice:ListServices",
          "vpc-lattice:ListTagsForResource",
          "vpc-lattice:ListTargetGroups",
          "vpc-lattice:ListTargets",
        ]
        Resource = "*"
      },
      {
        Sid      = "ServiceLinkedRole"
        Effect   = "Allow"
        Action   = "iam:CreateServiceLinkedRole"
        Resource = "arn:aws:iam::${var.aws_account_id}:role/aws-service-role/vpc-lattice.amazonaws.com/AWSServiceRoleForVpcLattice"
        Condition = {
          StringEquals = {
            "iam:AWSServiceName" = "vpc-lattice.amazonaws.com"
          }
        }
      },
    ]
  })
}

# aws/role-lattice-controller
resource "awscc_iam_role" "role_lattice_controller" {
  description = "The AWS Gateway API Controller, lent to its pods"

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

  managed_policy_arns = [awscc_iam_managed_policy.policy_lattice_controller.policy_arn]
  role_name           = "dreamnet-lattice-controller"

  tags = [
    { key = "dreamnet-id", value = "aws/role-lattice-controller" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/pod-identity-lattice-controller
resource "awscc_eks_pod_identity_association" "pod_identity_lattice_controller" {
  cluster_name    = "dreamnet"
  namespace       = "aws-application-networking-system"
  service_account = "gateway-api-controller"
  role_arn        = awscc_iam_role.role_lattice_controller.arn

  tags = [
    { key = "dreamnet-id", value = "aws/pod-identity-lattice-controller" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [module.first.eks_addon_eks_pod_identity_agent_id]
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

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
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

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
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

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [
    awscc_eks_cluster.eks_cluster_second,
    module.second.route_nat_id,
    module.second.route_subnet_private_a_id,
    module.second.route_subnet_private_b_id,
  ]
}
