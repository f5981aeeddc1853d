"""A pytest plugin: one JSON line for each test, and no test that waits for ever."""
import json
import os
import signal

import pytest

seconds = int(os.environ["OUTCOMES_SECONDS"])


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
    line = {"test": report.nodeid, "outcome": report.outcome, "message": crash.message if crash else ""}
    with open(os.environ["OUTCOMES"], "a") as file:
        file.write(json.dumps(line) + "\n")
