"""Checks a report against its JSON Schema: check_schema.py SCHEMA REPORT. Says each violation; exits with 1 for any."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("jsonschema is missing: apt-get install python3-jsonschema")

schema, report = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
jsonschema.Draft202012Validator.check_schema(schema)
violations = list(jsonschema.Draft202012Validator(schema).iter_errors(report))
for violation in violations[:10]:
    print("/".join(map(str, violation.absolute_path)), violation.message[:300])
sys.exit(1 if violations else 0)
