"""What `up` plans, from bare hosts to a converged cluster, and what it refuses."""

from dataclasses import replace

from provision.model.actions import Change, Docker, Plan
from provision.model.desired import (
    Container,
    Deploy,
    DesiredState,
    Network,
    NetworkAttachment,
    Service,
)
from provision.model.facts import Known, Unknown
from provision.model.observed import FirewallState, Membership
from provision.plan import PlanOptions, plan_up
from tests.unit.plan.worlds import (
    bare_world,
    changed,
    member,
    node,
    nothing,
    swarm_world,
    three,
    unreachable,
)


def overlay() -> DesiredState:
    """An attachable network, a service and two containers."""
    on = {"test-net": NetworkAttachment()}
    return DesiredState(
        networks={"test-net": Network(attachable=True)},
        services={"web": Service(image="nginx", networks=on, deploy=Deploy(replicas=2))},
        containers={
            "alpine1": Container(on="managers[0]", image="alpine", networks=on),
            "alpine2": Container(on="workers[0]", image="alpine", networks=on),
        },
        origin={"service/web": "overlay.yml"},
        playbooks=("overlay.yml",),
    )


def ids(plan: Plan) -> list[str]:
    """Action ids in reading order."""
    return [a.id for a in plan.actions]


def after(plan: Plan, action: str) -> frozenset[str]:
    """What an action waits for."""
    return next(a.after for a in plan.actions if a.id == action)


def test_from_bare_hosts_everything_is_planned_at_once() -> None:
    """Nothing is there, yet the whole way to the containers is known before anything is touched."""
    inventory = three()

    plan = plan_up(inventory, overlay(), bare_world(inventory))

    assert plan.blocked == ()
    assert [i for i in ids(plan) if ":engine:" in i] == [
        "m1:engine:docker",
        "w1:engine:docker",
        "w2:engine:docker",
    ]
    assert "m1:networks:test-net" in ids(plan)
    assert "w1:containers:alpine2" in ids(plan)
    assert "m1:services:web" in ids(plan)


def test_nothing_joins_before_the_ports_were_proven() -> None:
    """The gate stands between engines and swarm."""
    inventory = three()

    plan = plan_up(inventory, nothing(), bare_world(inventory))

    assert "*:underlay:ports" in after(plan, "m1:swarm:member")
    assert {"m1:engine:docker", "w2:engine:docker"} <= after(plan, "*:underlay:ports")
    assert "m1:swarm:tokens" in after(plan, "w1:swarm:member")


def test_a_single_host_needs_no_gate() -> None:
    """There is nobody to reach."""
    inventory = replace(three(), hosts=three().hosts[:1])

    plan = plan_up(inventory, nothing(), bare_world(inventory))

    assert "*:underlay:ports" not in ids(plan)


def test_a_converged_cluster_has_an_empty_plan() -> None:
    """No playbook, every host a node of ours: nothing to do."""
    inventory = three()

    plan = plan_up(inventory, nothing(), swarm_world(inventory))

    assert plan.converged
    assert plan.actions == ()


def test_an_unreachable_worker_leaves_the_others_their_plan() -> None:
    """One dead worker is named, the rest goes on."""
    inventory = three()
    world = bare_world(inventory)
    world = replace(world, hosts={**world.hosts, "w2": unreachable("w2")})

    plan = plan_up(inventory, nothing(), world)

    assert [(b.host, b.exit_code) for b in plan.blocked] == [("w2", 3)]
    assert "w1:swarm:member" in ids(plan)
    assert not [i for i in ids(plan) if i.startswith("w2:")]


def test_an_unknown_manager_never_leads_to_a_second_swarm() -> None:
    """Engines and ports are prepared; nothing is initialised or joined."""
    inventory = three()
    world = replace(bare_world(inventory), cluster=Unknown("manager m2 could not be asked"))

    plan = plan_up(inventory, nothing(), world)

    assert plan.blocked[0].exit_code == 3
    assert not [i for i in ids(plan) if ":swarm:" in i]


def test_a_host_of_another_swarm_is_refused_with_both_ids() -> None:
    """Any node id is not "already joined" (a defect of launchpad)."""
    inventory = three()
    world = changed(swarm_world(inventory), "w2", swarm=Known(member(inventory, "w2", "other9")))
    cluster = world.cluster
    assert isinstance(cluster, Known)
    assert cluster.value is not None
    nodes = tuple(n for n in cluster.value.nodes if n.hostname != "w2")
    world = replace(world, cluster=Known(replace(cluster.value, nodes=nodes)))

    plan = plan_up(inventory, nothing(), world)

    assert [(b.host, b.exit_code) for b in plan.blocked] == [("w2", 4)]
    assert "other9" in plan.blocked[0].reason
    assert "swarm1" in plan.blocked[0].reason


