"""Plug-and-play blocks, one per file; each stands alone and opens with its paper."""
