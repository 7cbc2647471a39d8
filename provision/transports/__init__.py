"""Ways to a host, and the only place that touches one.

`ssh` reaches hosts over one connection each, `local` is this machine, `simulated` is a cluster in
memory for tests. All keep the contract of `provision.model.session`.
"""
