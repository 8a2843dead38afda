"""What the API server refuses with 422: one module a subject, each yields causes.

Rules and sentences are those of Kubernetes' own validation (pkg/apis/*/validation, read November 2026).
"""
