"""Cloud resources from files: catalogue, read, diff, plan, apply; one driver a vendor.

Live state is the state: nothing is remembered between runs but the plan a person approved.
"""

from dreamnet.resources.apply import apply_plan
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.destroy import destroy
from dreamnet.resources.outcome import ApplyReport, Outcome
from dreamnet.resources.plan import Plan, Step, make_plan

__all__ = [
    "ApplyReport",
    "Catalogue",
    "Outcome",
    "Plan",
    "Step",
    "apply_plan",
    "destroy",
    "load_catalogue",
    "make_plan",
]
