"""The way out: the catalogue as Terraform and Pulumi, so that a team can leave at any time.

`python -m dreamnet.handover all infrastructure` writes `infrastructure/terraform/` and
`infrastructure/pulumi/`.
"""

from dreamnet.handover.write import Written, hand_over, write

__all__ = ["Written", "hand_over", "write"]
