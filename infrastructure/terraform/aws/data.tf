# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/bucket-backups
resource "awscc_s3_bucket" "bucket_backups" {
  provider = awscc.second

  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  bucket_encryption = {
    server_side_encryption_configuration = [
      {
        server_side_encryption_by_default = {
          sse_algorithm = "AES256"
        }
        bucket_key_enabled = false
      },
    ]
  }

  ownership_controls = {
    rules = [
      { object_ownership = "BucketOwnerEnforced" },
    ]
  }

  versioning_configuration = {
    status = "Enabled"
  }

  object_lock_enabled = true

  object_lock_configuration = {
    object_lock_enabled = "Enabled"
    rule = {
      default_retention = {
        mode = "GOVERNANCE"
        days = 14
      }
    }
  }

  lifecycle_configuration = {
    rules = [
      {
        id     = "colder-then-gone"
        status = "Enabled"
        transitions = [
          { storage_class = "GLACIER_IR", transition_in_days = 30 },
        ]
        expiration_in_days = 365
        noncurrent_version_expiration = {
          noncurrent_days = 30
        }
        abort_incomplete_multipart_upload = {
          days_after_initiation = 7
        }
      },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-backups"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-backups" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-policy-backups
resource "awscc_s3_bucket_policy" "bucket_policy_backups" {
  provider = awscc.second

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EncryptedConnectionsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [awscc_s3_bucket.bucket_backups.arn, "${awscc_s3_bucket.bucket_backups.arn}/*"]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })

  bucket = awscc_s3_bucket.bucket_backups.bucket_name
}

# aws/bucket-policy-lake
resource "awscc_s3_bucket_policy" "bucket_policy_lake" {
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EncryptedConnectionsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [awscc_s3_bucket.bucket_lake.arn, "${awscc_s3_bucket.bucket_lake.arn}/*"]
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })

  bucket = awscc_s3_bucket.bucket_lake.bucket_name
}

# aws/table-sessions
resource "awscc_dynamodb_global_table" "table_sessions" {
  billing_mode = "PAY_PER_REQUEST"

  attribute_definitions = [
    { attribute_name = "session_id", attribute_type = "S" },
  ]

  key_schema = [
    { attribute_name = "session_id", key_type = "HASH" },
  ]

  stream_specification = {
    stream_view_type = "NEW_AND_OLD_IMAGES"
  }

  sse_specification = {
    sse_enabled = true
  }

  time_to_live_specification = {
    attribute_name = "expires"
    enabled        = true
  }

  replicas = [
    {
      region = var.aws_region
      point_in_time_recovery_specification = {
        point_in_time_recovery_enabled = true
      }
    },
    {
      region = var.aws_second_region
      point_in_time_recovery_specification = {
        point_in_time_recovery_enabled = true
      }
    },
  ]

  table_name = "dreamnet-sessions"
}

