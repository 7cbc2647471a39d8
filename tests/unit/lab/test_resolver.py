"""Which nameservers hosts get."""

from provision.lab.resolver import nameservers, resolv_conf


def test_loopback_nameservers_are_not_handed_on() -> None:
    """A laptop's 127.0.0.53 is nobody in a host, and IPv6 does not reach out of a lab."""
    text = "# x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fe80::1\nsearch lan\n"

    assert nameservers(text) == ("10.0.0.2",)
    assert nameservers("nameserver\nnameserver not-an-address\n") == ()


def test_without_a_nameserver_the_bridge_says_no() -> None:
    """A look-up must fail at once; with no entry at all Docker would ask 8.8.8.8."""
    assert resolv_conf((), "10.78.3.1").startswith("nameserver 10.78.3.1\n")
    assert resolv_conf(("1.1.1.1", "9.9.9.9"), "10.78.3.1").splitlines()[:2] == [
        "nameserver 1.1.1.1",
        "nameserver 9.9.9.9",
    ]
