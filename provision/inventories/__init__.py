"""inventories."""
