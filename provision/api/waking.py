"""`up` in two rounds: stopped engines are started, then what they can tell is planned for."""

from dataclasses import replace

from provision.model.report import UpReport


def joined(first: UpReport, then: UpReport) -> UpReport:
    """One report of both rounds: what was done in either, and how it is now."""
    plan = replace(then.plan, actions=(*first.plan.actions, *then.plan.actions))
    second = then.second if then.plan.actions else then.plan
    return replace(then, plan=plan, second=second, results=(*first.results, *then.results))
