"""``--format sarif``: SARIF 2.1.0, which code scanning takes.

Findings that were ignored are no results; the run's notifications say how many there were.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
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
    known = rules()
    indices = {rule["id"]: index for index, rule in enumerate(known)}
    found = list(findings(report))
    prints = _fingerprints(report, found)
    return _log(
        {
            "tool": {"driver": {**_driver(report.versions), "rules": known}},
            "automationDetails": {"id": f"stitch/{report.target}/"},
            "columnKind": "unicodeCodePoints",
            "invocations": [
                {
                    "executionSuccessful": True,
                    "exitCode": int(report.has_errors),
                    "toolExecutionNotifications": [
                        {"level": "note", "message": {"text": text}} for text in remarks(report)
                    ],
                }
            ],
            "results": [
                _result(report, each, indices[each.code], print)
                for each, print in zip(found, prints, strict=True)
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


def _result(report: Report, each: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if each.primary is not None:
        location["physicalLocation"] = _physical(each.primary)
    location["logicalLocations"] = [_logical(report, each)]
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


def _logical(report: Report, each: Finding) -> dict[str, str]:
    path = each.path or report.name
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
    """Relative to the working directory where the file lies below, which is then the root."""
    path = Path(file)
    try:
        below = path.relative_to(Path.cwd())
    except ValueError:
        return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    return {"uri": quote(below.as_posix()), "uriBaseId": "%SRCROOT%"}


def _fingerprints(report: Report, found: list[Finding]) -> list[str]:
    """What a finding is known by from run to run: all but line numbers, which move; of several that
    are alike in that, which one it is."""
    seen: Counter[str] = Counter()
    prints = []
    for each in found:
        site = each.primary.site if each.primary else None
        text = getline(site.file, site.line).strip() if site else ""
        title = each.title if each.code == CHECK else ""
        facts = "\0".join((each.code, report.name, each.path, each.op, text, title))
        digest = sha256(facts.encode("utf-8", "replace")).hexdigest()[:32]
        seen[digest] += 1
        prints.append(f"{digest}:{seen[digest]}")
    return prints
