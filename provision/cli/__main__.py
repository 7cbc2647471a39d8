"""``python -m provision.cli``: the same as the command ``swarmlay``."""

from provision.cli import main

if __name__ == "__main__":
    main()
