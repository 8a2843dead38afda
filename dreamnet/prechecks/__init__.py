"""What must be true of both accounts before anything is created, found out without changing anything.

One report of findings: each blocks, or is to be done, or is fine, with the page of the console and the
command that put it right. Also the policies that grant exactly what the declared types need.
"""

from dreamnet.prechecks.check import check
from dreamnet.prechecks.findings import Finding, Report

__all__ = ["Finding", "Report", "check"]
