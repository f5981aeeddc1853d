"""A pytest plugin: one line of JSON for each test, and no test that waits for ever."""
import json
import os
import signal
import sys

import pytest

seconds = int(os.environ["OUTCOMES_SECONDS"])
lines = []


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout: of another plugin")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    def late(*_):
        raise TimeoutError(f"not over after {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def pytest_runtest_logreport(report):
    # Set-up and tear-down count only where they fail.
    if report.when != "call" and report.outcome == "passed":
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    lines.append({"test": report.nodeid, "outcome": report.outcome, "message": crash.message if crash else ""})


def pytest_unconfigure():
    for line in lines:
        print("\noutcome: " + json.dumps(line), file=sys.__stdout__)
