"""What instructors run. Students never get it."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would spend a second on its grammar, which no notebook's schema needs
