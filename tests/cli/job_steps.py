#!/usr/bin/env python3
"""Prints the shell lines of a CI job, a step a line: job_steps.py FILE. Exit status 3 without python3-yaml."""
import sys

try:
    import yaml
except ImportError:
    sys.exit(3)

with open(sys.argv[1]) as file:
    document = yaml.safe_load(file)
if "jobs" in document:  # GitHub Actions
    assert True in document and document[True]["schedule"][0]["cron"], "`on` is true in YAML 1.1"
    for job in document["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"] > 0
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            if "run" in step:
                print(step["run"])
else:  # GitLab CI
    for job in document.values():
        assert job["artifacts"]["reports"]["junit"] in ("out/audit.xml",)
        assert job["rules"][0]["if"]
        print("\n".join(job["script"]))
