"""A plugin of pytest that writes what became of each rule of a contract into a file, for `report.py`."""

import json
from pathlib import Path
from typing import Any

import pytest

_HOLDS, _ABSENT, _FAILS = "yes", "no", "FAILS"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write."""
    parser.addoption("--findings", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    """Listen."""
    config.pluginmanager.register(_Recorder(config.getoption("--findings")))


class _Recorder:
    """Of a test with several parameters it notes the worst ending."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rules: dict[str, dict[str, Any]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note the rule that a test holds, and where it is written."""
        if isinstance(item, pytest.Function):
            place = [item.function.__module__, item.function.__code__.co_firstlineno]
            rule = " ".join((item.function.__doc__ or "").split())
            self._rules[_name(item.nodeid)] = {"rule": rule, "place": place, "verdict": None, "reason": ""}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how it ended."""
        rule = self._rules[_name(report.nodeid)]
        if (report.when == "call" or not report.passed) and rule["verdict"] != _FAILS:
            rule["verdict"], rule["reason"] = _ending(report)

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        self._path.write_text(json.dumps(self._rules), encoding="utf-8")


def _ending(report: pytest.TestReport) -> tuple[str, str]:
    if report.passed:
        return _HOLDS, ""
    expected = getattr(report, "wasxfail", None)
    if report.skipped and expected is not None:
        return _ABSENT, str(expected)
    declared, strict, reason = report.longreprtext.partition("[XPASS(strict)] ")
    if strict and not declared:
        return _FAILS, f"declared absent ({reason.strip()}), and yet it holds: take it out of `cannot`"
    crash = getattr(report.longrepr, "reprcrash", None)
    return _FAILS, str(crash.message if crash else report.longreprtext).strip()


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].partition("[")[0].removeprefix("test_")
