"""``--format sarif``: SARIF 2.1.0, which code scanning takes.

Findings that were ignored are no results; the run's notifications say how many there were.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from linecache import getline
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stitchcli.formats.findings import CHECK, Finding, findings, position, remarks
from stitchcli.formats.sarif_rules import rules
from stitchcli.records import Label, Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(report: Report) -> str:
    """One log with one run."""
    return render_findings(
        [(report.name, each) for each in findings(report)],
        rules(),
        f"stitch/{report.target}/",
        int(report.has_errors),
        report.versions,
        list(remarks(report)),
    )


def render_findings(
    found: Sequence[tuple[str, Finding]],
    known: Sequence[dict[str, Any]],
    id: str,
    exit_code: int,
    versions: Mapping[str, str | None],
    notes: Sequence[str],
) -> str:
    """One log with one run: findings, each with the name of its network, and the rules."""
    indices = {rule["id"]: index for index, rule in enumerate(known)}
    return _log(
        {
            "tool": {"driver": {**_driver(versions), "rules": known}},
            "automationDetails": {"id": id},
            "columnKind": "unicodeCodePoints",
            "invocations": [
                {
                    "executionSuccessful": exit_code < 2,
                    "exitCode": exit_code,
                    "toolExecutionNotifications": [
                        {"level": "note", "message": {"text": text}} for text in notes
                    ],
                }
            ],
            "results": [
                _result(name, each, indices[each.code], print)
                for (name, each), print in zip(found, _fingerprints(found), strict=True)
            ],
        }
    )


def render_sarif_error(
    message: str, help: str, exit_code: int, versions: Mapping[str, str | None], command: str
) -> str:
    """The log that stands for a report which could not be made."""
    text = f"{message}\nhelp: {help}" if help else message
    invocation = {
        "executionSuccessful": False,
        "exitCode": exit_code,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}}],
    }
    driver = {"driver": _driver(versions)}
    return _log({"tool": driver, "invocations": [invocation], "results": []})


def _log(run: dict[str, Any]) -> str:
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(versions: Mapping[str, str | None]) -> dict[str, Any]:
    version = versions.get("version")
    return {"name": "stitch", **({"version": version} if version else {})}


def _result(name: str, each: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if each.primary is not None:
        location["physicalLocation"] = _physical(each.primary)
    location["logicalLocations"] = [_logical(name, each)]
    related = [
        {"id": at, "physicalLocation": _physical(label), "message": {"text": label.text}}
        for at, label in enumerate(each.secondary, 1)
    ]
    return {
        "ruleId": each.code,
        "ruleIndex": index,
        "level": each.level,
        "message": {"text": each.message},
        "locations": [location],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"stitch/v1": fingerprint},
    }


def _logical(name: str, each: Finding) -> dict[str, str]:
    path = each.path or name
    return {"name": path.rpartition(".")[2] or path, "fullyQualifiedName": path, "kind": "module"}


def _physical(label: Label) -> dict[str, Any]:
    line, col, end_line, end_col = position(label.site)
    return {
        "artifactLocation": _artifact(label.site.file),
        "region": {
            "startLine": line, "startColumn": col, "endLine": end_line, "endColumn": end_col,
        },
    }  # fmt: skip


def _artifact(file: str) -> dict[str, str]:
    """Relative to GitHub's workspace, or the working directory, where the file lies below: it is
    then the root."""
    path = Path(file)
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    try:
        below = path.resolve().relative_to(root)
    except ValueError:
        return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    return {"uri": quote(below.as_posix()), "uriBaseId": "%SRCROOT%"}


def _fingerprints(found: Sequence[tuple[str, Finding]]) -> list[str]:
    """What a finding is known by from run to run: all but line numbers, which move; of several that
    are alike in that, which one it is."""
    seen: Counter[str] = Counter()
    prints = []
    for name, each in found:
        site = each.primary.site if each.primary else None
        text = getline(site.file, site.line).strip() if site else ""
        title = each.title if each.code == CHECK else ""
        facts = "\0".join((each.code, name, each.path, each.op, text, title))
        digest = sha256(facts.encode("utf-8", "replace")).hexdigest()[:32]
        seen[digest] += 1
        prints.append(f"{digest}:{seen[digest]}")
    return prints
