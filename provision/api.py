"""The pipeline as functions: what the command line and scripts call.

    from provision import api

    inventory = api.open_inventory("inventory/example.yml")
    desired = api.load(["playbooks/overlay.yml"], inventory)
    with api.connect(inventory) as cluster:
        plan = cluster.plan(desired)
        report = cluster.up(desired, confirm=lambda plan: True)
"""
