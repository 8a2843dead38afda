# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/accelerator
resource "awscc_globalaccelerator_accelerator" "accelerator" {
  provider        = awscc.us_west_2
  name            = "dreamnet"
  enabled         = true
  ip_address_type = "IPV4"

  tags = [
    { key = "dreamnet-id", value = "aws/accelerator" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/accelerator-listener
resource "awscc_globalaccelerator_listener" "accelerator_listener" {
  provider        = awscc.us_west_2
  accelerator_arn = awscc_globalaccelerator_accelerator.accelerator.accelerator_arn
  protocol        = "TCP"
  client_affinity = "NONE"

  port_ranges = [
    { from_port = 443, to_port = 443 },
  ]
}

# aws/accelerator-first
resource "awscc_globalaccelerator_endpoint_group" "accelerator_first" {
  provider                      = awscc.us_west_2
  listener_arn                  = awscc_globalaccelerator_listener.accelerator_listener.listener_arn
  endpoint_group_region         = var.aws_region
  traffic_dial_percentage       = 100
  health_check_protocol         = "HTTPS"
  health_check_port             = 443
  health_check_path             = "/readyz"
  health_check_interval_seconds = 10
  threshold_count               = 3

  endpoint_configurations = [
    {
      endpoint_id                    = awscc_ecs_express_gateway_service.container_service.ecs_managed_resource_arns.ingress_path.load_balancer_arn
      weight                         = 100
      client_ip_preservation_enabled = true
    },
  ]
}

# aws/accelerator-second
resource "awscc_globalaccelerator_endpoint_group" "accelerator_second" {
  provider                      = awscc.us_west_2
  listener_arn                  = awscc_globalaccelerator_listener.accelerator_listener.listener_arn
  endpoint_group_region         = var.aws_second_region
  traffic_dial_percentage       = 0
  health_check_protocol         = "HTTPS"
  health_check_port             = 443
  health_check_path             = "/readyz"
  health_check_interval_seconds = 10
  threshold_count               = 3
}

# aws/bucket-frontend
resource "awscc_s3_bucket" "bucket_frontend" {
  public_access_block_configuration = {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  versioning_configuration = {
    status = "Enabled"
  }

  bucket_name = "dreamnet-${var.aws_account_id}-frontend"

  tags = [
    { key = "dreamnet-id", value = "aws/bucket-frontend" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/cdn-origin-access
resource "awscc_cloudfront_origin_access_control" "cdn_origin_access" {
  provider = awscc.us_east_1

  origin_access_control_config = {
    name                              = "dreamnet-frontend"
    description                       = "CloudFront signs its requests to the bucket"
    origin_access_control_origin_type = "s3"
    signing_behavior                  = "always"
    signing_protocol                  = "sigv4"
  }
}

# aws/cdn-cache-policy
resource "awscc_cloudfront_cache_policy" "cdn_cache_policy" {
  provider = awscc.us_east_1

  cache_policy_config = {
    name        = "dreamnet-static"
    comment     = "A day for what never changes under its name"
    min_ttl     = 1
    default_ttl = 86400
    max_ttl     = 31536000
    parameters_in_cache_key_and_forwarded_to_origin = {
      enable_accept_encoding_brotli = true
      enable_accept_encoding_gzip   = true
      cookies_config = {
        cookie_behavior = "none"
      }
      headers_config = {
        header_behavior = "none"
      }
      query_strings_config = {
        query_string_behavior = "none"
      }
    }
  }
}

# aws/cdn-cache-policy-api
resource "awscc_cloudfront_cache_policy" "cdn_cache_policy_api" {
  provider = awscc.us_east_1

  cache_policy_config = {
    name        = "dreamnet-api"
    comment     = "Answers of the API are never kept"
    min_ttl     = 0
    default_ttl = 0
    max_ttl     = 0
    parameters_in_cache_key_and_forwarded_to_origin = {
      enable_accept_encoding_brotli = false
      enable_accept_encoding_gzip   = false
      cookies_config = {
        cookie_behavior = "none"
      }
      headers_config = {
        header_behavior = "none"
      }
      query_strings_config = {
        query_string_behavior = "none"
      }
    }
  }
}

# aws/cdn-origin-policy
resource "awscc_cloudfront_origin_request_policy" "cdn_origin_policy" {
  provider = awscc.us_east_1

  origin_request_policy_config = {
    name    = "dreamnet-api"
    comment = "The API gets query and headers, but not CloudFront's Host"
    cookies_config = {
      cookie_behavior = "none"
    }
    headers_config = {
      header_behavior = "allExcept"
      headers         = ["host"]
    }
    query_strings_config = {
      query_string_behavior = "all"
    }
  }
}

# aws/cdn-headers-policy
resource "awscc_cloudfront_response_headers_policy" "cdn_headers_policy" {
  provider = awscc.us_east_1

  response_headers_policy_config = {
    name    = "dreamnet-security"
    comment = "What browsers must hold to"
    security_headers_config = {
      strict_transport_security = {
        access_control_max_age_sec = 31536000
        include_subdomains         = true
        override                   = true
      }
      content_type_options = {
        override = true
      }
      frame_options = {
        frame_option = "DENY"
        override     = true
      }
      referrer_policy = {
        referrer_policy = "strict-origin-when-cross-origin"
        override        = true
      }
    }
  }
}

# aws/cdn
resource "aws_cloudfront_distribution" "cdn" {
  provider            = aws.us_east_1
  comment             = "dreamnet"
  enabled             = true
  http_version        = "http2and3"
  price_class         = "PriceClass_100"
  default_root_object = "index.html"
  web_acl_id          = aws_wafv2_web_acl.firewall.arn
  aliases             = ["www.${var.domain}"]

  tags = {
    dreamnet-id = "aws/cdn"
    managed-by  = "dreamnet-gameplan"
  }

  is_ipv6_enabled = true

  viewer_certificate {
    acm_certificate_arn      = awscc_certificatemanager_certificate.certificate.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  origin {
    domain_name              = awscc_s3_bucket.bucket_frontend.regional_domain_name
    origin_access_control_id = awscc_cloudfront_origin_access_control.cdn_origin_access.id
    origin_id                = "frontend"
  }

  origin {
    domain_name = "${awscc_apigatewayv2_api.api.api_id}.execute-api.${var.aws_region}.amazonaws.com"
    origin_id   = "api"

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "frontend"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = awscc_cloudfront_cache_policy.cdn_cache_policy.id
    response_headers_policy_id = awscc_cloudfront_response_headers_policy.cdn_headers_policy.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  ordered_cache_behavior {
    path_pattern             = "/dreams*"
    target_origin_id         = "api"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = awscc_cloudfront_cache_policy.cdn_cache_policy_api.id
    origin_request_policy_id = awscc_cloudfront_origin_request_policy.cdn_origin_policy.id
  }
}

# aws/bucket-frontend-policy
resource "awscc_s3_bucket_policy" "bucket_frontend_policy" {
  bucket = "dreamnet-${var.aws_account_id}-frontend"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OnlyTheDistribution"
        Effect = "Allow"
        Principal = {
          Service = "cloudfront.amazonaws.com"
        }
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::dreamnet-${var.aws_account_id}-frontend/*"
        Condition = {
          StringEquals = {
            "aws:SourceArn" = "arn:aws:cloudfront::${var.aws_account_id}:distribution/${aws_cloudfront_distribution.cdn.id}"
          }
        }
      },
    ]
  })

  depends_on = [awscc_s3_bucket.bucket_frontend]
}

# aws/zone
resource "awscc_route53_hosted_zone" "zone" {
  provider = awscc.us_east_1
  name     = var.domain

  hosted_zone_config = {
    comment = "DreamNet"
  }

  hosted_zone_tags = [
    { key = "dreamnet-id", value = "aws/zone" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/health-google
resource "awscc_route53_health_check" "health_google" {
  provider = awscc.us_east_1

  health_check_config = {
    type                        = "HTTPS"
    fully_qualified_domain_name = "gcp.${var.domain}"
    port                        = 443
    resource_path               = "/readyz"
    request_interval            = 30
    failure_threshold           = 3
    enable_sni                  = true
  }

  health_check_tags = [
    { key = "dreamnet-id", value = "aws/health-google" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/health-aws
resource "awscc_route53_health_check" "health_aws" {
  provider = awscc.us_east_1

  health_check_config = {
    type                        = "HTTPS"
    fully_qualified_domain_name = awscc_globalaccelerator_accelerator.accelerator.dns_name
    port                        = 443
    resource_path               = "/readyz"
    request_interval            = 30
    failure_threshold           = 3
    enable_sni                  = true
  }

  health_check_tags = [
    { key = "dreamnet-id", value = "aws/health-aws" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/health-any
resource "awscc_route53_health_check" "health_any" {
  provider = awscc.us_east_1

  health_check_config = {
    type             = "CALCULATED"
    health_threshold = 1
    child_health_checks = [
      awscc_route53_health_check.health_google.health_check_id,
      awscc_route53_health_check.health_aws.health_check_id,
    ]
  }

  health_check_tags = [
    { key = "dreamnet-id", value = "aws/health-any" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/record-api-first
resource "awscc_route53_record_set" "record_api_first" {
  provider         = awscc.us_east_1
  hosted_zone_id   = awscc_route53_hosted_zone.zone.id
  name             = "api.${var.domain}."
  type             = "CNAME"
  ttl              = "30"
  set_identifier   = "google"
  failover         = "PRIMARY"
  health_check_id  = awscc_route53_health_check.health_google.health_check_id
  resource_records = ["gcp.${var.domain}"]
}

# aws/record-api-second
resource "awscc_route53_record_set" "record_api_second" {
  provider         = awscc.us_east_1
  hosted_zone_id   = awscc_route53_hosted_zone.zone.id
  name             = "api.${var.domain}."
  type             = "CNAME"
  ttl              = "30"
  set_identifier   = "aws"
  failover         = "SECONDARY"
  health_check_id  = awscc_route53_health_check.health_aws.health_check_id
  resource_records = [awscc_globalaccelerator_accelerator.accelerator.dns_name]
}

# aws/record-frontend
resource "awscc_route53_record_set" "record_frontend" {
  provider       = awscc.us_east_1
  hosted_zone_id = awscc_route53_hosted_zone.zone.id
  name           = "www.${var.domain}."
  type           = "A"
  set_identifier = "cloudfront"
  weight         = 100

  alias_target = {
    dns_name               = aws_cloudfront_distribution.cdn.domain_name
    hosted_zone_id         = "Z2FDTNDATAQYW2"
    evaluate_target_health = false
  }
}

# aws/certificate
resource "awscc_certificatemanager_certificate" "certificate" {
  provider                  = awscc.us_east_1
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"

  domain_validation_options = [
    { domain_name = var.domain, hosted_zone_id = awscc_route53_hosted_zone.zone.id },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/certificate" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/firewall
resource "aws_wafv2_web_acl" "firewall" {
  provider    = aws.us_east_1
  name        = "dreamnet"
  description = "Before CloudFront"
  scope       = "CLOUDFRONT"

  tags = {
    dreamnet-id = "aws/firewall"
    managed-by  = "dreamnet-gameplan"
  }

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "dreamnet"
    sampled_requests_enabled   = true
  }

  rule {
    name     = "flood"
    priority = 0

    statement = {
      RateBasedStatement = {
        Limit            = 2000
        AggregateKeyType = "IP"
      }
    }

    action {
      block {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-flood"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "common"
    priority = 1

    statement = {
      ManagedRuleGroupStatement = {
        VendorName = "AWS"
        Name       = "AWSManagedRulesCommonRuleSet"
      }
    }

    override_action {
      none {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-common"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "bad-inputs"
    priority = 2

    statement = {
      ManagedRuleGroupStatement = {
        VendorName = "AWS"
        Name       = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    override_action {
      none {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-bad-inputs"
      sampled_requests_enabled   = true
    }
  }
}

# aws/firewall-regional
resource "aws_wafv2_web_acl" "firewall_regional" {
  name        = "dreamnet-regional"
  description = "Before the load balancer of the container service"
  scope       = "REGIONAL"

  tags = {
    dreamnet-id = "aws/firewall-regional"
    managed-by  = "dreamnet-gameplan"
  }

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "dreamnet-regional"
    sampled_requests_enabled   = true
  }

  rule {
    name     = "flood"
    priority = 0

    statement = {
      RateBasedStatement = {
        Limit            = 2000
        AggregateKeyType = "IP"
      }
    }

    action {
      block {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-regional-flood"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "common"
    priority = 1

    statement = {
      ManagedRuleGroupStatement = {
        VendorName = "AWS"
        Name       = "AWSManagedRulesCommonRuleSet"
      }
    }

    override_action {
      none {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-regional-common"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "bad-inputs"
    priority = 2

    statement = {
      ManagedRuleGroupStatement = {
        VendorName = "AWS"
        Name       = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    override_action {
      none {}
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "dreamnet-regional-bad-inputs"
      sampled_requests_enabled   = true
    }
  }
}

# aws/firewall-association
resource "awscc_wafv2_web_acl_association" "firewall_association" {
  web_acl_arn  = aws_wafv2_web_acl.firewall_regional.arn
  resource_arn = awscc_ecs_express_gateway_service.container_service.ecs_managed_resource_arns.ingress_path.load_balancer_arn
}
