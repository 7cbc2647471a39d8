"""For every wish, from every beginning: what is planned is done, and then nothing is left."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision.model.labels import is_ours
from tests.unit.api.worlds import Town, named
from tests.unit.properties.wishes import Theirs, drifts, towns, wishes

FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def is_one(town: Town) -> None:
    """One swarm, each host once in it, no object twice."""
    swarms = town.swarms()
    assert len(swarms) == 1
    swarm = swarms[0]
    alive = [n for n in swarm.nodes.values() if n["Status"]["State"] == "ready"]
    assert named(alive, "Description", "Hostname") == sorted(town.hosts)
    assert len(swarm.nodes) == len(alive), "a dead double was left"
    for names in (named(swarm.services, "Spec", "Name"), named(swarm.networks, "Name")):
        assert len(names) == len(set(names))
    assert len(town.containers()) == len(set(town.containers()))


def ours(town: Town) -> list[str]:
    """What carries our label anywhere."""
    found = []
    for swarm in town.swarms():
        found += [n["Name"] for n in swarm.networks.values() if is_ours(n["Labels"], town.cluster)]
        specs = [s["Spec"] for s in swarm.services.values()]
        found += [s["Name"] for s in specs if is_ours(s.get("Labels") or {}, town.cluster)]
    for engine in town.engines():
        configs = [c["Config"] for c in engine.objects.containers.values()]
        found += [c["Image"] for c in configs if is_ours(c.get("Labels") or {}, town.cluster)]
    return found


@FEW
@given(st.data())
def test_apply_then_the_plan_is_empty(data: st.DataObject) -> None:
    """From bare or half-made hosts, after another wish, and after any drift."""
    town = data.draw(towns())
    first, second = data.draw(wishes(town)), data.draw(wishes(town))

    made = town.up(first)
    assert made.exit_code == 0, [r for r in made.results if r.cause]
    done = data.draw(drifts(town))
    changed = town.up(second, prune=data.draw(st.booleans()), allow_restart=True)

    assert changed.exit_code == 0, (done, [r for r in changed.results if r.cause], changed.second)
    assert town.plan(second).actions == ()
    is_one(town)


@FEW
@given(st.data())
def test_the_plan_is_deterministic(data: st.DataObject) -> None:
    """Asked again, with the hosts answering in any order, it is the same to the letter."""
    town = data.draw(towns())
    desired = data.draw(wishes(town))
    if data.draw(st.booleans()):
        town.up(data.draw(wishes(town)))

    plans = [town.plan(desired, parallel=parallel) for parallel in (1, 10, 3)]

    assert plans[0] == plans[1] == plans[2]


@FEW
@given(st.data())
def test_down_leaves_nothing_of_ours_and_all_of_theirs(data: st.DataObject) -> None:
    """Others' containers, networks, volumes and rules are as they were; ours are gone."""
    town = data.draw(towns())
    theirs = Theirs(town)
    theirs.make()
    before = theirs.seen()
    town.up(data.draw(wishes(town)))

    report = town.down(purge=data.draw(st.booleans()))
    again = town.down()

    assert (report.exit_code, report.residue) == (0, ()), report.results
    assert again.plan.actions == ()
    assert ours(town) == []
    assert town.swarms() == []
    assert [s for s in theirs.seen() if s[0] in {b[0] for b in before}] == before
    for name in town.hosts:
        assert town.transport.machine(name).filter.rules == []
