"""The door: flags, verbs, live console; the only place that prints and exits.

Each verb is a module of its own, imported when it is called, so that ``--help`` is quick.
"""


def main() -> None:
    """Run the command ``swarmlay`` with the process's own arguments."""
    import sys

    from provision.cli import environment

    environment.prepare()
    from provision.cli.entry import run

    sys.exit(run(sys.argv[1:]))
