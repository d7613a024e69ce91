"""Broken networks as people write them, each with its command line and what is wrong with it."""
