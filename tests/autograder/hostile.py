"""What a student may write to run code in the browser of whoever looks at it."""

from __future__ import annotations

# Each sets window.hit where it runs.
ATTACKS = {
    "script": "<script>window.hit = 1</script>",
    "onerror": '<img src="x" onerror="window.hit = 1">',
    "onload": '<body onload="window.hit = 1"><svg onload="window.hit = 1"></svg>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><script>window.hit = 1</script><rect width="9" height="9"/></svg>',
    "iframe": '<iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
    "style": "<style>body { display: none }</style>",
    "meta": '<meta http-equiv="refresh" content="0; url=about:blank">',
    "base": '<base href="https://example.invalid/"><object data="x"></object><embed src="x">',
    "form": '<form action="https://example.invalid/"><input autofocus onfocus="window.hit = 1"></form>',
    "details": '<details open ontoggle="window.hit = 1">x</details>',
    "comment": "<!--><img src=x onerror=window.hit=1>-->",
    "mutation": '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=window.hit=1&gt;">',
    "noscript": '<noscript><p title="</noscript><img src=x onerror=window.hit=1>">',
    "cover": '<div class="card good" id="top" style="position: fixed; inset: 0; background: red">10 of 10 points</div>',
}
LINKS = "[a](javascript:window.hit=1) <a href='JaVaScRiPt:window.hit=1'>b</a> [c](data:text/html,<script>window.hit=1</script>)"
FORMULAS = r"$x$ $</code><script>window.hit=1</script>$ $$\begin{x}<img src=x onerror=window.hit=1>\end{x}$$"
IN_TITLE = '<div title="\n\n$x$ onmouseover=window.hit=1 ">hover</div>\n\n![$x$ " onerror="window.hit=1](x)'
SHOWS = "from IPython.display import HTML, SVG, Javascript, Markdown, display\n" + "\n".join(
    [
        *(f"display(HTML({attack!r}))" for attack in ATTACKS.values()),
        f"display(SVG({ATTACKS['svg']!r}))",
        f"display(Markdown({LINKS!r}))",
        "display(Javascript('window.hit = 1'))",
        "print('<script>window.hit = 1</script>')",
        "raise ValueError('<img src=x onerror=window.hit=1>')",
    ]
)
