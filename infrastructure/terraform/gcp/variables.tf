# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

variable "aws_account_id" {
  description = "What the profile calls aws.account_id."
  type        = string
}

variable "code_google_agent_messages" {
  description = "What the profile calls code.google.agent_messages."
  type        = string
}

variable "code_google_dream_processed" {
  description = "What the profile calls code.google.dream_processed."
  type        = string
}

variable "code_google_nightly_digest" {
  description = "What the profile calls code.google.nightly_digest."
  type        = string
}

variable "code_google_webhooks" {
  description = "What the profile calls code.google.webhooks."
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

variable "frontdoor_port" {
  description = "What the profile calls frontdoor.port."
  type        = string
}

variable "google_billing_account" {
  description = "What the profile calls google.billing_account."
  type        = string
}

variable "google_project" {
  description = "What the profile calls google.project."
  type        = string
}

variable "google_project_number" {
  description = "What the profile calls google.project_number."
  type        = string
}

variable "google_region" {
  description = "What the profile calls google.region."
  type        = string
}

variable "google_second_region" {
  description = "What the profile calls google.second_region."
  type        = string
}

variable "google_zone" {
  description = "What the profile calls google.zone."
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
