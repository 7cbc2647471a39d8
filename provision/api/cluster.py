"""The verbs over open sessions: observe, plan, up, down, check."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from provision.api.connections import (
    Sessions,
    close_all,
    open_all,
    prepare_engine_questions,
    ssh_transport,
)
from provision.api.departed import departed_hosts, open_departed, reached
from provision.api.keys import hand_over
from provision.api.settings import Environment, Options
from provision.api.underlay import underlay_gate
from provision.api.waking import joined, settling
from provision.apply import apply
from provision.errors import ActionFailed, HostError, Refused, SwarmlayError, UsageError
from provision.lock import ClusterLock
from provision.model.actions import Plan, Run
from provision.model.desired import DesiredState
from provision.model.facts import Known
from provision.model.findings import CheckReport
from provision.model.inventory import Host, Inventory
from provision.model.observed import ObservedState
from provision.model.probes import Answer
from provision.model.report import DownReport, Residue, StatusReport, UpReport
from provision.model.results import Event, Outcome, Phase, Result
from provision.model.session import Session, Transport
from provision.observe import observe
from provision.plan import PlanOptions, plan_down, plan_up, residue
from provision.resources.underlay import GATE

Confirm = Callable[[Plan], bool]


def connect(
    inventory: Inventory,
    *,
    env: Environment | None = None,
    options: Options | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
    transport: Transport | None = None,
) -> "ClusterSession":
    """A session with the inventory's hosts; nothing is dialled before the first verb needs it."""
    env, options = env or Environment.here(), options or Options()
    return ClusterSession(inventory, env, options, on_event, transport)


