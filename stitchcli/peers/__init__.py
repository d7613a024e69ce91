"""``--cross-check``: what other counters say of the same network, and why they differ from ours.

A difference is taken apart into reasons whose amounts add up to it. Each file is one counter.
"""
