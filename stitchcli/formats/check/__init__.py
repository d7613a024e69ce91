"""The formats of ``stitch check``."""
