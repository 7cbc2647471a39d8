"""firewalld: recognised, so that it is never overlooked; not opened yet."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from provision.model.actions import Step
from provision.model.facts import Fact, Known
from provision.model.observed import FirewallState, Rule

_DETAIL = (
    "firewalld is in force; swarmlay cannot open it yet. Stop it (systemctl disable --now"
    " firewalld) and use ufw or iptables"
)


class Firewalld:
    """firewalld while it runs."""

    name = "firewalld"
    script: ClassVar[str] = r"""
echo '@@ firewalld'; ! command -v firewall-cmd >/dev/null || firewall-cmd --state 2>&1
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force as soon as its daemon says so."""
        if reading.get("firewalld", "").strip() != "running":
            return None
        state = FirewallState(
            self.name, supported=False, filtering=True, filtering_v6=True, detail=_DETAIL
        )
        return Known(state)

    def open(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule]
    ) -> tuple[Step, ...]:
        """Not supported: its hosts are blocked before this is asked."""
        raise NotImplementedError(_DETAIL)

    def close(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule]
    ) -> tuple[Step, ...]:
        """Nothing of ours is in it."""
        return ()

    def commands(
        self, _state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """What would open it by hand."""
        verb = "--remove-rich-rule" if close else "--add-rich-rule"
        words = [_rich(rule) for rule in rules]
        return tuple(f"firewall-cmd --permanent {verb}='{word}'  # {cluster}" for word in words)


def _rich(rule: Rule) -> str:
    family = "ipv6" if ":" in rule.source else "ipv4"
    what = f'port port="{rule.port}" protocol="{rule.protocol}"'
    service = 'protocol value="esp"' if rule.protocol == "esp" else what
    return f'rule family="{family}" source address="{rule.source}" {service} accept'
