"""The vocabulary: frozen types and protocols that every other part speaks in; no effects."""
