"""AWS resources of any type, through the Cloud Control API and the published resource schemas."""
