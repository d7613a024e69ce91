"""What a project says in ``stitch.toml``, or in ``[tool.stitch]`` of its pyproject.toml."""

from stitchcli.config.found import Source, find_source
from stitchcli.config.project import Project, read_project
from stitchcli.config.settings import Settings, read_settings

__all__ = ["Project", "Settings", "Source", "find_source", "read_project", "read_settings"]