@dataclass(slots=True)
class ClusterSession:
    """Open connections to the hosts of one inventory, and the verbs over them.

    Use it as a context manager: leaving it closes every connection.
    """

    inventory: Inventory
    env: Environment
    options: Options
    on_event: Callable[[Event], None]
    transport: Transport | None = None
    _sessions: Sessions = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection."""
        close_all(self._sessions)
        self._sessions = {}

    @property
    def sessions(self) -> Sessions:
        """One session per host, or why there is none; opened at the first use."""
        if not self._sessions:
            began = self.env.monotonic()
            text = f"{len(self.inventory.hosts)} hosts"
            self.on_event(Phase("connect", text))
            transport = self.transport or ssh_transport(self.inventory, self.env)
            self._sessions = open_all(self.inventory, transport, self.options.parallel)
            self.on_event(Phase("connect", text, self.env.monotonic() - began))
        return self._sessions

    def observe(self) -> ObservedState:
        """Facts of every host, and of the cluster as its lead manager sees it."""
        return self._observe(cluster=True, departed=self.options.prune)

    def facts(self) -> ObservedState:
        """Facts of every host; the cluster is not asked."""
        return self._observe(cluster=False)

    def status(self) -> StatusReport:
        """Hosts, nodes, networks, services and tasks at a glance."""
        return StatusReport(self.inventory, self.observe())

    def plan(self, desired: DesiredState) -> Plan:
        """What `up` would change; touches nothing."""
        return plan_up(self.inventory, desired, self.observe(), self.plan_options())

    def up(self, desired: DesiredState, *, confirm: Confirm) -> UpReport:
        """Make *desired* true: lock, observe, plan, confirm, apply, observe and plan again, check.

        Args:
            desired: what should be true.
            confirm: shown the plan when it holds actions; False ends the run.

        Raises:
            provision.errors.Refused: another operator holds the lock, or consent is missing.
        """
        with self._locked() as lock:
            return self._round(desired, confirm, lock, first=True)

    def _round(
        self, desired: DesiredState, confirm: Confirm, lock: ClusterLock, *, first: bool
    ) -> UpReport:
        """Observe, plan, apply, and see; once more where an engine was started or restarted."""
        observed = self.observe()
        plan = plan_up(self.inventory, desired, observed, self.plan_options())
        if not plan.actions:
            return UpReport(plan, check=self._verified(desired, observed, plan))
        self._agree(plan, confirm)
        results = self._apply(plan, desired, lock)
        self._hand_over_key(desired, plan)
        if _failed(results):
            return UpReport(plan, results)
        if plan.asleep and first:
            then = self._round(desired, confirm, lock, first=False)
            return joined(UpReport(plan, results), then)
        observed = self.observe()
        second = plan_up(self.inventory, desired, observed, self.plan_options())
        if first and settling(plan, second):
            then = self._round(desired, confirm, lock, first=False)
            return joined(UpReport(plan, results), then)
        return UpReport(plan, results, second, self._verified(desired, observed, second))

    def down(self, desired: DesiredState | None = None, *, confirm: Confirm) -> DownReport:
        """Remove what swarmlay made: all of it, or only the objects that *desired* names.

        Works around dead hosts, says what is left there, and may be run again.
        """
        wanted = desired or DesiredState()
        with self._locked() as lock:
            observed = self.observe()
            plan = plan_down(self.inventory, wanted, observed, self.plan_options())
            results: tuple[Result, ...] = ()
            if plan.actions:
                self._agree(plan, confirm)
                results = self._apply(plan, wanted, lock)
                observed = self.observe()
        return self._down_report(plan, results, wanted, observed)

    def change(
        self, planner: Callable[[ObservedState], Plan], *, confirm: Confirm, departed: bool = False
    ) -> UpReport:
        """Carry out what *planner* plans: lock, observe, plan, confirm, apply, observe, plan again.

        Args:
            planner: from what is observed to a plan; asked again afterwards, when it must be empty.
            confirm: shown the plan when it holds actions; False ends the run.
            departed: also ask hosts that are nodes still and not in the inventory any more.
        """
        with self._locked() as lock:
            plan = planner(self._observe(cluster=True, departed=departed))
            if not plan.actions:
                return UpReport(plan)
            self._agree(plan, confirm)
            results = self._apply(plan, DesiredState(), lock)
            if _failed(results):
                return UpReport(plan, results)
            return UpReport(plan, results, planner(self._observe(cluster=True, departed=departed)))

    def check(self, networks: Sequence[str] = ()) -> CheckReport:
        """The reachability matrix, over all overlay networks or those named."""
        return self._check(self.observe(), networks)

    def underlay(self) -> CheckReport:
        """Ports between hosts, every ordered pair, with who blocks."""
        observed = self.facts()
        gate = underlay_gate(self.inventory, observed, DesiredState(), self._open())
        return CheckReport(self.inventory.cluster, gate.cells(), self._unreachable())

    def session(self, host: str) -> Session:
        """The session to *host*.

        Raises:
            provision.errors.HostError: it cannot be reached.
        """
        found = self.sessions.get(host)
        if found is None:
            raise UsageError(f"there is no host {host} in the inventory")
        if isinstance(found, HostError):
            raise found
        return found

    def exec(self, host: str, words: Sequence[str], *, sudo: bool = False) -> Answer:
        """Run one command on *host* and return what it said."""
        run = Run(tuple(words), sudo=sudo, timeout=self.options.timeout or 600)
        return self.session(host).do(run, {})

    def lead(self) -> str:
        """The lead manager's name.

        Raises:
            Refused: there is no swarm, or it cannot be told.
        """
        cluster = self.observe().cluster
        if isinstance(cluster, Known) and cluster.value is not None:
            return cluster.value.lead
        reason = "there is no swarm yet" if isinstance(cluster, Known) else cluster.reason
        raise Refused(
            "no lead manager", where=self.inventory.cluster, why=reason, hint="run `swarmlay up`"
        )

    def _observe(self, *, cluster: bool, departed: bool = False) -> ObservedState:
        if cluster:
            prepare_engine_questions()
        observed = self._ask(self.inventory.hosts, cluster=cluster)
        return self._with_departed(observed) if departed else observed

    def _with_departed(self, observed: ObservedState) -> ObservedState:
        hosts = departed_hosts(self.inventory, observed)
        more = open_departed(
            hosts,
            inventory=self.inventory,
            env=self.env,
            transport=self.transport,
            known=self.sessions,
            parallel=self.options.parallel,
        )
        self._sessions = {**self.sessions, **more}
        found = reached(hosts, self._sessions)
        return (
            replace(observed, departed=self._ask(found, cluster=False).hosts) if found else observed
        )

    def _ask(self, hosts: Sequence[Host], *, cluster: bool) -> ObservedState:
        return observe(
            hosts,
            self.sessions,
            clock=self.env.clock,
            mark=secrets.token_hex(8),
            parallel=self.options.parallel,
            cluster_reads=cluster,
            on_event=self.on_event,
        )

    def plan_options(self) -> PlanOptions:
        """What the operator allowed, ``--limit`` resolved.

        Raises:
            UsageError: it names no host.
        """
        options = self.options
        limit = None
        if options.limit is not None:
            hosts = self.inventory.select(options.limit)
            if not hosts:
                known = ", ".join(h.name for h in self.inventory.hosts)
                raise UsageError(
                    f"--limit {options.limit} names no host", hint=f"hosts: {known}, or a group"
                )
            limit = frozenset(h.name for h in hosts)
        return PlanOptions(
            limit=limit,
            prune=options.prune,
            purge=options.purge,
            volumes=options.volumes,
            force=options.force,
        )

    def _locked(self) -> ClusterLock:
        """Taken before anything is observed, so that nobody else changes it meanwhile."""
        lock = ClusterLock(self.inventory.cluster, self.env.operator)
        return lock.take([h.name for h in self.inventory.managers], self.sessions)

    def _agree(self, plan: Plan, confirm: Confirm) -> None:
        stopped = {a.host: a.restarts for a in plan.actions if a.restarts}
        if stopped and not self.options.allow_restart:
            what = "; ".join(f"{host}: stops {', '.join(names)}" for host, names in stopped.items())
            raise Refused("this stops containers that run", why=what, hint="--allow-restart agrees")
        if not confirm(plan):
            raise Refused("nothing was changed", why="the plan was not confirmed")

    def _hand_over_key(self, desired: DesiredState, plan: Plan) -> None:
        """An autolocked swarm's key must not be lost, also where a later action failed."""
        made = next((a.host for a in plan.actions if a.resource == "swarm"), None)
        if not desired.swarm.autolock or made is None:
            return
        with suppress(SwarmlayError):  # the swarm was not made
            lead = self.lead()
            session = self.session(lead)
            swarm_id = str(session.docker("swarm.inspect", {})["ID"])
            hand_over(self.env, self.inventory.cluster, swarm_id, session)

    def _apply(self, plan: Plan, desired: DesiredState, lock: ClusterLock) -> tuple[Result, ...]:
        def gate_of_ports(action: object) -> Result:
            del action
            observed = self.facts()
            return underlay_gate(self.inventory, observed, desired, self._open()).result()

        return apply(
            plan,
            self.sessions,
            clock=self.env.monotonic,
            gates={GATE: gate_of_ports},
            parallel=self.options.parallel,
            before_each=self._may_go_on(lock),
            on_event=self.on_event,
        )

    def _may_go_on(self, lock: ClusterLock) -> Callable[[], None]:
        """Asked before each action: the lock is still ours, and there is time left."""
        limit, began = self.options.timeout, self.env.monotonic()

        def check() -> None:
            lock.check()
            if limit is not None and self.env.monotonic() - began > limit:
                raise ActionFailed(
                    f"not begun: the {limit:g} s of --timeout are over",
                    hint="run again: what was done stays done",
                )

        return check

    def _verified(
        self, desired: DesiredState, observed: ObservedState, plan: Plan
    ) -> CheckReport | None:
        if not self.options.check or not isinstance(observed.cluster, Known) or plan.blocked:
            return None
        if observed.cluster.value is None:
            return None
        from provision.verify import expect  # noqa: PLC0415 - only where something is checked

        report = self._check(observed, ())
        cells = expect(desired.expect, self.inventory, observed, self._open())
        return replace(report, cells=(*report.cells, *cells))

    def _check(self, observed: ObservedState, networks: Sequence[str]) -> CheckReport:
        from provision.verify import check  # noqa: PLC0415 - only where something is checked

        began = self.env.monotonic()
        self.on_event(Phase("check", "reachability"))
        report = check(self.inventory, observed, self._open(), networks=networks)
        self.on_event(Phase("check", "reachability", self.env.monotonic() - began))
        return report

    def _open(self) -> dict[str, Session]:
        return {n: s for n, s in self.sessions.items() if not isinstance(s, HostError)}

    def _unreachable(self) -> tuple[str, ...]:
        return tuple(n for n, s in self.sessions.items() if isinstance(s, HostError))

    def _down_report(
        self,
        plan: Plan,
        results: tuple[Result, ...],
        wanted: DesiredState,
        observed: ObservedState,
    ) -> DownReport:
        purge, volumes = self.options.purge, self.options.volumes
        left: tuple[Residue, ...] = ()
        if not wanted.playbooks:
            left = residue(self.inventory, observed, purge=purge, volumes=volumes)
        checked = tuple(self._open())
        return DownReport(plan, results, left, checked)


def _failed(results: Sequence[Result]) -> bool:
    return any(r.outcome in (Outcome.FAILED, Outcome.SKIPPED) for r in results)
