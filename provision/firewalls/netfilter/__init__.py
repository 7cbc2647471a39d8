"""The kernel's own packet filter, by its two command families: iptables and nft.

What one of them accepts another may still drop: a packet must pass every *door*, which is an
iptables variant (``iptables-nft``, ``iptables-legacy``) or a base chain of a native table.
"""