# aws/table-agent-state
resource "awscc_dynamodb_table" "table_agent_state" {
  billing_mode = "PAY_PER_REQUEST"

  attribute_definitions = [
    { attribute_name = "agent_id", attribute_type = "S" },
    { attribute_name = "status", attribute_type = "S" },
    { attribute_name = "updated", attribute_type = "N" },
  ]

  key_schema = jsonencode([
    { AttributeName = "agent_id", KeyType = "HASH" },
  ])

  global_secondary_indexes = [
    {
      index_name = "by-status"
      key_schema = [
        { attribute_name = "status", key_type = "HASH" },
        { attribute_name = "updated", key_type = "RANGE" },
      ]
      projection = {
        projection_type = "ALL"
      }
    },
  ]

  point_in_time_recovery_specification = {
    point_in_time_recovery_enabled = true
  }

  deletion_protection_enabled = true

  sse_specification = {
    sse_enabled       = true
    sse_type          = "KMS"
    kms_master_key_id = module.first.key_data_arn
  }

  table_name = "dreamnet-agent-state"

  tags = [
    { key = "dreamnet-id", value = "aws/table-agent-state" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/table-processed
resource "awscc_dynamodb_table" "table_processed" {
  billing_mode = "PAY_PER_REQUEST"

  attribute_definitions = [
    { attribute_name = "event_id", attribute_type = "S" },
  ]

  key_schema = jsonencode([
    { AttributeName = "event_id", KeyType = "HASH" },
  ])

  time_to_live_specification = {
    attribute_name = "expires"
    enabled        = true
  }

  table_name = "dreamnet-processed-events"

  tags = [
    { key = "dreamnet-id", value = "aws/table-processed" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/cache-subnets-second
resource "awscc_elasticache_subnet_group" "cache_subnets_second" {
  provider                = awscc.second
  description             = "DreamNet's caches"
  subnet_ids              = [module.second.subnet_private_a_subnet_id, module.second.subnet_private_b_subnet_id]
  cache_subnet_group_name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/cache-subnets-second" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/cache-subnets
resource "awscc_elasticache_subnet_group" "cache_subnets" {
  description             = "DreamNet's caches"
  subnet_ids              = [module.first.subnet_a_subnet_id, module.first.subnet_b_subnet_id]
  cache_subnet_group_name = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/cache-subnets" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/stream-activity
resource "awscc_kinesis_stream" "stream_activity" {
  stream_mode_details = {
    stream_mode = "ON_DEMAND"
  }

  retention_period_hours = 24

  stream_encryption = {
    encryption_type = "KMS"
    key_id          = module.first.key_data_arn
  }

  name = "dreamnet-activity"

  tags = [
    { key = "dreamnet-id", value = "aws/stream-activity" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/delivery-role
resource "awscc_iam_role" "delivery_role" {
  description = "Takes records from the stream and writes them to the lake"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "firehose.amazonaws.com"
        }
        Action = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "sts:ExternalId" = var.aws_account_id
          }
        }
      },
    ]
  })

  policies = [
    {
      policy_name = "deliver"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Read"
            Effect   = "Allow"
            Action   = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"]
            Resource = awscc_kinesis_stream.stream_activity.arn
          },
          {
            Sid      = "Decrypt"
            Effect   = "Allow"
            Action   = ["kms:Decrypt"]
            Resource = module.first.key_data_arn
          },
          {
            Sid      = "Write"
            Effect   = "Allow"
            Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
            Resource = "${awscc_s3_bucket.bucket_lake.arn}/activity/*"
          },
          {
            Sid      = "Bucket"
            Effect   = "Allow"
            Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
            Resource = awscc_s3_bucket.bucket_lake.arn
          },
          {
            Sid      = "Log"
            Effect   = "Allow"
            Action   = ["logs:PutLogEvents"]
            Resource = "arn:aws:logs:${var.aws_region}:${var.aws_account_id}:log-group:/aws/kinesisfirehose/dreamnet-activity:*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-delivery-stream"

  tags = [
    { key = "dreamnet-id", value = "aws/delivery-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/delivery-logs
resource "awscc_logs_log_group" "delivery_logs" {
  retention_in_days = 14
  log_group_name    = "/aws/kinesisfirehose/dreamnet-activity"

  tags = [
    { key = "dreamnet-id", value = "aws/delivery-logs" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/delivery-activity
resource "awscc_kinesisfirehose_delivery_stream" "delivery_activity" {
  delivery_stream_type = "KinesisStreamAsSource"

  kinesis_stream_source_configuration = {
    kinesis_stream_arn = awscc_kinesis_stream.stream_activity.arn
    role_arn           = awscc_iam_role.delivery_role.arn
  }

  extended_s3_destination_configuration = {
    bucket_arn          = awscc_s3_bucket.bucket_lake.arn
    role_arn            = awscc_iam_role.delivery_role.arn
    prefix              = "activity/day=!{timestamp:yyyy-MM-dd}/"
    error_output_prefix = "activity/errors/!{firehose:error-output-type}/"
    compression_format  = "GZIP"
    buffering_hints = {
      interval_in_seconds = 300
      size_in_m_bs        = 64
    }
    cloudwatch_logging_options = {
      enabled         = true
      log_group_name  = "/aws/kinesisfirehose/dreamnet-activity"
      log_stream_name = "s3"
    }
  }

  delivery_stream_name = "dreamnet-activity"

  tags = [
    { key = "dreamnet-id", value = "aws/delivery-activity" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_logs_log_group.delivery_logs]
}

# aws/lake-database
resource "awscc_glue_database" "lake_database" {
  catalog_id = var.aws_account_id

  database_input = {
    name        = "dreamnet"
    description = "DreamNet's lake"
  }

  database_name = "dreamnet"
}

# aws/lake-table-activity
resource "awscc_glue_table" "lake_table_activity" {
  catalog_id    = var.aws_account_id
  database_name = "dreamnet"

  table_input = {
    name        = "activity"
    description = "What Firehose delivers, a folder a day"
    table_type  = "EXTERNAL_TABLE"
    parameters = jsonencode({
      classification          = "json"
      "projection.enabled"    = "true"
      "projection.day.type"   = "date"
      "projection.day.format" = "yyyy-MM-dd"
      "projection.day.range"  = "2026-01-01,NOW"
    })
    partition_keys = [
      { name = "day", type = "string" },
    ]
    storage_descriptor = {
      location      = "s3://${awscc_s3_bucket.bucket_lake.bucket_name}/activity/"
      input_format  = "org.apache.hadoop.mapred.TextInputFormat"
      output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde_info = {
        serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      }
      columns = [
        { name = "event_id", type = "string" },
        { name = "kind", type = "string" },
        { name = "dream_id", type = "string" },
        { name = "person_id", type = "string" },
        { name = "at", type = "timestamp" },
      ]
    }
  }

  name       = "activity"
  depends_on = [awscc_glue_database.lake_database]
}

# aws/flink-role
resource "awscc_iam_role" "flink_role" {
  description = "What the stream's notebook may read"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "kinesisanalytics.amazonaws.com"
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

  managed_policy_arns = [awscc_iam_managed_policy.policy_lake.policy_arn]

  policies = [
    {
      policy_name = "read-the-stream"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "Read"
            Effect = "Allow"
            Action = [
              "kinesis:DescribeStream",
              "kinesis:DescribeStreamSummary",
              "kinesis:GetShardIterator",
              "kinesis:GetRecords",
              "kinesis:ListShards",
            ]
            Resource = awscc_kinesis_stream.stream_activity.arn
          },
          {
            Sid      = "Decrypt"
            Effect   = "Allow"
            Action   = ["kms:Decrypt"]
            Resource = module.first.key_data_arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-flink"

  tags = [
    { key = "dreamnet-id", value = "aws/flink-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/flink
resource "awscc_kinesisanalyticsv2_application" "flink" {
  application_description = "SQL over what people do"
  application_mode        = "INTERACTIVE"
  runtime_environment     = "ZEPPELIN-FLINK-3_0"
  service_execution_role  = awscc_iam_role.flink_role.arn

  application_configuration = {
    flink_application_configuration = {
      parallelism_configuration = {
        configuration_type  = "CUSTOM"
        parallelism         = 1
        parallelism_per_kpu = 1
      }
    }
    zeppelin_application_configuration = {
      monitoring_configuration = {
        log_level = "INFO"
      }
      catalog_configuration = {
        glue_data_catalog_configuration = {
          database_arn = "arn:aws:glue:${var.aws_region}:${var.aws_account_id}:database/${awscc_glue_database.lake_database.database_name}"
        }
      }
    }
  }

  application_name = "dreamnet-activity"

  tags = [
    { key = "dreamnet-id", value = "aws/flink" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-media
resource "awscc_s3_bucket" "bucket_media" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  bucket_encryption = {
    server_side_encryption_configuration = [
      {
        server_side_encryption_by_default = {
          sse_algorithm = "AES256"
        }
        bucket_key_enabled = false
      },
    ]
  }

  ownership_controls = {
    rules = [
      { object_ownership = "BucketOwnerEnforced" },
    ]
  }

  versioning_configuration = {
    status = "Enabled"
  }

  lifecycle_configuration = {
    rules = [
      {
        id     = "clean-up"
        status = "Enabled"
        abort_incomplete_multipart_upload = {
          days_after_initiation = 7
        }
        noncurrent_version_expiration = {
          noncurrent_days = 30
        }
      },
      {
        id     = "colder"
        status = "Enabled"
        transitions = [
          { storage_class = "INTELLIGENT_TIERING", transition_in_days = 30 },
        ]
      },
    ]
  }

  cors_configuration = {
    cors_rules = [
      {
        id              = "uploads"
        allowed_methods = ["GET", "PUT"]
        allowed_origins = ["https://*.${var.domain}"]
        allowed_headers = ["*"]
        max_age         = 3600
      },
    ]
  }

  replication_configuration = {
    role = awscc_iam_role.media_replication_role.arn
    rules = [
      {
        id       = "second-region"
        status   = "Enabled"
        priority = 1
        filter = {
          prefix = ""
        }
        delete_marker_replication = {
          status = "Enabled"
        }
        destination = {
          bucket        = awscc_s3_bucket.bucket_media_second.arn
          storage_class = "STANDARD_IA"
        }
      },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-media"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-media" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-media-second
resource "awscc_s3_bucket" "bucket_media_second" {
  provider = awscc.second

  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  bucket_encryption = {
    server_side_encryption_configuration = [
      {
        server_side_encryption_by_default = {
          sse_algorithm = "AES256"
        }
        bucket_key_enabled = false
      },
    ]
  }

  ownership_controls = {
    rules = [
      { object_ownership = "BucketOwnerEnforced" },
    ]
  }

  versioning_configuration = {
    status = "Enabled"
  }

  lifecycle_configuration = {
    rules = [
      {
        id     = "clean-up"
        status = "Enabled"
        noncurrent_version_expiration = {
          noncurrent_days = 30
        }
      },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-media-second"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-media-second" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/media-replication-role
resource "awscc_iam_role" "media_replication_role" {
  description = "Copies media to the second region"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = "s3.amazonaws.com"
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  policies = [
    {
      policy_name = "replicate"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "Source"
            Effect   = "Allow"
            Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
            Resource = "arn:aws:s3:::dreamnet-${var.aws_account_id}-media"
          },
          {
            Sid      = "Versions"
            Effect   = "Allow"
            Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
            Resource = "arn:aws:s3:::dreamnet-${var.aws_account_id}-media/*"
          },
          {
            Sid      = "Copies"
            Effect   = "Allow"
            Action   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
            Resource = "${awscc_s3_bucket.bucket_media_second.arn}/*"
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-media-replication"

  tags = [
    { key = "dreamnet-id", value = "aws/media-replication-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-media-dead-letters
resource "awscc_sqs_queue" "queue_media_dead_letters" {
  queue_name               = "dreamnet-media-dead-letters"
  message_retention_period = 1209600
  sqs_managed_sse_enabled  = true

  tags = [
    { key = "dreamnet-id", value = "aws/queue-media-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-media
resource "awscc_sqs_queue" "queue_media" {
  queue_name                        = "dreamnet-media"
  visibility_timeout                = 300
  receive_message_wait_time_seconds = 20
  sqs_managed_sse_enabled           = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = awscc_sqs_queue.queue_media_dead_letters.arn
    maxReceiveCount     = 3
  })

  tags = [
    { key = "dreamnet-id", value = "aws/queue-media" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/database-subnets-second
resource "awscc_rds_db_subnet_group" "database_subnets_second" {
  provider                    = awscc.second
  db_subnet_group_description = "DreamNet's databases"
  subnet_ids                  = [module.second.subnet_private_a_subnet_id, module.second.subnet_private_b_subnet_id]
  db_subnet_group_name        = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/database-subnets-second" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/database-replica
resource "awscc_rds_db_instance" "database_replica" {
  provider                      = awscc.second
  source_db_instance_identifier = awscc_rds_db_instance.database.db_instance_arn
  source_region                 = var.aws_region
  engine                        = "postgres"
  db_instance_class             = "db.t4g.micro"
  max_allocated_storage         = 100
  storage_type                  = "gp3"
  kms_key_id                    = module.second.key_data_arn
  multi_az                      = false
  publicly_accessible           = false
  backup_retention_period       = 7
  copy_tags_to_snapshot         = true
  auto_minor_version_upgrade    = true
  db_subnet_group_name          = awscc_rds_db_subnet_group.database_subnets_second.db_subnet_group_name
  db_parameter_group_name       = module.second.database_parameters_db_parameter_group_name
  vpc_security_groups           = [module.second.database_security_group_group_id]
  db_instance_identifier        = "dreamnet-replica"

  tags = [
    { key = "dreamnet-id", value = "aws/database-replica" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/database-subnets
resource "awscc_rds_db_subnet_group" "database_subnets" {
  db_subnet_group_description = "DreamNet's databases"
  subnet_ids                  = [module.first.subnet_a_subnet_id, module.first.subnet_b_subnet_id]
  db_subnet_group_name        = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/database-subnets" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/database
resource "awscc_rds_db_instance" "database" {
  engine                     = "postgres"
  engine_version             = "18"
  db_instance_class          = "db.t4g.micro"
  allocated_storage          = "20"
  max_allocated_storage      = 100
  storage_type               = "gp3"
  storage_encrypted          = true
  db_name                    = "dreamnet"
  master_username            = "dreamnet"
  master_user_password       = var.database_password
  multi_az                   = false
  publicly_accessible        = false
  backup_retention_period    = 7
  copy_tags_to_snapshot      = true
  auto_minor_version_upgrade = true
  db_subnet_group_name       = awscc_rds_db_subnet_group.database_subnets.db_subnet_group_name
  db_parameter_group_name    = module.first.database_parameters_db_parameter_group_name
  vpc_security_groups        = [module.first.database_security_group_group_id]
  db_instance_identifier     = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/database" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/warehouse-role
resource "awscc_iam_role" "warehouse_role" {
  description = "What the warehouse may read and write outside itself"

  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
        }
        Action = "sts:AssumeRole"
      },
    ]
  })

  managed_policy_arns = [awscc_iam_managed_policy.policy_lake.policy_arn]

  policies = [
    {
      policy_name = "streams"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "StreamingIngestion"
            Effect = "Allow"
            Action = [
              "kinesis:DescribeStreamSummary",
              "kinesis:GetShardIterator",
              "kinesis:GetRecords",
              "kinesis:ListShards",
            ]
            Resource = awscc_kinesis_stream.stream_activity.arn
          },
          {
            Sid      = "DecryptIt"
            Effect   = "Allow"
            Action   = ["kms:Decrypt"]
            Resource = module.first.key_data_arn
          },
        ]
      })
    },
  ]

  role_name = "dreamnet-warehouse"

  tags = [
    { key = "dreamnet-id", value = "aws/warehouse-role" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/warehouse-namespace
resource "awscc_redshiftserverless_namespace" "warehouse_namespace" {
  db_name               = "dreamnet"
  admin_username        = "dreamnet"
  manage_admin_password = true
  kms_key_id            = module.first.key_data_arn
  default_iam_role_arn  = awscc_iam_role.warehouse_role.arn
  iam_roles             = [awscc_iam_role.warehouse_role.arn]
  log_exports           = ["userlog", "connectionlog", "useractivitylog"]
  namespace_name        = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/warehouse-namespace" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/warehouse
resource "awscc_redshiftserverless_workgroup" "warehouse" {
  namespace_name       = "dreamnet"
  base_capacity        = 4
  max_capacity         = 8
  enhanced_vpc_routing = true
  publicly_accessible  = false
  port                 = 5439

  config_parameters = [
    { parameter_key = "require_ssl", parameter_value = "true" },
    { parameter_key = "max_query_execution_time", parameter_value = "3600" },
  ]

  subnet_ids = [
    module.first.subnet_private_a_subnet_id,
    module.first.subnet_private_b_subnet_id,
    awscc_ec2_subnet.subnet_private_c.subnet_id,
  ]

  security_group_ids = [awscc_ec2_security_group.warehouse_security_group.group_id]
  workgroup_name     = "dreamnet"

  tags = [
    { key = "dreamnet-id", value = "aws/warehouse" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_redshiftserverless_namespace.warehouse_namespace]
}

# aws/secret-session-key
resource "awscc_secretsmanager_secret" "secret_session_key" {
  name        = "dreamnet-session-key"
  description = "Signs the sessions of DreamNet's backend"
  kms_key_id  = module.first.key_data_arn

  generate_secret_string = {
    password_length     = 64
    exclude_punctuation = true
  }

  replica_regions = [
    { region = var.aws_second_region, kms_key_id = module.second.key_data_arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/secret-session-key" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/secret-webhook-key
resource "awscc_secretsmanager_secret" "secret_webhook_key" {
  name        = "dreamnet-webhook-key"
  description = "Verifies the signatures of incoming webhooks"
  kms_key_id  = module.first.key_data_arn

  generate_secret_string = {
    password_length     = 64
    exclude_punctuation = true
  }

  replica_regions = [
    { region = var.aws_second_region, kms_key_id = module.second.key_data_arn },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/secret-webhook-key" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue-dead-letters
resource "awscc_sqs_queue" "queue_dead_letters" {
  queue_name               = "dream-events-dead-letters"
  message_retention_period = 1209600
  sqs_managed_sse_enabled  = true

  tags = [
    { key = "dreamnet-id", value = "aws/queue-dead-letters" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/queue
resource "awscc_sqs_queue" "queue" {
  queue_name               = "dream-events"
  visibility_timeout       = 180
  message_retention_period = 345600
  sqs_managed_sse_enabled  = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = awscc_sqs_queue.queue_dead_letters.arn
    maxReceiveCount     = 5
  })

  tags = [
    { key = "dreamnet-id", value = "aws/queue" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-lake
resource "awscc_s3_bucket" "bucket_lake" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  lifecycle_configuration = {
    rules = [
      {
        id     = "colder-after-a-month"
        status = "Enabled"
        transitions = [
          { storage_class = "STANDARD_IA", transition_in_days = 30 },
        ]
      },
    ]
  }

  bucket_name = "dreamnet-${var.aws_account_id}-lake"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-lake" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-functions
resource "awscc_s3_bucket" "bucket_functions" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  bucket_name = "dreamnet-${var.aws_account_id}-functions"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-functions" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/secret-database-url
resource "awscc_secretsmanager_secret" "secret_database_url" {
  name        = "dreamnet-database-url"
  description = "Connection string of the database that serves DreamNet"

  tags = [
    { key = "dreamnet-id", value = "aws/secret-database-url" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}
