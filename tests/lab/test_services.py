"""Everything a service has, on real hosts: files, secrets, jobs, updates that fail, volumes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.swarmlay import Ended, Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CANARY = "hunter2-canary-{}"
PLAYBOOK = """
networks:
  net: {{driver: overlay}}
services:
  web:
    image: alpine
    command: {command}
    networks: [net]
    env_file: app.env
    configs: [{{source: page, target: /etc/page, mode: 0440, uid: "7"}}]
    secrets: [password]
    volumes: [data:/data]
    stop_grace_period: 1s
    deploy:
      replicas: 2
      update_config: {{failure_action: rollback, monitor: 3s, parallelism: 1}}
      rollback_config: {{parallelism: 0}}
  migration:
    image: alpine
    command: [sh, -c, "sleep 1; echo done"]
    deploy: {{mode: replicated-job, replicas: 2}}
configs:
  page: {{file: page.txt}}
secrets:
  password: {{environment: DB_PASSWORD}}
volumes:
  data:
"""
INSIDE = """
task=$(docker ps -qf label=com.docker.swarm.service.name=web | head -1)
docker exec $task sh -c 'ls -ln /etc/page; cat /etc/page /run/secrets/password; echo; env'
"""


class World:
    """A lab, and a playbook that changes."""

    def __init__(self, swarmlay: Swarmlay, folder: Path) -> None:
        self.swarmlay = swarmlay
        self.folder = folder
        self.said: list[str] = []
        self.write("one", "1", "sleep infinity")

    def write(self, page: str, secret: str, command: str) -> None:
        """Change what is wanted."""
        (self.folder / "page.txt").write_text(f"page {page}\n")
        (self.folder / "app.env").write_text("GREETING='two words'\n")
        (self.folder / "play.yml").write_text(PLAYBOOK.format(command=command))
        self.swarmlay = Swarmlay(self.swarmlay.lab, {"DB_PASSWORD": CANARY.format(secret)})

    def __call__(self, verb: str, *more: str) -> Ended:
        """Run a verb on the playbook; what it says is kept."""
        ended = self.swarmlay(verb, str(self.folder / "play.yml"), *more)
        self.said += [ended.out, ended.err]
        return ended

    def names(self, kind: str) -> list[str]:
        """What the cluster has of a kind."""
        listed = self.swarmlay.host("manager", f"docker {kind} ls --format '{{{{.Name}}}}'")
        return sorted(listed.split())


@pytest.fixture(scope="module")
def world(
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    """Two hosts, and the playbook brought up once."""
    made = World(swarmlay_on(fresh_lab(workers=1)), tmp_path_factory.mktemp("services"))
    ended = made("up", "--yes", "--no-check", "-v", "-o", "json")
    assert ended.code == 0, ended.err + ended.out[-2000:]
    assert ended.json["second_plan"]["converged"] is True
    return made


def test_tasks_see_configs_and_secrets(world: World) -> None:
    """As files with owner and mode; variables of the env file, too."""
    said = world.swarmlay.host("manager", INSIDE)

    assert "-r--r-----" in said
    assert "page one" in said
    assert CANARY.format("1") in said
    assert "GREETING=two words" in said


def test_a_job_has_converged_when_it_is_completed(world: World) -> None:
    """Both tasks ended well before `up` did, and no later plan starts them again."""
    states = world.swarmlay.host(
        "manager", "docker service ps migration --format '{{.CurrentState}}'"
    ).splitlines()

    assert len(states) == 2
    assert all(state.startswith("Complete") for state in states)


def test_new_content_is_rotated(world: World) -> None:
    """Services move over to new objects, the old ones go, and the next plan is empty."""
    before = world.names("config"), world.names("secret")
    world.write("two", "2", "sleep infinity")

    ended = world("up", "--yes", "--no-check", "-v", "-o", "json")

    assert ended.code == 0, ended.err
    assert ended.json["second_plan"]["converged"] is True
    after = world.names("config"), world.names("secret")
    assert [len(names) for names in after] == [1, 1]
    assert all(old != new for old, new in zip(before, after, strict=True))
    said = world.swarmlay.host("manager", INSIDE)
    assert "page two" in said
    assert CANARY.format("2") in said


def test_an_update_that_fails_is_rolled_back_and_reported(world: World) -> None:
    """The service runs on as it was; the report says what the new tasks died of."""
    world.write("two", "2", "sh -c 'echo broken on purpose; exit 3'")

    ended = world("up", "--yes", "--no-check", "-o", "json")

    assert ended.code == 1, ended.out[-2000:]
    failed = [r for r in ended.json["results"] if r["outcome"] == "failed"]
    assert [r["action"] for r in failed] == ["manager:services:web"]
    assert "rolled back" in failed[0]["cause"]
    assert "exit code 3" in failed[0]["cause"]
    world.write("two", "2", "sleep infinity")
    assert world("up", "--yes", "--no-check").code == 0


def test_no_secret_is_seen_anywhere(world: World) -> None:
    """Neither in what was said, nor in logs of hosts, nor in what `ps` shows while it happens."""
    watch = "for i in $(seq 300); do ps -eo args; sleep 0.05; done > /tmp/seen.txt 2>&1"
    world.swarmlay.hosts(f"nohup sh -c '{watch}' >/dev/null 2>&1 &")
    world.write("three", "3", "sleep infinity")
    log = world.folder / "log.txt"

    world("up", "--yes", "--no-check", "-v", "--debug", "--log-file", str(log))
    world("plan", "-v", "--debug")
    world("plan", "-o", "json")

    logs = "cat /tmp/seen.txt; journalctl --no-pager -o cat; cat /var/log/*.log 2>/dev/null; true"
    texts = [*world.said, log.read_text(), *world.swarmlay.hosts(logs).values()]
    assert [t for t in texts if CANARY.format("") in t] == []
    assert any("page" in t for t in world.said)


def test_down_keeps_volumes_and_removes_all_else(world: World) -> None:
    """What is in volumes is data; with --volumes ours go, and only ours."""
    world.swarmlay.hosts("docker volume create theirs")

    down = world("down", "--yes", "-o", "json")

    assert down.code == 0, down.out[-2000:]
    assert [world.names(kind) for kind in ("service", "config", "secret")] == [[], [], []]
    assert volumes(world) == {"data", "theirs"}
    assert all(not text.strip() for text in world.swarmlay.hosts("docker ps -aq").values())
    again = world("down", "--yes", "--volumes", "-o", "json")
    assert again.code == 0, again.out[-2000:]
    assert volumes(world) == {"theirs"}


def volumes(world: World) -> set[str]:
    """The volumes of all hosts."""
    return set(" ".join(world.swarmlay.hosts("docker volume ls -q").values()).split())
