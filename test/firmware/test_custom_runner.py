"""Reads the lines `ok FILE:LINE sentence` and `not ok FILE:LINE sentence` that a suite prints."""

import re

import click
from platformio.test.result import TestCase, TestCaseSource, TestStatus
from platformio.test.runners.base import TestRunnerBase

LINE = re.compile(r"^(ok|not ok) (\S+):(\d+) (.*)$")


class CustomTestRunner(TestRunnerBase):
    def on_testing_line_output(self, line):
        match = LINE.match(line.strip())
        if not match:
            click.echo(line, nl=False)
            return
        case = TestCase(
            name=match[4],
            status=TestStatus.PASSED if match[1] == "ok" else TestStatus.FAILED,
            source=TestCaseSource(match[2], int(match[3])),
        )
        self.test_suite.add_case(case)
        click.echo(case.humanize())
