# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/queue-agents-dead-letters
resource "awscc_sqs_queue" "queue_agents_dead_letters" {
  queue_name               = "agent-tasks-dead-letters"
  message_retention_period = 1209600
  sqs_managed_sse_enabled  = true

  tags = [
    { key = "dreamnet-id", value = "aws/queue-agents-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-agents
resource "awscc_sqs_queue" "queue_agents" {
  queue_name               = "agent-tasks"
  visibility_timeout       = 360
  message_retention_period = 345600
  sqs_managed_sse_enabled  = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = awscc_sqs_queue.queue_agents_dead_letters.arn
    maxReceiveCount     = 5
  })

  tags = [
    { key = "dreamnet-id", value = "aws/queue-agents" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/event-rule-agents
resource "awscc_events_rule" "event_rule_agents" {
  name           = "agent-tasks"
  description    = "Agents' tasks to their queue"
  event_bus_name = awscc_events_event_bus.event_bus.name
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["dreamnet.agents"]
    detail-type = ["agent.requested"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_agents.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule-agents" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-agents-policy
resource "awscc_sqs_queue_inline_policy" "queue_agents_policy" {
  queue = awscc_sqs_queue.queue_agents.queue_url

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheRule"
        Effect = "Allow"
        Principal = {
          Service = "events.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = awscc_sqs_queue.queue_agents.arn
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = awscc_events_rule.event_rule_agents.arn
          }
        }
      },
    ]
  })
}

# aws/function-agents-role
resource "awscc_iam_role" "function_agents_role" {
  description = "What the function agent-worker may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "agent-worker"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "TakeMessages"
            Effect   = "Allow"
            Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            Resource = awscc_sqs_queue.queue_agents.arn
          },
          {
            Sid      = "RememberEvents"
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            Resource = awscc_dynamodb_table.table_processed.arn
          },
          {
            Sid      = "SendEvents"
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = awscc_events_event_bus.event_bus.arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/agent-worker:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-agent-worker"

  tags = [
    { key = "dreamnet-id", value = "aws/function-agents-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-agents
resource "awscc_logs_log_group" "logs_agents" {
  retention_in_days = 14
  log_group_name    = "/aws/lambda/agent-worker"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-agents" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-agents
resource "awscc_lambda_function" "function_agents" {
  description   = "Works off what agents are asked to do"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_agents_role.arn
  timeout       = 60
  memory_size   = 256
  architectures = ["arm64"]

  tracing_config = {
    mode = "PassThrough"
  }

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "agent_worker-${var.code_aws_agent_worker}.zip"
  }

  environment = {
    variables = {
      EVENT_BUS       = "dreamnet"
      PROCESSED_TABLE = "dreamnet-processed-events"
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_agent_worker },
    { key = "dreamnet-id", value = "aws/function-agents" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "agent-worker"

  depends_on = [
    awscc_s3_bucket.bucket_functions,
    awscc_logs_log_group.logs_agents,
    awscc_events_event_bus.event_bus,
  ]
}

# aws/function-agents-trigger
resource "awscc_lambda_event_source_mapping" "function_agents_trigger" {
  function_name           = "agent-worker"
  event_source_arn        = awscc_sqs_queue.queue_agents.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = [
    { key = "dreamnet-id", value = "aws/function-agents-trigger" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_lambda_function.function_agents]
}

# aws/bucket-ai
resource "awscc_s3_bucket" "bucket_ai" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  notification_configuration = {
    event_bridge_configuration = {
      event_bridge_enabled = true
    }
  }

  lifecycle_configuration = {
    rules = [
      {
        id                 = "uploads-go-after-a-quarter"
        status             = "Enabled"
        prefix             = "uploads/"
        expiration_in_days = 90
      },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-ai"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-ai" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-enrich-role
resource "awscc_iam_role" "function_enrich_role" {
  description = "What the function enrich may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "enrich"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "ReadUploads"
            Effect   = "Allow"
            Action   = ["s3:GetObject"]
            Resource = "${awscc_s3_bucket.bucket_ai.arn}/uploads/*"
          },
          {
            Sid    = "AskTheAiServices"
            Effect = "Allow"
            Action = [
              "comprehend:DetectDominantLanguage",
              "comprehend:DetectSentiment",
              "rekognition:DetectLabels",
              "textract:DetectDocumentText",
            ]
            Resource = "*"
          },
          {
            Sid      = "SendEvents"
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = awscc_events_event_bus.event_bus.arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/enrich:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-enrich"

  tags = [
    { key = "dreamnet-id", value = "aws/function-enrich-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-enrich
resource "awscc_logs_log_group" "logs_enrich" {
  retention_in_days = 14
  log_group_name    = "/aws/lambda/enrich"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-enrich" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-enrich
resource "awscc_lambda_function" "function_enrich" {
  description   = "Reads uploads and the mood of dreams with AWS's AI services"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_enrich_role.arn
  timeout       = 60
  memory_size   = 256
  architectures = ["arm64"]

  tracing_config = {
    mode = "PassThrough"
  }

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "enrich-${var.code_aws_enrich}.zip"
  }

  environment = {
    variables = {
      EVENT_BUS = "dreamnet"
      ROOT      = "uploads/"
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_enrich },
    { key = "dreamnet-id", value = "aws/function-enrich" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "enrich"

  depends_on = [
    awscc_s3_bucket.bucket_functions,
    awscc_logs_log_group.logs_enrich,
    awscc_events_event_bus.event_bus,
  ]
}

# aws/event-rule-uploads
resource "awscc_events_rule" "event_rule_uploads" {
  name           = "dreamnet-uploads"
  description    = "Uploads to the function that reads them"
  event_bus_name = "default"
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = {
        name = ["dreamnet-${var.aws_account_id}-ai"]
      }
      object = {
        key = [
          { prefix = "uploads/" },
        ]
      }
    }
  })

  targets = [
    {
      id  = "enrich"
      arn = awscc_lambda_function.function_enrich.arn
      retry_policy = {
        maximum_retry_attempts       = 2
        maximum_event_age_in_seconds = 3600
      }
      dead_letter_config = {
        arn = awscc_sqs_queue.queue_dead_letters.arn
      }
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule-uploads" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-enrich-permission-uploads
resource "awscc_lambda_permission" "function_enrich_permission_uploads" {
  function_name = "enrich"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = awscc_events_rule.event_rule_uploads.arn
  depends_on    = [awscc_lambda_function.function_enrich]
}

# aws/event-rule-enrich
resource "awscc_events_rule" "event_rule_enrich" {
  name           = "enrich-dreams"
  description    = "New dreams to the function that reads their mood"
  event_bus_name = awscc_events_event_bus.event_bus.name
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["dreamnet"]
    detail-type = ["dream.created"]
  })

  targets = [
    {
      id  = "enrich"
      arn = awscc_lambda_function.function_enrich.arn
      retry_policy = {
        maximum_retry_attempts       = 2
        maximum_event_age_in_seconds = 3600
      }
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule-enrich" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-enrich-permission-dreams
resource "awscc_lambda_permission" "function_enrich_permission_dreams" {
  function_name = "enrich"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = awscc_events_rule.event_rule_enrich.arn
  depends_on    = [awscc_lambda_function.function_enrich]
}

# aws/rekognition-collection
resource "awscc_rekognition_collection" "rekognition_collection" {
  collection_id = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/rekognition-collection" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/rekognition-project
resource "awscc_rekognition_project" "rekognition_project" {
  project_name = "dreamnet-scenes"

  tags = [
    { key = "dreamnet-id", value = "aws/rekognition-project" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/comprehend-role
resource "awscc_iam_role" "comprehend_role" {
  description = "What Comprehend may do with the flywheel's data"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "comprehend.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = var.aws_account_id
          }
        }
      },
    ]
  })

  policies = [
    {
      policy_name = "flywheel"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Data"
            Effect   = "Allow"
            Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
            Resource = "${awscc_s3_bucket.bucket_ai.arn}/flywheel/*"
          },
          {
            Sid      = "List"
            Effect   = "Allow"
            Action   = ["s3:ListBucket"]
            Resource = awscc_s3_bucket.bucket_ai.arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-comprehend"

  tags = [
    { key = "dreamnet-id", value = "aws/comprehend-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/comprehend-flywheel
resource "awscc_comprehend_flywheel" "comprehend_flywheel" {
  flywheel_name        = "dreamnet-moods"
  model_type           = "DOCUMENT_CLASSIFIER"
  data_access_role_arn = awscc_iam_role.comprehend_role.arn
  data_lake_s3_uri     = "s3://dreamnet-${var.aws_account_id}-ai/flywheel"

  task_config = {
    language_code = "en"
    document_classification_config = {
      mode   = "MULTI_CLASS"
      labels = ["calm", "joyful", "anxious", "strange"]
    }
  }

  tags = [
    { key = "dreamnet-id", value = "aws/comprehend-flywheel" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/sagemaker-role
resource "awscc_iam_role" "sagemaker_role" {
  description = "What SageMaker's training, pipeline and notebook may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "sagemaker.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "training"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Data"
            Effect   = "Allow"
            Action   = ["s3:GetObject", "s3:PutObject"]
            Resource = "${awscc_s3_bucket.bucket_ai.arn}/sagemaker/*"
          },
          {
            Sid      = "List"
            Effect   = "Allow"
            Action   = ["s3:ListBucket"]
            Resource = awscc_s3_bucket.bucket_ai.arn
          },
          {
            Sid    = "Train"
            Effect = "Allow"
            Action = [
              "sagemaker:CreateTrainingJob",
              "sagemaker:DescribeTrainingJob",
              "sagemaker:StopTrainingJob",
              "sagemaker:AddTags",
            ]
            Resource = "arn:aws:sagemaker:${var.aws_region}:${var.aws_account_id}:training-job/pipelines-*"
          },
          {
            Sid    = "Register"
            Effect = "Allow"
            Action = [
              "sagemaker:CreateModelPackage",
              "sagemaker:DescribeModelPackage",
              "sagemaker:DescribeModelPackageGroup",
            ]
            Resource = [
              "arn:aws:sagemaker:${var.aws_region}:${var.aws_account_id}:model-package-group/dreamnet-moods",
              "arn:aws:sagemaker:${var.aws_region}:${var.aws_account_id}:model-package/dreamnet-moods/*",
            ]
          },
          {
            Sid      = "RunThePipeline"
            Effect   = "Allow"
            Action   = ["sagemaker:StartPipelineExecution", "sagemaker:DescribePipeline"]
            Resource = "arn:aws:sagemaker:${var.aws_region}:${var.aws_account_id}:pipeline/dreamnet-moods"
          },
          {
            Sid      = "HandItselfOn"
            Effect   = "Allow"
            Action   = ["iam:PassRole"]
            Resource = "arn:aws:iam::${var.aws_account_id}:role/dreamnet-sagemaker"
            Condition = {
              StringEquals = {
                "iam:PassedToService" = "sagemaker.amazonaws.com"
              }
            }
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/sagemaker/*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-sagemaker"

  tags = [
    { key = "dreamnet-id", value = "aws/sagemaker-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/sagemaker-models
resource "awscc_sagemaker_model_package_group" "sagemaker_models" {
  model_package_group_name        = "dreamnet-moods"
  model_package_group_description = "Versions of the model that names a dream's mood"

  tags = [
    { key = "dreamnet-id", value = "aws/sagemaker-models" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/sagemaker-pipeline
resource "awscc_sagemaker_pipeline" "sagemaker_pipeline" {
  pipeline_name         = "dreamnet-moods"
  pipeline_display_name = "dreamnet-moods"
  pipeline_description  = "Trains the model on what lies in the bucket, and registers it for approval"
  role_arn              = awscc_iam_role.sagemaker_role.arn

  pipeline_definition = {
    pipeline_definition_body = "{\"Version\":\"2020-12-01\",\"Parameters\":[],\"Steps\":[{\"Name\":\"Train\",\"Type\":\"Training\",\"Arguments\":{ \"AlgorithmSpecification\":{\"TrainingImage\": \"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1\",\"TrainingInputMode\":\"File\"}, \"HyperParameters\":{\"objective\":\"multi:softprob\",\"num_class\":\"4\",\"num_round\":\"50\"}, \"InputDataConfig\":[{\"ChannelName\":\"train\",\"ContentType\":\"text/csv\",\"DataSource\":{\"S3DataSource\":{ \"S3DataType\":\"S3Prefix\",\"S3Uri\":\"s3://dreamnet-${var.aws_account_id}-ai/sagemaker/train\"}}}], \"OutputDataConfig\":{\"S3OutputPath\":\"s3://dreamnet-${var.aws_account_id}-ai/sagemaker/models\"}, \"ResourceConfig\":{\"InstanceCount\":1,\"InstanceType\":\"ml.m5.large\",\"VolumeSizeInGB\":10}, \"RoleArn\":\"arn:aws:iam::${var.aws_account_id}:role/dreamnet-sagemaker\", \"StoppingCondition\":{\"MaxRuntimeInSeconds\":3600}}}, {\"Name\":\"Register\",\"Type\":\"RegisterModel\",\"Arguments\":{\"ModelPackageGroupName\":\"dreamnet-moods\", \"ModelApprovalStatus\":\"PendingManualApproval\",\"InferenceSpecification\":{\"Containers\":[{\"Image\": \"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1\",\"ModelDataUrl\": {\"Get\":\"Steps.Train.ModelArtifacts.S3ModelArtifacts\"}}],\"SupportedContentTypes\":[\"text/csv\"], \"SupportedResponseMIMETypes\":[\"text/csv\"],\"SupportedTransformInstanceTypes\":[\"ml.m5.large\"], \"SupportedRealtimeInferenceInstanceTypes\":[\"ml.t2.medium\"]}}}]}"
  }

  parallelism_configuration = {
    max_parallel_execution_steps = 1
  }

  tags = [
    { key = "dreamnet-id", value = "aws/sagemaker-pipeline" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_sagemaker_model_package_group.sagemaker_models, awscc_s3_bucket.bucket_ai]
}

# aws/sagemaker-notebook
resource "awscc_sagemaker_notebook_instance" "sagemaker_notebook" {
  notebook_instance_name = "dreamnet"
  instance_type          = "ml.t3.medium"
  role_arn               = awscc_iam_role.sagemaker_role.arn
  volume_size_in_gb      = 5
  platform_identifier    = "notebook-al2023-v1"
  root_access            = "Disabled"

  instance_metadata_service_configuration = {
    minimum_instance_metadata_service_version = "2"
  }

  tags = [
    { key = "dreamnet-id", value = "aws/sagemaker-notebook" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-agent-tasks-dead-letters
resource "awscc_cloudwatch_alarm" "alarm_agent_tasks_dead_letters" {
  alarm_description = "A task for an agent could not be done five times"
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateNumberOfMessagesVisible"

  dimensions = [
    { name = "QueueName", value = "agent-tasks-dead-letters" },
  ]

  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-agent-tasks-dead-letters"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-agent-tasks-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-webhooks-dead-letters
resource "awscc_cloudwatch_alarm" "alarm_webhooks_dead_letters" {
  alarm_description = "A webhook could not be processed five times"
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateNumberOfMessagesVisible"

  dimensions = [
    { name = "QueueName", value = "webhooks-dead-letters" },
  ]

  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-webhooks-dead-letters"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-webhooks-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-function-dream-events
resource "awscc_cloudwatch_alarm" "alarm_function_dream_events" {
  alarm_description = "The function dream-events fails"
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"

  dimensions = [
    { name = "FunctionName", value = "dream-events" },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-function-dream-events"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-function-dream-events" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-function-dreamnet-api
resource "awscc_cloudwatch_alarm" "alarm_function_dreamnet_api" {
  alarm_description = "The function dreamnet-api fails"
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"

  dimensions = [
    { name = "FunctionName", value = "dreamnet-api" },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-function-dreamnet-api"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-function-dreamnet-api" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-function-agent-worker
resource "awscc_cloudwatch_alarm" "alarm_function_agent_worker" {
  alarm_description = "The function agent-worker fails"
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"

  dimensions = [
    { name = "FunctionName", value = "agent-worker" },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-function-agent-worker"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-function-agent-worker" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-function-webhooks
resource "awscc_cloudwatch_alarm" "alarm_function_webhooks" {
  alarm_description = "The function webhooks fails"
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"

  dimensions = [
    { name = "FunctionName", value = "webhooks" },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-function-webhooks"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-function-webhooks" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-function-enrich
resource "awscc_cloudwatch_alarm" "alarm_function_enrich" {
  alarm_description = "The function enrich fails"
  namespace         = "AWS/Lambda"
  metric_name       = "Errors"

  dimensions = [
    { name = "FunctionName", value = "enrich" },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-function-enrich"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-function-enrich" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-api-latency
resource "awscc_cloudwatch_alarm" "alarm_api_latency" {
  alarm_description = "The HTTP API takes longer than two seconds on average"
  namespace         = "AWS/ApiGateway"
  metric_name       = "Latency"

  dimensions = [
    { name = "ApiId", value = awscc_apigatewayv2_api.api.api_id },
  ]

  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 2000
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-api-latency"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-api-latency" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-api-errors
resource "awscc_cloudwatch_alarm" "alarm_api_errors" {
  alarm_description = "The HTTP API answers with errors of its own"
  namespace         = "AWS/ApiGateway"
  metric_name       = "5xx"

  dimensions = [
    { name = "ApiId", value = awscc_apigatewayv2_api.api.api_id },
  ]

  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-api-errors"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-api-errors" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-api-log-errors
resource "awscc_cloudwatch_alarm" "alarm_api_log_errors" {
  alarm_description   = "The function behind the API writes errors to its log"
  namespace           = "DreamNet"
  metric_name         = "ApiErrors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-api-log-errors"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-api-log-errors" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-agents-late
resource "awscc_cloudwatch_alarm" "alarm_agents_late" {
  alarm_description = "Tasks for agents wait for longer than ten minutes"
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateAgeOfOldestMessage"

  dimensions = [
    { name = "QueueName", value = "agent-tasks" },
  ]

  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 600
  treat_missing_data  = "notBreaching"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-agents-late"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-agents-late" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-database-cpu
resource "awscc_cloudwatch_alarm" "alarm_database_cpu" {
  alarm_description = "The database is busy for a quarter of an hour"
  namespace         = "AWS/RDS"
  metric_name       = "CPUUtilization"

  dimensions = [
    { name = "DBInstanceIdentifier", value = "dreamnet" },
  ]

  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  treat_missing_data  = "missing"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-database-cpu"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-database-cpu" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alarm-database-storage
resource "awscc_cloudwatch_alarm" "alarm_database_storage" {
  alarm_description = "Less than two GiB are free on the database's disk"
  namespace         = "AWS/RDS"
  metric_name       = "FreeStorageSpace"

  dimensions = [
    { name = "DBInstanceIdentifier", value = "dreamnet" },
  ]

  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 2147483648
  treat_missing_data  = "missing"
  alarm_actions       = [awscc_sns_topic.alerts.topic_arn]
  ok_actions          = [awscc_sns_topic.alerts.topic_arn]
  alarm_name          = "dreamnet-database-storage"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-database-storage" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/log-metric-api-errors
resource "awscc_logs_metric_filter" "log_metric_api_errors" {
  log_group_name = "/aws/lambda/dreamnet-api"
  filter_name    = "api-errors"
  filter_pattern = "?ERROR ?Traceback"

  metric_transformations = [
    {
      metric_namespace = "DreamNet"
      metric_name      = "ApiErrors"
      metric_value     = "1"
      default_value    = 0
    },
  ]

  depends_on = [awscc_logs_log_group.logs_api]
}

# aws/log-metric-agents-done
resource "awscc_logs_metric_filter" "log_metric_agents_done" {
  log_group_name = "/aws/lambda/agent-worker"
  filter_name    = "agents-done"
  filter_pattern = "\"agent finished\""

  metric_transformations = [
    {
      metric_namespace = "DreamNet"
      metric_name      = "AgentsFinished"
      metric_value     = "1"
      default_value    = 0
    },
  ]

  depends_on = [awscc_logs_log_group.logs_agents]
}

# aws/log-metric-webhooks
resource "awscc_logs_metric_filter" "log_metric_webhooks" {
  log_group_name = "/aws/lambda/webhooks"
  filter_name    = "webhooks-processed"
  filter_pattern = "\"webhook processed\""

  metric_transformations = [
    {
      metric_namespace = "DreamNet"
      metric_name      = "WebhooksProcessed"
      metric_value     = "1"
      default_value    = 0
    },
  ]

  depends_on = [awscc_logs_log_group.logs_webhooks]
}

# aws/alarm-dreamnet
resource "awscc_cloudwatch_composite_alarm" "alarm_dreamnet" {
  alarm_description = "DreamNet on AWS loses events, answers with errors or runs out of disk"
  alarm_rule        = "ALARM(\"dreamnet-dead-letters\") OR ALARM(\"dreamnet-api-errors\") OR ALARM(\"dreamnet-database-storage\")"
  actions_enabled   = true
  alarm_actions     = [awscc_sns_topic.alerts.topic_arn]
  ok_actions        = [awscc_sns_topic.alerts.topic_arn]
  alarm_name        = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-dreamnet" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [
    awscc_cloudwatch_alarm.alarm_dead_letters,
    awscc_cloudwatch_alarm.alarm_api_errors,
    awscc_cloudwatch_alarm.alarm_database_storage,
  ]
}

# aws/dashboard-services
resource "awscc_cloudwatch_dashboard" "dashboard_services" {
  dashboard_body = "{\"widgets\":[ {\"type\":\"metric\",\"x\":0,\"y\":0,\"width\":12,\"height\":6,\"properties\":{\"title\":\"Functions: invocations\", \"region\":\"${var.aws_region}\",\"stat\":\"Sum\",\"period\":300,\"metrics\":[ [\"AWS/Lambda\",\"Invocations\",\"FunctionName\",\"dreamnet-api\"], [\"AWS/Lambda\",\"Invocations\",\"FunctionName\",\"dream-events\"], [\"AWS/Lambda\",\"Invocations\",\"FunctionName\",\"agent-worker\"], [\"AWS/Lambda\",\"Invocations\",\"FunctionName\",\"webhooks\"], [\"AWS/Lambda\",\"Invocations\",\"FunctionName\",\"enrich\"]]}}, {\"type\":\"metric\",\"x\":12,\"y\":0,\"width\":12,\"height\":6,\"properties\":{\"title\":\"Agents: finished, waiting\", \"region\":\"${var.aws_region}\",\"stat\":\"Sum\",\"period\":300,\"metrics\":[[\"DreamNet\",\"AgentsFinished\"], [\"AWS/SQS\",\"ApproximateNumberOfMessagesVisible\",\"QueueName\",\"agent-tasks\"]]}}, {\"type\":\"metric\",\"x\":0,\"y\":6,\"width\":12,\"height\":6,\"properties\":{\"title\":\"HTTP API: latency, errors\", \"region\":\"${var.aws_region}\",\"stat\":\"Average\",\"period\":300,\"metrics\":[ [\"AWS/ApiGateway\",\"Latency\",\"ApiId\",\"${awscc_apigatewayv2_api.api.api_id}\"], [\"AWS/ApiGateway\",\"5xx\",\"ApiId\",\"${awscc_apigatewayv2_api.api.api_id}\",{\"stat\":\"Sum\"}]]}}, {\"type\":\"metric\",\"x\":12,\"y\":6,\"width\":12,\"height\":6,\"properties\":{\"title\":\"Webhooks processed\", \"region\":\"${var.aws_region}\",\"stat\":\"Sum\",\"period\":300,\"metrics\":[[\"DreamNet\",\"WebhooksProcessed\"]]}} ]}"
  dashboard_name = "dreamnet-services"

  tags = [
    { key = "dreamnet-id", value = "aws/dashboard-services" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alerts
resource "awscc_sns_topic" "alerts" {
  topic_name   = "dreamnet-alerts"
  display_name = "DreamNet"

  tags = [
    { key = "dreamnet-id", value = "aws/alerts" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/alerts-policy
resource "awscc_sns_topic_inline_policy" "alerts_policy" {
  topic_arn = awscc_sns_topic.alerts.topic_arn

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OurAlarmsAndBills"
        Effect = "Allow"
        Principal = {
          Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"]
        }
        Action   = "sns:Publish"
        Resource = awscc_sns_topic.alerts.topic_arn
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = var.aws_account_id
          }
        }
      },
    ]
  })
}

# aws/alerts-email
resource "awscc_sns_subscription" "alerts_email" {
  topic_arn = awscc_sns_topic.alerts.topic_arn
  protocol  = "email"
  endpoint  = var.operator_email
}

# aws/event-stream-role
resource "awscc_iam_role" "event_stream_role" {
  description = "What EventBridge may do to hand events to the stream"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "events.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = var.aws_account_id
          }
        }
      },
    ]
  })

  policies = [
    {
      policy_name = "put-events"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Put"
            Effect   = "Allow"
            Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
            Resource = awscc_kinesis_stream.stream_activity.arn
          },
          {
            Sid      = "Encrypt"
            Effect   = "Allow"
            Action   = ["kms:GenerateDataKey"]
            Resource = module.first.key_data_arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-event-stream"

  tags = [
    { key = "dreamnet-id", value = "aws/event-stream-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/event-rule-analytics
resource "awscc_events_rule" "event_rule_analytics" {
  name           = "analytics"
  description    = "Every event to the stream of activity"
  event_bus_name = awscc_events_event_bus.event_bus.name
  state          = "ENABLED"

  event_pattern = jsonencode({
    source = [
      { prefix = "dreamnet" },
    ]
  })

  targets = [
    {
      id       = "stream"
      arn      = awscc_kinesis_stream.stream_activity.arn
      role_arn = awscc_iam_role.event_stream_role.arn
      kinesis_parameters = {
        partition_key_path = "$.detail.id"
      }
      retry_policy = {
        maximum_retry_attempts       = 2
        maximum_event_age_in_seconds = 3600
      }
      dead_letter_config = {
        arn = awscc_sqs_queue.queue_dead_letters.arn
      }
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule-analytics" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-api-role
resource "awscc_iam_role" "function_api_role" {
  description = "What the function dreamnet-api may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "dreamnet-api"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "SendEvents"
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = awscc_events_event_bus.event_bus.arn
          },
          {
            Sid      = "ReadEvents"
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem"]
            Resource = awscc_dynamodb_table.table_processed.arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/dreamnet-api:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-api"

  tags = [
    { key = "dreamnet-id", value = "aws/function-api-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-api
resource "awscc_logs_log_group" "logs_api" {
  retention_in_days = 14
  log_group_name    = "/aws/lambda/dreamnet-api"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-api" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-api
resource "awscc_lambda_function" "function_api" {
  description   = "DreamNet's HTTP endpoints"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_api_role.arn
  timeout       = 10
  memory_size   = 256
  architectures = ["arm64"]

  tracing_config = {
    mode = "PassThrough"
  }

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "dreamnet_api-${var.code_aws_dreamnet_api}.zip"
  }

  environment = {
    variables = {
      EVENT_BUS       = "dreamnet"
      PROCESSED_TABLE = "dreamnet-processed-events"
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_dreamnet_api },
    { key = "dreamnet-id", value = "aws/function-api" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "dreamnet-api"
  depends_on    = [awscc_s3_bucket.bucket_functions, awscc_logs_log_group.logs_api, awscc_events_event_bus.event_bus]
}

# aws/logs-api-access
resource "awscc_logs_log_group" "logs_api_access" {
  retention_in_days = 14
  log_group_name    = "/aws/apigateway/dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-api-access" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/api
resource "awscc_apigatewayv2_api" "api" {
  name          = "dreamnet"
  description   = "DreamNet's endpoints on AWS"
  protocol_type = "HTTP"

  cors_configuration = {
    allow_origins = ["https://${var.domain}"]
    allow_methods = ["GET", "POST"]
    allow_headers = ["content-type"]
    max_age       = 600
  }

  tags = {
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/api"
  }
}

# aws/api-integration
resource "awscc_apigatewayv2_integration" "api_integration" {
  api_id                 = awscc_apigatewayv2_api.api.api_id
  integration_type       = "AWS_PROXY"
  integration_uri        = awscc_lambda_function.function_api.arn
  payload_format_version = "2.0"
  timeout_in_millis      = 10000
}

# aws/api-route-health
resource "awscc_apigatewayv2_route" "api_route_health" {
  api_id    = awscc_apigatewayv2_api.api.api_id
  route_key = "GET /health"
  target    = "integrations/${awscc_apigatewayv2_integration.api_integration.integration_id}"
}

# aws/api-route-create-dream
resource "awscc_apigatewayv2_route" "api_route_create_dream" {
  api_id    = awscc_apigatewayv2_api.api.api_id
  route_key = "POST /dreams"
  target    = "integrations/${awscc_apigatewayv2_integration.api_integration.integration_id}"
}

# aws/api-route-read-dream
resource "awscc_apigatewayv2_route" "api_route_read_dream" {
  api_id    = awscc_apigatewayv2_api.api.api_id
  route_key = "GET /dreams/{id}"
  target    = "integrations/${awscc_apigatewayv2_integration.api_integration.integration_id}"
}

# aws/api-route-webhook
resource "awscc_apigatewayv2_route" "api_route_webhook" {
  api_id    = awscc_apigatewayv2_api.api.api_id
  route_key = "POST /webhooks/{source}"
  target    = "integrations/${awscc_apigatewayv2_integration.api_integration.integration_id}"
}

# aws/api-stage
resource "awscc_apigatewayv2_stage" "api_stage" {
  api_id      = awscc_apigatewayv2_api.api.api_id
  auto_deploy = true

  default_route_settings = {
    throttling_rate_limit    = 50
    throttling_burst_limit   = 100
    detailed_metrics_enabled = true
  }

  access_log_settings = {
    destination_arn = awscc_logs_log_group.logs_api_access.arn
    format          = "{\"id\":\"$context.requestId\",\"route\":\"$context.routeKey\",\"status\":\"$context.status\",\"ms\":\"$context.responseLatency\"}"
  }

  stage_name = "$default"

  tags = jsonencode({
    managed-by  = "dreamnet-gameplan"
    dreamnet-id = "aws/api-stage"
  })

  depends_on = [awscc_apigatewayv2_route.api_route_create_dream]
}

# aws/function-api-permission
resource "awscc_lambda_permission" "function_api_permission" {
  function_name = "dreamnet-api"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:aws:execute-api:${var.aws_region}:${var.aws_account_id}:${awscc_apigatewayv2_api.api.api_id}/*/*"
  depends_on    = [awscc_lambda_function.function_api]
}

# aws/bucket-audit
resource "awscc_s3_bucket" "bucket_audit" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  versioning_configuration = {
    status = "Enabled"
  }

  lifecycle_configuration = {
    rules = [
      { id = "a-year", status = "Enabled", expiration_in_days = 365 },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-audit"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-audit" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-audit-policy
resource "awscc_s3_bucket_policy" "bucket_audit_policy" {
  bucket = "dreamnet-${var.aws_account_id}-audit"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "TrailMayLook"
        Effect = "Allow"
        Principal = {
          Service = "cloudtrail.amazonaws.com"
        }
        Action   = "s3:GetBucketAcl"
        Resource = "arn:aws:s3:::dreamnet-${var.aws_account_id}-audit"
        Condition = {
          StringEquals = {
            "aws:SourceArn" = "arn:aws:cloudtrail:${var.aws_region}:${var.aws_account_id}:trail/dreamnet"
          }
        }
      },
      {
        Sid    = "TrailMayWrite"
        Effect = "Allow"
        Principal = {
          Service = "cloudtrail.amazonaws.com"
        }
        Action   = "s3:PutObject"
        Resource = "arn:aws:s3:::dreamnet-${var.aws_account_id}-audit/AWSLogs/${var.aws_account_id}/*"
        Condition = {
          StringEquals = {
            "s3:x-amz-acl"  = "bucket-owner-full-control"
            "aws:SourceArn" = "arn:aws:cloudtrail:${var.aws_region}:${var.aws_account_id}:trail/dreamnet"
          }
        }
      },
    ]
  })

  depends_on = [awscc_s3_bucket.bucket_audit]
}

# aws/trail
resource "awscc_cloudtrail_trail" "trail" {
  trail_name                    = "dreamnet"
  s3_bucket_name                = "dreamnet-${var.aws_account_id}-audit"
  is_logging                    = true
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true

  tags = [
    { key = "dreamnet-id", value = "aws/trail" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_s3_bucket_policy.bucket_audit_policy]
}

# aws/container-cluster
resource "awscc_ecs_cluster" "container_cluster" {
  cluster_name       = "dreamnet"
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  cluster_settings = [
    { name = "containerInsights", value = "disabled" },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/container-cluster" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/container-execution-role
resource "awscc_iam_role" "container_execution_role" {
  description = "What ECS may do to start DreamNet's tasks"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "ecs-tasks.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  managed_policy_arns = ["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"]

  policies = [
    {
      policy_name = "database-url"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "ReadTheConnectionString"
            Effect   = "Allow"
            Action   = ["secretsmanager:GetSecretValue"]
            Resource = awscc_secretsmanager_secret.secret_database_url.id
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-container-execution"

  tags = [
    { key = "dreamnet-id", value = "aws/container-execution-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/container-infrastructure-role
resource "awscc_iam_role" "container_infrastructure_role" {
  description = "What ECS Express Mode may make"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "ecs.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  managed_policy_arns = ["arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"]
  role_name           = "dreamnet-container-infrastructure"

  tags = [
    { key = "dreamnet-id", value = "aws/container-infrastructure-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/container-task-role
resource "awscc_iam_role" "container_task_role" {
  description = "What DreamNet's tasks may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "ecs-tasks.amazonaws.com"
        }
        Action = "sts:AssumeRole"
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
            Sid      = "SendEvents"
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = awscc_events_event_bus.event_bus.arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-container-task"

  tags = [
    { key = "dreamnet-id", value = "aws/container-task-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-container
resource "awscc_logs_log_group" "logs_container" {
  retention_in_days = 14
  log_group_name    = "/aws/ecs/dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-container" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/container-service
resource "awscc_ecs_express_gateway_service" "container_service" {
  service_name            = "dreamnet"
  cluster                 = "dreamnet"
  cpu                     = "256"
  memory                  = "512"
  health_check_path       = "/readyz"
  execution_role_arn      = awscc_iam_role.container_execution_role.arn
  infrastructure_role_arn = awscc_iam_role.container_infrastructure_role.arn
  task_role_arn           = awscc_iam_role.container_task_role.arn

  network_configuration = {
    subnets = [module.first.subnet_a_subnet_id, module.first.subnet_b_subnet_id]
  }

  primary_container = {
    image          = var.image
    container_port = 8080
    aws_logs_configuration = {
      log_group         = "/aws/ecs/dreamnet"
      log_stream_prefix = "ecs"
    }
    environment = [
      { name = "PORT", value = "8080" },
      { name = "REGION", value = var.aws_region },
    ]
    secrets = [
      {
        name       = "DATABASE_URL"
        value_from = awscc_secretsmanager_secret.secret_database_url.id
      },
    ]
  }

  scaling_target = {
    min_task_count            = 1
    max_task_count            = 100
    auto_scaling_metric       = "REQUEST_COUNT_PER_TARGET"
    auto_scaling_target_value = 4800
  }

  tags = [
    { key = "dreamnet-id", value = "aws/container-service" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [
    awscc_ecs_cluster.container_cluster,
    awscc_logs_log_group.logs_container,
    module.first.route_internet_id,
    module.first.route_subnet_a_id,
    module.first.route_subnet_b_id,
  ]
}

# aws/event-archive
resource "awscc_events_archive" "event_archive" {
  archive_name   = "dreamnet"
  description    = "Two weeks of DreamNet's events"
  source_arn     = awscc_events_event_bus.event_bus.arn
  retention_days = 14

  event_pattern = jsonencode({
    source = [
      { prefix = "dreamnet" },
    ]
  })
}

# aws/event-registry
resource "awscc_eventschemas_registry" "event_registry" {
  registry_name = "dreamnet"
  description   = "Shapes of DreamNet's events"

  tags = [
    { key = "dreamnet-id", value = "aws/event-registry" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/event-schema-dream-created
resource "awscc_eventschemas_schema" "event_schema_dream_created" {
  registry_name = "dreamnet"
  schema_name   = "dreamnet@DreamCreated"
  description   = "A dream has been written"
  type          = "JSONSchemaDraft4"
  content       = "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"title\":\"DreamCreated\",\"type\":\"object\", \"required\":[\"source\",\"detail-type\",\"detail\"],\"properties\":{\"source\":{\"type\":\"string\"}, \"detail-type\":{\"type\":\"string\"},\"detail\":{\"type\":\"object\",\"required\":[\"dream\"],\"properties\":{ \"id\":{\"type\":\"string\"},\"dream\":{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{ \"id\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"}}}}}}}"

  tags = [
    { key = "dreamnet-id", value = "aws/event-schema-dream-created" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_eventschemas_registry.event_registry]
}

# aws/event-bus
resource "awscc_events_event_bus" "event_bus" {
  name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/event-bus" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/event-rule
resource "awscc_events_rule" "event_rule" {
  name           = "dream-events"
  description    = "Dream events to the queue"
  event_bus_name = awscc_events_event_bus.event_bus.name
  state          = "ENABLED"

  event_pattern = jsonencode({
    source = ["dreamnet"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-policy
resource "awscc_sqs_queue_inline_policy" "queue_policy" {
  queue = awscc_sqs_queue.queue.queue_url

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheRule"
        Effect = "Allow"
        Principal = {
          Service = "events.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = awscc_sqs_queue.queue.arn
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = awscc_events_rule.event_rule.arn
          }
        }
      },
    ]
  })
}

# aws/function-role
resource "awscc_iam_role" "function_role" {
  description = "What the function dream-events may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "dream-events"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "TakeMessages"
            Effect   = "Allow"
            Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            Resource = awscc_sqs_queue.queue.arn
          },
          {
            Sid      = "RememberEvents"
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            Resource = awscc_dynamodb_table.table_processed.arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/dream-events*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-dream-events"

  tags = [
    { key = "dreamnet-id", value = "aws/function-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-dream-events
resource "awscc_lambda_function" "function_dream_events" {
  description   = "Records each dream event once"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_role.arn
  timeout       = 30
  memory_size   = 128
  architectures = ["arm64"]

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "dream_events-${var.code_aws_dream_events}.zip"
  }

  environment = {
    variables = {
      PROCESSED_TABLE = "dreamnet-processed-events"
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_dream_events },
    { key = "dreamnet-id", value = "aws/function-dream-events" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "dream-events"
  depends_on    = [awscc_s3_bucket.bucket_functions]
}

# aws/function-trigger
resource "awscc_lambda_event_source_mapping" "function_trigger" {
  function_name           = "dream-events"
  event_source_arn        = awscc_sqs_queue.queue.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = [
    { key = "dreamnet-id", value = "aws/function-trigger" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_lambda_function.function_dream_events]
}

# aws/alarm-dead-letters
resource "awscc_cloudwatch_alarm" "alarm_dead_letters" {
  alarm_description = "A dream event could not be processed five times"
  namespace         = "AWS/SQS"
  metric_name       = "ApproximateNumberOfMessagesVisible"

  dimensions = [
    { name = "QueueName", value = "dream-events-dead-letters" },
  ]

  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_name          = "dreamnet-dead-letters"

  tags = [
    { key = "dreamnet-id", value = "aws/alarm-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/dashboard
resource "awscc_cloudwatch_dashboard" "dashboard" {
  dashboard_body = "{\"widgets\":[ {\"type\":\"metric\",\"x\":0,\"y\":0,\"width\":12,\"height\":6,\"properties\":{\"title\":\"Dream events in the queue\", \"region\":\"${var.aws_region}\",\"stat\":\"Maximum\",\"period\":60, \"metrics\":[[\"AWS/SQS\",\"ApproximateNumberOfMessagesVisible\",\"QueueName\",\"dream-events\"]]}}, {\"type\":\"metric\",\"x\":12,\"y\":0,\"width\":12,\"height\":6,\"properties\":{\"title\":\"Database CPU\", \"region\":\"${var.aws_region}\",\"stat\":\"Average\",\"period\":60, \"metrics\":[[\"AWS/RDS\",\"CPUUtilization\",\"DBInstanceIdentifier\",\"dreamnet\"]]}} ]}"
  dashboard_name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/dashboard" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-digest-role
resource "awscc_iam_role" "function_digest_role" {
  description = "What the function digest may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "digest"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "LookAtQueues"
            Effect = "Allow"
            Action = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
            Resource = [
              awscc_sqs_queue.queue_dead_letters.arn,
              awscc_sqs_queue.queue_agents_dead_letters.arn,
              awscc_sqs_queue.queue_webhooks_dead_letters.arn,
            ]
          },
          {
            Sid      = "SayWhatWaits"
            Effect   = "Allow"
            Action   = ["sns:Publish"]
            Resource = awscc_sns_topic.alerts.topic_arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/digest:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-digest"

  tags = [
    { key = "dreamnet-id", value = "aws/function-digest-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-digest
resource "awscc_logs_log_group" "logs_digest" {
  retention_in_days = 14
  log_group_name    = "/aws/lambda/digest"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-digest" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-digest
resource "awscc_lambda_function" "function_digest" {
  description   = "Says each night what waits in the dead-letter queues"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_digest_role.arn
  timeout       = 30
  memory_size   = 128
  architectures = ["arm64"]

  tracing_config = {
    mode = "PassThrough"
  }

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "digest-${var.code_aws_digest}.zip"
  }

  environment = {
    variables = {
      QUEUES       = "dream-events-dead-letters,agent-tasks-dead-letters,webhooks-dead-letters"
      ALERTS_TOPIC = awscc_sns_topic.alerts.topic_arn
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_digest },
    { key = "dreamnet-id", value = "aws/function-digest" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "digest"
  depends_on    = [awscc_s3_bucket.bucket_functions, awscc_logs_log_group.logs_digest]
}

# aws/scheduler-role
resource "awscc_iam_role" "scheduler_role" {
  description = "What the schedules may start"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "scheduler.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = var.aws_account_id
          }
        }
      },
    ]
  })

  policies = [
    {
      policy_name = "targets"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "CallTheDigest"
            Effect   = "Allow"
            Action   = ["lambda:InvokeFunction"]
            Resource = awscc_lambda_function.function_digest.arn
          },
          {
            Sid      = "AskTheAgents"
            Effect   = "Allow"
            Action   = ["sqs:SendMessage"]
            Resource = awscc_sqs_queue.queue_agents.arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-scheduler"

  tags = [
    { key = "dreamnet-id", value = "aws/scheduler-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/schedule-digest
resource "awscc_scheduler_schedule" "schedule_digest" {
  description                  = "The digest at three in the morning"
  schedule_expression          = "cron(0 3 * * ? *)"
  schedule_expression_timezone = "UTC"
  state                        = "ENABLED"

  flexible_time_window = {
    mode = "OFF"
  }

  target = {
    arn      = awscc_lambda_function.function_digest.arn
    role_arn = awscc_iam_role.scheduler_role.arn
    input    = "{\"kind\": \"nightly\"}"
    retry_policy = {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 3600
    }
    dead_letter_config = {
      arn = awscc_sqs_queue.queue_dead_letters.arn
    }
  }

  name = "dreamnet-digest"
}

# aws/schedule-agents
resource "awscc_scheduler_schedule" "schedule_agents" {
  description         = "A task for the agents every hour"
  schedule_expression = "rate(1 hour)"
  state               = "ENABLED"

  flexible_time_window = {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }

  target = {
    arn      = awscc_sqs_queue.queue_agents.arn
    role_arn = awscc_iam_role.scheduler_role.arn
    input    = "{\"source\": \"dreamnet.scheduler\", \"detail-type\": \"agent.requested\", \"detail\": {\"task\": \"tidy\"}}"
    retry_policy = {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 3600
    }
  }

  name = "dreamnet-agents"
}

# aws/trace-sampling
resource "awscc_xray_sampling_rule" "trace_sampling" {
  sampling_rule = {
    rule_name      = "dreamnet"
    priority       = 100
    fixed_rate     = 0.05
    reservoir_size = 1
    service_name   = "dreamnet*"
    service_type   = "*"
    host           = "*"
    http_method    = "*"
    url_path       = "*"
    resource_arn   = "*"
    version        = 1
  }

  tags = [
    { key = "dreamnet-id", value = "aws/trace-sampling" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/trace-group
resource "awscc_xray_group" "trace_group" {
  group_name        = "dreamnet-troubled"
  filter_expression = "service(\"dreamnet*\") AND (fault = true OR responsetime > 2)"

  insights_configuration = {
    insights_enabled      = true
    notifications_enabled = false
  }

  tags = [
    { key = "dreamnet-id", value = "aws/trace-group" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-webhooks-dead-letters
resource "awscc_sqs_queue" "queue_webhooks_dead_letters" {
  queue_name               = "webhooks-dead-letters"
  message_retention_period = 1209600
  sqs_managed_sse_enabled  = true

  tags = [
    { key = "dreamnet-id", value = "aws/queue-webhooks-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-webhooks
resource "awscc_sqs_queue" "queue_webhooks" {
  queue_name               = "webhooks"
  visibility_timeout       = 180
  message_retention_period = 345600
  sqs_managed_sse_enabled  = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = awscc_sqs_queue.queue_webhooks_dead_letters.arn
    maxReceiveCount     = 5
  })

  tags = [
    { key = "dreamnet-id", value = "aws/queue-webhooks" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/event-rule-webhooks
resource "awscc_events_rule" "event_rule_webhooks" {
  name           = "webhooks"
  description    = "Received webhooks to their queue"
  event_bus_name = awscc_events_event_bus.event_bus.name
  state          = "ENABLED"

  event_pattern = jsonencode({
    source      = ["dreamnet.api"]
    detail-type = ["webhook.received"]
  })

  targets = [
    { id = "queue", arn = awscc_sqs_queue.queue_webhooks.arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/event-rule-webhooks" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-webhooks-policy
resource "awscc_sqs_queue_inline_policy" "queue_webhooks_policy" {
  queue = awscc_sqs_queue.queue_webhooks.queue_url

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheRule"
        Effect = "Allow"
        Principal = {
          Service = "events.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = awscc_sqs_queue.queue_webhooks.arn
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = awscc_events_rule.event_rule_webhooks.arn
          }
        }
      },
    ]
  })
}

# aws/function-webhooks-role
resource "awscc_iam_role" "function_webhooks_role" {
  description = "What the function webhooks may do"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "lambda.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "webhooks"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "TakeMessages"
            Effect   = "Allow"
            Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
            Resource = awscc_sqs_queue.queue_webhooks.arn
          },
          {
            Sid      = "RememberEvents"
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
            Resource = awscc_dynamodb_table.table_processed.arn
          },
          {
            Sid      = "SendEvents"
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = awscc_events_event_bus.event_bus.arn
          },
          {
            Sid      = "WriteLogs"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/lambda/webhooks:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-webhooks"

  tags = [
    { key = "dreamnet-id", value = "aws/function-webhooks-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/logs-webhooks
resource "awscc_logs_log_group" "logs_webhooks" {
  retention_in_days = 14
  log_group_name    = "/aws/lambda/webhooks"

  tags = [
    { key = "dreamnet-id", value = "aws/logs-webhooks" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/function-webhooks
resource "awscc_lambda_function" "function_webhooks" {
  description   = "Turns each received webhook into a dream event once"
  runtime       = "python3.12"
  handler       = "handler.handler"
  role          = awscc_iam_role.function_webhooks_role.arn
  timeout       = 30
  memory_size   = 128
  architectures = ["arm64"]

  tracing_config = {
    mode = "PassThrough"
  }

  code = {
    s3_bucket = "dreamnet-${var.aws_account_id}-functions"
    s3_key    = "webhooks-${var.code_aws_webhooks}.zip"
  }

  environment = {
    variables = {
      EVENT_BUS       = "dreamnet"
      PROCESSED_TABLE = "dreamnet-processed-events"
    }
  }

  tags = [
    { key = "dreamnet-code", value = var.code_aws_webhooks },
    { key = "dreamnet-id", value = "aws/function-webhooks" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  function_name = "webhooks"

  depends_on = [
    awscc_s3_bucket.bucket_functions,
    awscc_logs_log_group.logs_webhooks,
    awscc_events_event_bus.event_bus,
  ]
}

# aws/function-webhooks-trigger
resource "awscc_lambda_event_source_mapping" "function_webhooks_trigger" {
  function_name           = "webhooks"
  event_source_arn        = awscc_sqs_queue.queue_webhooks.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = [
    { key = "dreamnet-id", value = "aws/function-webhooks-trigger" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_lambda_function.function_webhooks]
}
