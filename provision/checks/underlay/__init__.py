"""The ports between hosts: what each host is asked, and who blocks what did not arrive."""

from provision.checks.underlay.judging import (
    Evidence,
    Ports,
    UnderlayHost,
    Verdict,
    judge,
    opening,
    questions,
    read,
    suspects,
    usable,
)
from provision.checks.underlay.rules import SCRIPT as FIREWALL_SCRIPT
from provision.checks.underlay.rules import blocking_rule
from provision.checks.underlay.wording import cell

__all__ = [
    "FIREWALL_SCRIPT",
    "Evidence",
    "Ports",
    "UnderlayHost",
    "Verdict",
    "blocking_rule",
    "cell",
    "judge",
    "opening",
    "questions",
    "read",
    "suspects",
    "usable",
]
