"""What the docs' pictures are made of: SVG as text, the same bytes wherever it is made. Pure.

A picture has a background of its own and colours for light and for dark, so that it can be read wherever it stands.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

STYLE = """\
:root { color-scheme: light dark; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 11px; fill: #57606a; }
.title { font-weight: 600; }
.back { fill: #f6f8fa; }
.box { fill: #ffffff; stroke: #8c959f; }
.ours { fill: #1f6feb; }
.theirs { fill: #9a6700; }
.busy { fill: #bc4c00; }
.idle { fill: #1a7f37; }
.gone { fill: none; stroke: #57606a; stroke-dasharray: 3 3; }
.line { stroke: #57606a; fill: none; marker-end: url(#head); }
.head { fill: #57606a; }
.on { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .back { fill: #161b22; }
  .box { fill: #21262d; stroke: #6e7681; }
  .ours { fill: #388bfd; }
  .theirs { fill: #bb8009; }
  .busy { fill: #db6d28; }
  .idle { fill: #3fb950; }
  .gone, .line { stroke: #9198a1; }
  .head { fill: #9198a1; }
  .on { fill: #0d1117; }
}
"""
ARROW = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'
)


def box(x: int, y: int, width: int, height: int) -> str:
    """Return a box with a frame."""
    return f'<rect class="box" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'


def line(path: str) -> str:
    """Return a line that ends in an arrow."""
    return f'<path class="line" d="{path}"/>'


def text(x: int, y: int, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return words at a place."""
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def svg(width: int, height: int, title: str, parts: Iterable[str], style: str = "") -> str:
    """Return the picture of these parts; `style`: of what only this picture has."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    back = f'<rect class="back" width="{width}" height="{height}" rx="8"/>'
    body = [
        head,
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}{style}</style>",
        ARROW,
        back,
        *filter(None, parts),
    ]
    return "\n".join([*body, "</svg>", ""])
