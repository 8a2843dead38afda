# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/budget
resource "aws_budgets_budget" "budget" {
  provider     = aws.us_east_1
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  name         = "dreamnet"
  limit_amount = "89"
  limit_unit   = "USD"

  tags = {
    dreamnet-id = "aws/budget"
    managed-by  = "dreamnet-gameplan"
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.operator_email]
    subscriber_sns_topic_arns  = []
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = []
    subscriber_sns_topic_arns  = [awscc_sns_topic.alerts.topic_arn]
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.operator_email]
    subscriber_sns_topic_arns  = []
  }
}

# aws/cost-monitor
resource "awscc_ce_anomaly_monitor" "cost_monitor" {
  provider          = awscc.us_east_1
  monitor_name      = "dreamnet"
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"

  resource_tags = [
    { key = "dreamnet-id", value = "aws/cost-monitor" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/cost-anomalies
resource "awscc_ce_anomaly_subscription" "cost_anomalies" {
  provider          = awscc.us_east_1
  subscription_name = "dreamnet"
  frequency         = "DAILY"
  monitor_arn_list  = [awscc_ce_anomaly_monitor.cost_monitor.monitor_arn]

  subscribers = [
    { type = "EMAIL", address = var.operator_email },
  ]

  threshold_expression = "{\"Dimensions\":{\"Key\":\"ANOMALY_TOTAL_IMPACT_ABSOLUTE\",\"MatchOptions\":[\"GREATER_THAN_OR_EQUAL\"],\"Values\":[\"5\"]}}"

  resource_tags = [
    { key = "dreamnet-id", value = "aws/cost-anomalies" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-billing
resource "awscc_s3_bucket" "bucket_billing" {
  provider = awscc.us_east_1

  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  bucket_name = "dreamnet-${var.aws_account_id}-billing"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-billing" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/bucket-billing-policy
resource "awscc_s3_bucket_policy" "bucket_billing_policy" {
  provider = awscc.us_east_1
  bucket   = "dreamnet-${var.aws_account_id}-billing"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheExport"
        Effect = "Allow"
        Principal = {
          Service = ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
        }
        Action = ["s3:PutObject", "s3:GetBucketPolicy"]
        Resource = [
          "arn:aws:s3:::dreamnet-${var.aws_account_id}-billing",
          "arn:aws:s3:::dreamnet-${var.aws_account_id}-billing/*",
        ]
        Condition = {
          StringLike = {
            "aws:SourceAccount" = var.aws_account_id
            "aws:SourceArn" = [
              "arn:aws:cur:us-east-1:${var.aws_account_id}:definition/*",
              "arn:aws:bcm-data-exports:us-east-1:${var.aws_account_id}:export/*",
            ]
          }
        }
      },
    ]
  })

  depends_on = [awscc_s3_bucket.bucket_billing]
}

# aws/billing-export
resource "awscc_bcmdataexports_export" "billing_export" {
  provider = awscc.us_east_1

  export = {
    name        = "dreamnet-focus"
    description = "The bill in FOCUS 1.2"
    refresh_cadence = {
      frequency = "SYNCHRONOUS"
    }
    data_query = {
      query_statement = "SELECT BilledCost, BillingAccountId, BillingAccountName, BillingCurrency, BillingPeriodEnd, BillingPeriodStart, ChargeCategory, ChargeClass, ChargeDescription, ChargePeriodEnd, ChargePeriodStart, ContractedCost, EffectiveCost, InvoiceIssuerName, ListCost, PricingQuantity, PricingUnit, ProviderName, PublisherName, RegionId, ResourceId, ServiceCategory, ServiceName, SkuId, Tags FROM FOCUS_1_2_AWS"
      table_configurations = {
        FOCUS_1_2_AWS = {}
      }
    }
    destination_configurations = {
      s3_destination = {
        s3_bucket = "dreamnet-${var.aws_account_id}-billing"
        s3_prefix = "focus"
        s3_region = "us-east-1"
        s3_output_configurations = {
          output_type = "CUSTOM"
          format      = "PARQUET"
          compression = "PARQUET"
          overwrite   = "OVERWRITE_REPORT"
        }
      }
    }
  }

  tags = [
    { key = "dreamnet-id", value = "aws/billing-export" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]

  depends_on = [awscc_s3_bucket_policy.bucket_billing_policy]
}
