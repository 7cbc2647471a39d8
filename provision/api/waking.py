"""`up` in two rounds: what engines that were started can tell, and what a restart stopped."""

from dataclasses import replace

from provision.model.actions import Change, Plan
from provision.model.report import UpReport


def joined(first: UpReport, then: UpReport) -> UpReport:
    """One report of both rounds: what was done in either, and how it is now."""
    plan = replace(then.plan, actions=(*first.plan.actions, *then.plan.actions))
    second = then.second if then.plan.actions else then.plan
    return replace(then, plan=plan, second=second, results=(*first.results, *then.results))


def settling(plan: Plan, second: Plan) -> bool:
    """Whether all that is left is to wait for what the restart of an engine stopped."""
    restarted = any(action.restarts for action in plan.actions)
    waits = all(action.change is Change.CHECK for action in second.actions)
    return restarted and waits and bool(second.actions)
