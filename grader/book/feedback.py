"""The feedback page: what `nbgrader generate_feedback` makes of the graded notebook and the gradebook.

It is one file that reads the same without a network. No script is in it, and its content security policy lets
none run and nothing load, whatever a notebook holds. Formulas become MathML, which browsers draw themselves.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from types import MappingProxyType

from latex2mathml import exceptions
from latex2mathml.converter import convert
from pygments.formatters import HtmlFormatter

from .nbgrader_adapter import MathRenderer, PageExporter

TEMPLATES = Path(__file__).with_name("templates")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content security policy of the pages that this grader writes: they have no script, and nothing in them is from elsewhere."""
FAULTS: tuple[type[Exception], ...] = (
    ValueError, TypeError, LookupError, AttributeError, StopIteration,
    *(fault for fault in vars(exceptions).values() if isinstance(fault, type) and issubclass(fault, Exception)),
)  # fmt: skip
"""What latex2mathml raises for LaTeX that it does not understand: its exceptions have no class in common."""


class OfflineRenderer(MathRenderer):
    """Markdown whose formulas need no script."""

    def formula(self, tex: str, display: str) -> str:
        return formula(tex, display)


class FeedbackExporter(PageExporter):
    """nbconvert's HTML with a template of our own, and formulas as MathML.

    Markdown is the source's text, and what a person comments; of a submission only what `pages` has made harmless.
    """

    page_template = (TEMPLATES, "feedback_page")
    page_renderer = OfflineRenderer
    page_facts = MappingProxyType(
        {"content_security_policy": POLICY, "code_css": HtmlFormatter(style="default").get_style_defs(".highlight")}
    )


def formula(tex: str, display: str) -> str:
    """MathML; LaTeX that cannot be converted is shown as it is."""
    known = tex.replace("{aligned}", "{align*}")  # the same to us: no equation has a number
    try:
        return convert(known, display=display)
    except FAULTS:
        return f"<code>{escape(tex)}</code>"
