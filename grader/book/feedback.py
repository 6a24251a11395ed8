"""The feedback page: what `nbgrader generate_feedback` makes of the graded notebook and the gradebook.

It is one file that reads the same without a network. No script is in it, and its content security policy lets
none run and nothing load, whatever a notebook holds. Formulas become MathML, which browsers draw themselves.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml import exceptions
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

TEMPLATES = Path(__file__).with_name("templates")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content security policy of the pages that this grader writes: they have no script, and nothing in them is from elsewhere."""
FAULTS: tuple[type[Exception], ...] = (
    ValueError, TypeError, LookupError, AttributeError, StopIteration,
    *(fault for fault in vars(exceptions).values() if isinstance(fault, type) and issubclass(fault, Exception)),
)  # fmt: skip
"""What latex2mathml raises for LaTeX that it does not understand: its exceptions have no class in common."""


class FeedbackExporter(HTMLExporter):
    """nbconvert's HTML with a template of our own, and formulas as MathML."""

    def __init__(self, config: Config | None = None, **settings: Any) -> None:
        ours = {"template_name": "feedback_page", "extra_template_basedirs": [str(TEMPLATES)]}
        config = Config(config or {})
        config.FeedbackExporter.update(ours)  # above what nbgrader has written for every HTMLExporter
        super().__init__(config=config, **settings)

    def _init_resources(self, resources: Any) -> Any:
        resources = super()._init_resources(resources)
        resources["content_security_policy"] = POLICY
        resources["code_css"] = HtmlFormatter(style="default").get_style_defs(".highlight")
        return resources

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """The source's text, and what a person comments; of a submission only what `pages` has made harmless."""
        return MarkdownWithMath(renderer=OfflineRenderer(escape=False, exclude_anchor_links=True)).render(source)


class OfflineRenderer(IPythonRenderer):
    """Markdown whose formulas need no script."""

    def block_math(self, body: str) -> str:
        return formula(body, display="block")

    def inline_math(self, body: str) -> str:
        return formula(body, display="inline")

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def formula(tex: str, display: str) -> str:
    """MathML; LaTeX that cannot be converted is shown as it is."""
    known = tex.replace("{aligned}", "{align*}")  # the same to us: no equation has a number
    try:
        return convert(known, display=display)
    except FAULTS:
        return f"<code>{escape(tex)}</code>"
