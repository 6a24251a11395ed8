"""What instructors run. Students never get it."""

import sys
from typing import Any, cast

cast(dict[str, Any], sys.modules).setdefault(
    "rfc3987_syntax", None
)  # jsonschema would spend a second on its grammar, which no notebook's schema needs
