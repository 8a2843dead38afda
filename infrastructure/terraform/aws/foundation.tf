# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/policy-media
resource "awscc_iam_managed_policy" "policy_media" {
  managed_policy_name = "dreamnet-media"
  description         = "Read and write the media of dreams"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${awscc_s3_bucket.bucket_media.arn}/*"
      },
      {
        Sid      = "Listing"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = awscc_s3_bucket.bucket_media.arn
      },
    ]
  })
}

# aws/policy-secrets
resource "awscc_iam_managed_policy" "policy_secrets" {
  managed_policy_name = "dreamnet-secrets"
  description         = "Read the backend's own secrets"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OwnSecrets"
        Effect = "Allow"
        Action = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        Resource = [
          awscc_secretsmanager_secret.secret_database_url.id,
          awscc_secretsmanager_secret.secret_session_key.id,
          awscc_secretsmanager_secret.secret_webhook_key.id,
        ]
      },
      {
        Sid      = "DecryptThem"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = module.first.key_data_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = "secretsmanager.${var.aws_region}.amazonaws.com"
          }
        }
      },
    ]
  })
}

# aws/policy-work
resource "awscc_iam_managed_policy" "policy_work" {
  managed_policy_name = "dreamnet-work"
  description         = "Hand out and take work on media, keep sessions and agents' state, publish events"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Tasks"
        Effect = "Allow"
        Action = [
          "sqs:SendMessage",
          "sqs:ReceiveMessage",
          "sqs:DeleteMessage",
          "sqs:ChangeMessageVisibility",
          "sqs:GetQueueAttributes",
        ]
        Resource = awscc_sqs_queue.queue_media.arn
      },
      {
        Sid    = "Tables"
        Effect = "Allow"
        Action = [
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:UpdateItem",
          "dynamodb:DeleteItem",
          "dynamodb:Query",
        ]
        Resource = [
          awscc_dynamodb_global_table.table_sessions.arn,
          awscc_dynamodb_table.table_agent_state.arn,
          "${awscc_dynamodb_table.table_agent_state.arn}/index/by-status",
        ]
      },
      {
        Sid      = "Events"
        Effect   = "Allow"
        Action   = "events:PutEvents"
        Resource = awscc_events_event_bus.event_bus.arn
      },
      {
        Sid      = "Activity"
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        Resource = awscc_kinesis_stream.stream_activity.arn
      },
    ]
  })
}

# aws/policy-lake
resource "awscc_iam_managed_policy" "policy_lake" {
  managed_policy_name = "dreamnet-lake"
  description         = "Read and write the lake, and read its catalogue"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${awscc_s3_bucket.bucket_lake.arn}/*"
      },
      {
        Sid      = "Listing"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = awscc_s3_bucket.bucket_lake.arn
      },
      {
        Sid    = "Catalogue"
        Effect = "Allow"
        Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
        Resource = [
          "arn:aws:glue:${var.aws_region}:${var.aws_account_id}:catalog",
          "arn:aws:glue:${var.aws_region}:${var.aws_account_id}:database/dreamnet",
          "arn:aws:glue:${var.aws_region}:${var.aws_account_id}:table/dreamnet/*",
        ]
      },
    ]
  })
}

# aws/registry
resource "awscc_ecr_repository" "registry" {
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration = {
    scan_on_push = true
  }

  encryption_configuration = {
    encryption_type = "AES256"
  }

  lifecycle_policy = {
    lifecycle_policy_text = "{\"rules\": [ {\"rulePriority\": 1, \"description\": \"untagged for a month\", \"action\": {\"type\": \"expire\"}, \"selection\": {\"tagStatus\": \"untagged\", \"countType\": \"sinceImagePushed\", \"countUnit\": \"days\", \"countNumber\": 30}}, {\"rulePriority\": 2, \"description\": \"all but the thirty newest\", \"action\": {\"type\": \"expire\"}, \"selection\": {\"tagStatus\": \"any\", \"countType\": \"imageCountMoreThan\", \"countNumber\": 30}} ]}"
  }

  repository_name = "dreamnet/backend"

  tags = [
    { key = "dreamnet-id", value = "aws/registry" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/registry-replication
resource "awscc_ecr_replication_configuration" "registry_replication" {
  replication_configuration = {
    rules = [
      {
        destinations = [
          { region = var.aws_second_region, registry_id = var.aws_account_id },
        ]
        repository_filters = [
          { filter_type = "PREFIX_MATCH", filter = "dreamnet/" },
        ]
      },
    ]
  }
}

# aws/role-backend
resource "awscc_iam_role" "role_backend" {
  description = "DreamNet's backend, lent to the pods of dreamnet/dreamnet-api"

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
    awscc_iam_managed_policy.policy_media.policy_arn,
    awscc_iam_managed_policy.policy_secrets.policy_arn,
    awscc_iam_managed_policy.policy_work.policy_arn,
  ]

  role_name = "dreamnet-backend"

  tags = [
    { key = "dreamnet-id", value = "aws/role-backend" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-agents
resource "awscc_iam_role" "role_agents" {
  description = "DreamNet's agents, lent to the pods of dreamnet/dreamnet-agents"

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

  managed_policy_arns = [awscc_iam_managed_policy.policy_media.policy_arn, awscc_iam_managed_policy.policy_work.policy_arn]
  role_name           = "dreamnet-agents"

  tags = [
    { key = "dreamnet-id", value = "aws/role-agents" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-worker
resource "awscc_iam_role" "role_worker" {
  description = "DreamNet's workers, lent to the pods of dreamnet/dreamnet-worker"

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
      policy_name = "events"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "TakeEvents"
            Effect = "Allow"
            Action = [
              "sqs:ChangeMessageVisibility",
              "sqs:DeleteMessage",
              "sqs:GetQueueAttributes",
              "sqs:GetQueueUrl",
              "sqs:ReceiveMessage",
            ]
            Resource = awscc_sqs_queue.queue.arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-worker"

  tags = [
    { key = "dreamnet-id", value = "aws/role-worker" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-pipelines
resource "awscc_iam_role" "role_pipelines" {
  description = "The data pipelines, lent to the worker's pods"

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

  managed_policy_arns = [awscc_iam_managed_policy.policy_lake.policy_arn]

  policies = [
    {
      policy_name = "warehouse"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "LogIn"
            Effect   = "Allow"
            Action   = ["redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"]
            Resource = awscc_redshiftserverless_workgroup.warehouse.workgroup.workgroup_arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-pipelines"

  tags = [
    { key = "dreamnet-id", value = "aws/role-pipelines" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-operator
resource "awscc_iam_role" "role_operator" {
  description          = "Looks at everything, stops, starts and resizes; creates and deletes nothing"
  max_session_duration = 3600

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

  managed_policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]

  policies = [
    {
      policy_name = "stop-start-resize"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Nodes"
            Effect   = "Allow"
            Action   = ["eks:UpdateNodegroupConfig", "eks:DescribeUpdate"]
            Resource = "arn:aws:eks:*:${var.aws_account_id}:nodegroup/dreamnet/*"
          },
          {
            Sid      = "Databases"
            Effect   = "Allow"
            Action   = ["rds:StopDBInstance", "rds:StartDBInstance", "rds:PromoteReadReplica"]
            Resource = "arn:aws:rds:*:${var.aws_account_id}:db:dreamnet*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-operator"

  tags = [
    { key = "dreamnet-id", value = "aws/role-operator" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/oidc-github
resource "awscc_iam_oidc_provider" "oidc_github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]

  tags = [
    { key = "dreamnet-id", value = "aws/oidc-github" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/role-delivery
resource "awscc_iam_role" "role_delivery" {
  description          = "Pushes the backend's image from its repository's main branch"
  max_session_duration = 3600

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Federated = awscc_iam_oidc_provider.oidc_github.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
            "token.actions.githubusercontent.com:sub" = "repo:dreamnet/backend:ref:refs/heads/main"
          }
        }
      },
    ]
  })

  policies = [
    {
      policy_name = "push"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "Push"
            Effect = "Allow"
            Action = [
              "ecr:BatchCheckLayerAvailability",
              "ecr:BatchGetImage",
              "ecr:CompleteLayerUpload",
              "ecr:InitiateLayerUpload",
              "ecr:PutImage",
              "ecr:UploadLayerPart",
            ]
            Resource = awscc_ecr_repository.registry.arn
          },
          {
            Sid      = "Describe"
            Effect   = "Allow"
            Action   = ["eks:DescribeCluster"]
            Resource = awscc_eks_cluster.eks_cluster.arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-delivery"

  tags = [
    { key = "dreamnet-id", value = "aws/role-delivery" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/policy-registry-login
resource "awscc_iam_managed_policy" "policy_registry_login" {
  managed_policy_name = "dreamnet-registry-login"
  description         = "Log in to the registry"
  roles               = [awscc_iam_role.role_delivery.role_name]

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*"
      },
    ]
  })
}
