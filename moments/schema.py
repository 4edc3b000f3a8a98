"""The JSON Schema of a moment, for those who read the wire without this code.

python -m moments.schema > moments/moment.schema.json
"""

import json
import sys

from moments.moment import Moment


def text() -> str:
    """Give the schema (draft 2020-12) as the text of `moment.schema.json`."""
    schema = Moment.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