def test_a_swarm_made_by_hand_is_refused_unless_adopted() -> None:
    """Without our label it is somebody's."""
    inventory = three()
    world = swarm_world(inventory, labels={})

    refused = plan_up(inventory, nothing(), world)
    wanted = nothing()
    adopted = plan_up(
        inventory, replace(wanted, swarm=wanted.swarm.model_copy(update={"adopt": True})), world
    )

    assert [b.exit_code for b in refused.blocked] == [4]
    assert "adopt" in refused.blocked[0].hint
    assert ids(adopted) == ["m1:swarm:adopt"]


def test_a_pending_join_is_healed() -> None:
    """An earlier join that never finished leaves first, then joins again."""
    inventory = three()
    world = changed(swarm_world(inventory), "w1", swarm=Known(Membership("pending")))

    plan = plan_up(inventory, nothing(), world)
    join = next(a for a in plan.actions if a.id == "w1:swarm:member")

    assert [s.operation for s in join.steps if isinstance(s, Docker)] == [
        "swarm.leave",
        "swarm.join",
    ]
    assert "pending" in join.why


def test_a_locked_node_is_refused_with_the_command() -> None:
    """Autolock: only the operator has the key."""
    inventory = three()
    world = changed(swarm_world(inventory), "w1", swarm=Known(Membership("locked")))

    plan = plan_up(inventory, nothing(), world)

    assert plan.blocked[0].host == "w1"
    assert "swarm unlock" in plan.blocked[0].hint


def test_an_unsupported_firewall_blocks_its_host() -> None:
    """It is never taken for none."""
    inventory = three()
    fact = Known(FirewallState("firewalld", supported=False, filtering=True, detail="running"))
    world = changed(bare_world(inventory), "w1", firewall=fact)

    plan = plan_up(inventory, nothing(), world)

    assert [b.host for b in plan.blocked] == ["w1"]
    assert "firewalld" in plan.blocked[0].reason


def test_an_old_record_of_a_rejoined_host_is_removed() -> None:
    """Every leave and join leaves a Down node of the same host behind."""
    inventory = three()
    world = swarm_world(inventory)
    cluster = world.cluster
    assert isinstance(cluster, Known)
    assert cluster.value is not None
    old = node(inventory, "w1", id="node-old", state="down")
    world = replace(world, cluster=Known(replace(cluster.value, nodes=(*cluster.value.nodes, old))))

    plan = plan_up(inventory, nothing(), world)

    assert ids(plan) == ["m1:nodes:w1:node-old"]
    assert plan.actions[0].change is Change.DELETE


def test_limit_keeps_the_peers_firewalls() -> None:
    """A limited host must be let in by its peers."""
    inventory = three()
    filtering = Known(FirewallState("iptables", filtering=True, variant="nft"))
    world = bare_world(inventory)
    for name in ("m1", "w1", "w2"):
        world = changed(world, name, firewall=filtering)

    plan = plan_up(inventory, nothing(), world, PlanOptions(limit=frozenset({"w1"})))

    assert {a.host for a in plan.actions if a.resource == "engine"} == {"w1"}
    assert {a.host for a in plan.actions if a.resource == "ports"} == {"m1", "w1", "w2"}


def test_no_secret_is_in_a_plan() -> None:
    """Tokens have names only."""
    inventory = three()

    plan = plan_up(inventory, nothing(), bare_world(inventory))

    assert "SWMTKN" not in repr(plan)
    assert "<worker join token>" in str(plan.actions)


def test_a_plan_is_the_same_twice() -> None:
    """Order never depends on chance."""
    inventory = three()

    assert plan_up(inventory, overlay(), bare_world(inventory)) == plan_up(
        inventory, overlay(), bare_world(inventory)
    )


def test_a_removed_node_leaves_and_joins_again() -> None:
    """`docker node rm --force` by hand: the host still believes in its old membership."""
    inventory = three()
    world = swarm_world(inventory)
    cluster = world.cluster
    assert isinstance(cluster, Known)
    assert cluster.value is not None
    nodes = tuple(n for n in cluster.value.nodes if n.hostname != "w2")
    world = replace(world, cluster=Known(replace(cluster.value, nodes=nodes)))

    plan = plan_up(inventory, nothing(), world)

    assert plan.blocked == ()
    assert "w2:swarm:member" in ids(plan)
