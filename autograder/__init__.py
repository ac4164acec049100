"""The grading engine: nbgrader's autograding behind a wall, a whole class at a time."""

import sys

# jsonschema (imported by nbformat) builds 38 grammars for URI formats that no notebook has, which takes two seconds in
# every process of ours. It does without them where that optional package is missing: so it is, until jsonschema is loaded.
if "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules:
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # None makes an import fail
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules["rfc3987_syntax"]
