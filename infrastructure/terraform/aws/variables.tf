# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

variable "aws_account_id" {
  description = "What the profile calls aws.account_id."
  type        = string
}

variable "aws_region" {
  description = "What the profile calls aws.region."
  type        = string
}

variable "aws_second_region" {
  description = "What the profile calls aws.second_region."
  type        = string
}

variable "code_aws_agent_worker" {
  description = "What the profile calls code.aws.agent_worker."
  type        = string
}

variable "code_aws_digest" {
  description = "What the profile calls code.aws.digest."
  type        = string
}

variable "code_aws_dream_events" {
  description = "What the profile calls code.aws.dream_events."
  type        = string
}

variable "code_aws_dreamnet_api" {
  description = "What the profile calls code.aws.dreamnet_api."
  type        = string
}

variable "code_aws_enrich" {
  description = "What the profile calls code.aws.enrich."
  type        = string
}

variable "code_aws_webhooks" {
  description = "What the profile calls code.aws.webhooks."
  type        = string
}

variable "database_password" {
  description = "The secret database-password."
  type        = string
  sensitive   = true
}

variable "domain" {
  description = "What the profile calls domain."
  type        = string
}

variable "image" {
  description = "What the profile calls image."
  type        = string
}

variable "operator_email" {
  description = "What the profile calls operator.email."
  type        = string
}
