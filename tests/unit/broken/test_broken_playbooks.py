"""Broken playbooks: one clear error each, at its place, through the public door."""

from pathlib import Path

import pytest

from provision.documents import parse, read
from provision.errors import DocumentError
from provision.load import load_inventory, load_playbooks
from provision.model.inventory import Inventory

WEB = "services:\n  web:\n    image: nginx\n    "
NET = "networks:\n  n: {attachable: true}\n  m:\n"
BOX = NET + "containers:\n  box:\n    image: alpine\n    "

# «marks» the place the error must name; then what it must say, and what its hint must say.
CASES = {
    "empty": ("«", "the file is empty", ""),
    "a list": ("«- services\n", "a playbook is a mapping, not a list", ""),
    "unclosed": ("services: {a\n«", "a '{' is not closed", ""),
    "unknown key": ("«servces: {}\n", "unknown key 'servces' in a playbook", "'services'"),
    "story": ("«steps: []\n".replace("[]", "[x]"), "steps in a playbook is not handled", "state"),
    "stacks": ("«stacks: {a: {}}\n", "stacks in a playbook is not handled", "services"),
    "configs": ("configs: {a: «{}}\n", "configs.a says not what it holds", "content"),
    "secrets": ("secrets: {a: «{}}\n", "secrets.a says not what it holds", "environment"),
    "include": ("«include: [x.yml]\n", "include in a playbook would lose its", "command line"),
    "volume": ("volumes: {v: {«drivr: x}}\n", "unknown key 'drivr' in a volume", "'driver'"),
    "volume name": ("volumes: {«'; rm -rf /': }\n", "'; rm -rf /' is no volume name", ""),
    "services are a list": ("services: «[web]\n", "services must be a mapping, not a list", ""),
    "service is a text": ("services: {web: «nginx}\n", "services.web must be a mapping", ""),
    "service of nothing": ("services: {web: «}\n", "services.web must be a mapping", ""),
    "no image": ("services: {web: «{command: x}}\n", "services.web lacks the key 'image'", ""),
    "only build": ("services: {web: «{build: .}}\n", "services.web lacks the key 'image'", ""),
    "image of numbers": ("services: {web: {image: «1}}\n", "services.web.image must be text", ""),
    "shell in image": (
        "services: {web: {image: «'nginx; rm -rf /'}}\n",
        "'nginx; rm -rf /' is no image",
        "lower case",
    ),
    "option as image": ("services: {web: {image: «--privileged}}\n", "is no image", ""),
    "capital image": ("services: {web: {image: «Nginx}}\n", "'Nginx' is no image", "lower case"),
    "shell in service name": (
        "services: {«; rm -rf /: {image: a}}\n".replace("; rm -rf /", "'; rm -rf /'"),
        "'; rm -rf /' is no service name",
        "letters",
    ),
    "option as container name": (
        "containers: {«-v: {image: a, on: all}}\n",
        "'-v' is no container name",
        "",
    ),
    "unknown service key": (WEB + "«imgae: x\n", "unknown key 'imgae' in a service", "'image'"),
    "privileged": (WEB + "«privileged: true\n", "would lose its meaning", "cap_add"),
    "network mode": (WEB + "«network_mode: host\n", "network_mode in a service would", "networks"),
    "devices": (WEB + "«devices: [/dev/x]\n", "devices in a service would lose", ""),
    "pid": (WEB + "«pid: host\n", "pid in a service would lose its meaning", ""),
    "ipc": (WEB + "«ipc: host\n", "ipc in a service would lose its meaning", ""),
    "env_file": (WEB + "env_file: «.env\n", "the file '.env' cannot be read", "relative"),
    "service's secrets": (WEB + "secrets: [«a]\n", "the secret 'a', which is not", "declare"),
    "service's configs": (WEB + "configs: [«a]\n", "the config 'a', which is not", "declare"),
    "extends": (WEB + "«extends: {service: a}\n", "extends in a service would lose", "anchors"),
    "selector in a service": (WEB + "«on: all\n", "unknown key 'on' in a service", ""),
    "static address": (
        NET + WEB + "networks: {n: {«ipv4_address: 10.0.0.9}}\n",
        "ipv4_address in a service's network would lose its meaning",
        "name",
    ),
    "port of nonsense": (WEB + "ports: [«'80:http']\n", "'80:http' is no port", "8080:80"),
    "port too high": (WEB + "ports: [«'70000:80']\n", "published must be at most 65535", ""),
    "port zero": (WEB + "ports: [«'8080:0']\n", "target must be at least 1, not '8080:0'", ""),
    "port of a float": (WEB + "ports: [«80.5]\n", "'80.5' is no port", ""),
    "port range": (WEB + "ports: [«'80-82:80']\n", "the two ranges differ in length", ""),
    "backward range": (WEB + "ports: [«'82-80:82-80']\n", "82-80 is no range", ""),
    "protocol": (WEB + "ports: [«'80:80/icmp']\n", "must be one of 'tcp', 'udp' or 'sctp'", ""),
    "one address": (WEB + "ports: [«'127.0.0.1:80:80']\n", "on one address only", "firewall"),
    "port's mode": (
        WEB + "ports: [{target: 80, mode: «hots}]\n",
        "services.web.ports[0].mode must be one of 'ingress' or 'host', not 'hots'",
        "did you mean 'host'?",
    ),
    "port's key": (WEB + "ports: [{«taget: 80, target: 80}]\n", "unknown key 'taget'", "'target'"),
    "port twice": (WEB + "ports: ['80:80', «'80:81']\n", "which services.web publishes", "another"),
    "port of another": (
        WEB + "ports: ['80:80']\n  api: {image: a, ports: [«'80:8080']}\n",
        "services.api publishes 80/tcp, which services.web publishes already",
        "",
    ),
    "undeclared network": (
        NET + WEB + "networks: [«nn]\n",
        "services.web names the network 'nn', which is not declared",
        "did you mean 'n'?",
    ),
    "no network at all": (WEB + "networks: [«a]\n", "which is not declared", "declare it"),
    "environment": (WEB + "environment: [«{a: b}]\n", "a mapping is no KEY=value", ""),
    "environment twice": (WEB + "environment: [A=1, «A=2]\n", "'A' stands twice", ""),
    "environment is a text": (
        WEB + "environment: «A\n",
        "services.web.environment must be a mapping, not 'A'",
        "",
    ),
    "command": (WEB + "command: «echo 'x\n", "cannot be split into words", ""),
    "relative bind": (
        WEB + "volumes: [«./data:/data]\n",
        "the bind mount './data' is relative",
        "absolute",
    ),
    "long relative bind": (
        WEB + "volumes: [{type: bind, source: «data, target: /data}]\n",
        "the bind mount 'data' is relative",
        "absolute",
    ),
    "home bind": (WEB + "volumes: [«~/data:/data]\n", "the bind mount '~/data' is relative", ""),
    "mount's target": (WEB + "volumes: [«a:b]\n", "'b' is no absolute path in the container", ""),
    "mount option": (WEB + "volumes: [«a:/b:r]\n", "'r' is no mount option", "'rw'"),
    "mount of four": (WEB + "volumes: [«a:/b:ro:x]\n", "'a:/b:ro:x' is no mount", "SOURCE"),
    "mount type": (
        WEB + "volumes: [{type: «bnid, target: /a}]\n",
        "must be one of 'volume', 'bind' or 'tmpfs', not 'bnid'",
        "did you mean 'bind'?",
    ),
    "tmpfs options": (WEB + "tmpfs: «/run:size=1m\n", "is no absolute path for a tmpfs", "size"),
    "duration": (WEB + "stop_grace_period: «10\n", "'10' is no duration", '"10s"'),
    "health": (WEB + "healthcheck: {interval: «often}\n", "'often' is no duration", ""),
    "test": (WEB + "healthcheck: {test: [«curl, x]}\n", "'curl' does not begin a test", "CMD"),
    "size": (
        WEB + "deploy: {resources: {limits: {memory: «lots}}}\n",
        "'lots' is no size",
        "512m",
    ),
    "cores": (WEB + "deploy: {resources: {limits: {cpus: «half}}}\n", "is no number of cores", ""),
    "deploy's key": (WEB + "deploy: {«replica: 3}\n", "unknown key 'replica'", "'replicas'"),
    "replicas": (WEB + "deploy: {replicas: «-1}\n", "replicas must be at least 0, not '-1'", ""),
    "quoted replicas": (WEB + "deploy: {replicas: «'3'}\n", "must be a whole number", ""),
    "mode": (WEB + "deploy: {mode: «gobal}\n", "deploy.mode must be one of", "'global'"),
    "order": (
        WEB + "deploy: {update_config: {order: «start_first}}\n",
        "update_config.order must be one of",
        "'start-first'",
    ),
    "replicas of a global": (
        WEB + "deploy: {mode: global, replicas: «2}\n",
        "services.web is global and cannot have replicas",
        "mode: replicated",
    ),
    "ingress without vip": (
        WEB + "ports: [«'80:80']\n    deploy: {endpoint_mode: dnsrr}\n",
        "has endpoint_mode dnsrr and publishes a port on the ingress mesh",
        "mode: host",
    ),
    "restart": (WEB + "restart: «sometimes\n", "'sometimes' is no restart policy", ""),
    "ulimit": (WEB + "ulimits: {nofile: {soft: «x, hard: 1}}\n", "soft must be a whole", ""),
    "our own label": (WEB + "labels: [«io.swarmlay.cluster=x]\n", "swarmlay's own", ""),
    "selector": (
        BOX + "on: «workrs[0]\n",
        "containers.box.on: 'workrs[0]' selects no host of inv.yml",
        "did you mean 'workers'?",
    ),
    "selector's index": (BOX + "on: «managers[1]\n", "selects no host", ""),
    "no selector": (BOX.replace("image", "«image"), "lacks the key 'on'", ""),
    "deploy of a container": (
        BOX + "on: all\n    «deploy: {replicas: 2}\n",
        "deploy in a container would lose its meaning",
        "service",
    ),
    "not attachable": (
        BOX + "on: all\n    networks: [«m]\n",
        "containers.box cannot join the network 'm': it is not attachable",
        "attachable: true",
    ),
    "driver": ("networks: {a: {driver: «host}}\n", "Docker has one network of the", "overlay"),
    "Docker's network": ("networks: {«ingress: }\n", "is Docker's own", ""),
    "network's key": ("networks: {a: {«atachable: true}}\n", "unknown key", "'attachable'"),
    "one network twice": (
        "networks: {a: , b: {name: «a}}\n",
        "networks.b and networks.a are the same network 'a'",
        "",
    ),
    "network's name": ("networks: {a: {name: «'; x'}}\n", "'; x' is no network name", ""),
    "attachable of 1.1": (
        "networks: {a: {attachable: «yes}}\n",
        "networks.a.attachable must be true or false, not 'yes'",
        "YAML 1.2",
    ),
    "subnet": (
        "networks: {a: {ipam: {config: [{subnet: «10.0.0.0}]}}}\n",
        "'10.0.0.0' is no CIDR",
        "",
    ),
    "subnet's host bits": (
        "networks: {a: {ipam: {config: [{subnet: «10.0.0.1/24}]}}}\n",
        "'10.0.0.1/24' is no CIDR",
        "",
    ),
    "gateway": (
        "networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: «10.0.1.1}]}}}\n",
        "'10.0.1.1' is not in the subnet 10.0.0.0/24",
        "",
    ),
    "range": (
        "networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, ip_range: «10.0.0.0/16}]}}}\n",
        "'10.0.0.0/16' is not in the subnet 10.0.0.0/24",
        "",
    ),
    "overlap": (
        """networks:
  a: {ipam: {config: [{subnet: 10.0.0.0/16}]}}
  b: {ipam: {config: [{subnet: «10.0.9.0/24}]}}
""",
        "the subnet 10.0.9.0/24 of b overlaps 10.0.0.0/16 of a",
        "",
    ),
    "the world": (
        "firewall: {open_to: [«0.0.0.0/0]}\n",
        "firewall.open_to must not be the world (0.0.0.0/0)",
        "peers",
    ),
    "the other world": ("firewall: {open_to: [«'::/0']}\n", "must not be the world (::/0)", ""),
    "all of them": ("firewall: {open_to: «all}\n", "must be one of 'peers' or a list", ""),
    "data path port": ("swarm: {data_path_port: «80}\n", "must be at least 1024, not '80'", ""),
    "pool": ("swarm: {default_addr_pool: [«10.0.0.0/33]}\n", "'10.0.0.0/33' is no CIDR", ""),
    "engine": ("engine: {sorce: x}\n".replace("sorce", "«sorce"), "unknown key", "'source'"),
    "fingerprint": (
        "engine: {repository: {fingerprint: «abc}}\n",
        "fingerprint must be 40 hexadecimal digits, not 'abc'",
        "",
    ),
    "expect is a mapping": ("expect: «{ping: {}}\n", "expect must be a list", "-"),
    "expectation's kind": (
        "expect: [{«pign: {from: a, to: b}}]\n",
        "unknown kind of expectation 'pign'",
        "did you mean 'ping'?",
    ),
    "expectation's argument": (
        "expect: [{ping: {from: laptop, «too: x, to: y}}]\n",
        "unknown argument 'too' of ping",
        "did you mean 'to'?",
    ),
    "argument lacks": ("expect: [{ping: «{from: laptop}}]\n", "ping lacks the argument 'to'", ""),
    "argument's type": (
        "expect: [{tcp: {from: laptop, to: a, port: «http}}]\n",
        "tcp.port must be a port, not 'http'",
        "",
    ),
    "argument's choice": (
        "expect: [{wire: {network: a, sees: «epp}}]\n",
        "wire.sees must be one of esp, vxlan, plaintext, not 'epp'",
        "'esp'",
    ),
    "asker": (
        BOX + "on: all\nexpect: [{ping: {from: «bax, to: box}}]\n",
        "ping.from names 'bax': no container, service or host",
        "did you mean 'box'?",
    ),
    "within": (
        "expect: [{ping: {from: laptop, to: a}, within: «soon}]\n",
        "'soon' is no duration",
        "",
    ),
    "interpolation": (WEB + "user: «${1}\n", "is no valid interpolation", "$$"),
    "demanded": (WEB + "user: «${U:?who}\n", "the variable U is required and not set: 'who'", ""),
    "filled": (
        WEB + "deploy: {replicas: «'${X:-many}'}\n",
        "replicas must be a whole number, not '${X:-many}'",
        "",
    ),
}


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    """One manager, one worker."""
    text = "cluster: c\nhosts: {h1: {address: a, role: manager}, h2: {address: b}}\n"
    return load_inventory(
        parse(text, file="inv.yml"), path="/inv.yml", environment={}, state_dir="/s", home="/h"
    )


@pytest.mark.parametrize("name", CASES)
def test_broken_playbook(name: str, tmp_path: Path, inventory: Inventory) -> None:
    """A broken playbook gives one error with place, cause and advice; exit code 2."""
    marked, says, hint = CASES[name]
    before, text = marked.split("«")[0], marked.replace("«", "")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    (tmp_path / "p.yml").write_text(text)

    with pytest.raises(DocumentError) as caught:
        load_playbooks([read(tmp_path / "p.yml", shown="p.yml")], inventory, {})

    error = caught.value
    assert (error.where, error.exit_code, error.others) == (f"p.yml:{line}:{column}", 2, ())
    assert says in error.what
    assert hint in error.hint
    assert str(error).isprintable()


def test_merge_disagrees(inventory: Inventory) -> None:
    """Two playbooks that disagree are an error that names both places."""
    one = parse("networks: {a: {attachable: true}}\n", file="one.yml")
    two = parse("networks:\n  a: {attachable: false}\n", file="two.yml")

    with pytest.raises(DocumentError) as caught:
        load_playbooks([one, two], inventory, {})

    assert caught.value.where == "two.yml:2:19"
    assert "'false' here and 'true' at one.yml:1:28" in caught.value.what
