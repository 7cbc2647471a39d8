"""swarmlay: from a list of hosts to a Docker Swarm whose overlay networks provably work."""

__version__ = "0.1.0"
