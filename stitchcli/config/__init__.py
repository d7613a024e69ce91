"""What a project says in ``stitch.toml``, or in ``[tool.stitch]`` of its pyproject.toml."""
