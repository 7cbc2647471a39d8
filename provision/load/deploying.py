"""What the keys of ``deploy`` exclude in one another, before an engine says so half-way through."""

from provision.load.problems import Problems
from provision.model.tree import Node


def check_deploy(playbook: Node, problems: Problems) -> None:
    """Of every service: replicas of a global one, the ingress mesh without a virtual address."""
    for name, service in playbook.items.get("services", playbook.with_value({})).items.items():
        deploy = service.items.get("deploy", service.with_value({}))
        _check_replicas(name, deploy, problems)
        _check_endpoint(name, service, deploy, problems)
        _check_job(name, service, deploy, problems)


def _check_replicas(name: str, deploy: Node, problems: Problems) -> None:
    mode, replicas = deploy.items.get("mode"), deploy.items.get("replicas")
    if mode is None or replicas is None or mode.value not in ("global", "global-job"):
        return
    problems.error(
        replicas,
        f"services.{name} is global and cannot have replicas",
        why=f"a {mode.value} service has one task on each node",
        hint="remove replicas, or write mode: replicated",
    )


def _check_endpoint(name: str, service: Node, deploy: Node, problems: Problems) -> None:
    endpoint = deploy.items.get("endpoint_mode")
    if endpoint is None or endpoint.value != "dnsrr":
        return
    for port in service.items.get("ports", service.with_value(())).elements:
        mode = port.items.get("mode")
        if mode is None or mode.value == "ingress":
            problems.error(
                port,
                f"services.{name} has endpoint_mode dnsrr and publishes a port on the ingress mesh",
                why="the mesh needs the service's virtual address",
                hint="publish with mode: host, or write endpoint_mode: vip",
            )


def _check_job(name: str, service: Node, deploy: Node, problems: Problems) -> None:
    """Tasks of a job end, so nothing is rolled out and nothing is started again for ever."""
    mode = deploy.items.get("mode")
    if mode is None or mode.value not in ("replicated-job", "global-job"):
        return
    for key in ("update_config", "rollback_config"):
        if key in deploy.items:
            what = f"services.{name} is a job and cannot have {key}"
            problems.error(deploy.key(key), what, why="a job's tasks are started anew, all at once")
    policy = deploy.items.get("restart_policy", deploy.with_value({}))
    condition = policy.items.get("condition")
    if condition is not None and condition.value == "any":
        what = f"services.{name} is a job and cannot be started again after success"
        problems.error(condition, what, hint="write condition: on-failure or none")
    for port in service.items.get("ports", service.with_value(())).elements:
        found = port.items.get("mode")
        if found is None or found.value != "host":
            what = f"services.{name} is a job and cannot publish on the ingress mesh"
            problems.error(port, what, hint="publish with mode: host")
