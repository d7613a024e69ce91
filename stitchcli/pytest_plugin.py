"""The pytest plugin: budgets as tests.

``pytest --stitch`` (or ``stitch = true`` in the ini file) collects every check of the project's
models as a test of its own, ``stitch.toml::unet::params.max``, with the marker ``stitch``. To a run
that does not ask for them it adds nothing, no import either.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_FILES = ("stitch.toml", "pyproject.toml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flag and the setting."""
    group = parser.getgroup("stitch", "budgets of networks (stitch)")
    help = "Collect the checks of stitch.toml, or of [tool.stitch], as tests."
    group.addoption("--stitch", action="store_true", help=help)
    parser.addini("stitch", help, "bool", False)


def pytest_configure(config: pytest.Config) -> None:
    """The marker, so that ``-m "not stitch"`` works."""
    config.addinivalue_line("markers", "stitch: a check of stitch.toml, as in stitch check")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The project's settings, where they are named: ``pytest stitch.toml::unet``."""
    config = parent.config
    if file_path.name not in _FILES or not (_flag(config) or _setting(config)):
        return None
    from stitchcli.pytest_items import project_in, settings_file

    named = (Path(config.invocation_params.dir, each.partition("::")[0]) for each in config.args)
    if not any(path.absolute() in (file_path, file_path.parent) for path in named):
        return None
    project = project_in(file_path)
    return settings_file(parent, project) if project else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """The checks stand behind the tests that were asked for, wherever the settings lie."""
    by_default = config.args_source is not config.ArgsSource.ARGS
    is_one = any("::" in each for each in config.args)  # whoever names a test wants that test
    if not ((_flag(config) and not is_one) or (_setting(config) and by_default)):
        return
    from stitchcli.pytest_items import Check, project_of, settings_file

    if not any(isinstance(each, Check) for each in items):
        items += session.genitems(settings_file(session, project_of(config)))


def _flag(config: pytest.Config) -> bool:
    return bool(config.getoption("--stitch"))


def _setting(config: pytest.Config) -> bool:
    return bool(config.getini("stitch"))
