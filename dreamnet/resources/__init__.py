"""Cloud resources from files: catalogue, read, diff, plan, apply, drift, adopt, destroy; one
driver a vendor.

Live state is the state: nothing is remembered between runs but the plan a person approved.
"""

from dreamnet.resources.adopt import Adoption, adopt
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.destroy import DestroyPlan, destroy, plan_destroy
from dreamnet.resources.drift import DriftReport, find_drift
from dreamnet.resources.outcome import ApplyReport, Outcome
from dreamnet.resources.plan import Plan, Step, make_plan

__all__ = [
    "Adoption",
    "ApplyReport",
    "Catalogue",
    "DestroyPlan",
    "DriftReport",
    "Outcome",
    "Plan",
    "Step",
    "adopt",
    "apply_plan",
    "destroy",
    "find_drift",
    "load_catalogue",
    "make_plan",
    "plan_destroy",
]
