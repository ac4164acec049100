"""After the notebooks have run, print the table of what they show and take."""

from lecture5.execute import TABLE_HEAD


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = {value for report in reports for key, value in getattr(report, "user_properties", []) if key == "page"}
    if rows:
        terminalreporter.section("lecture notebooks")
        for line in (TABLE_HEAD, *sorted(rows)):
            terminalreporter.write_line(line)
