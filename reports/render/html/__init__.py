"""Reports as one page of HTML: for `--format html` a file that needs nothing else, and the same live for a server.

    render(reports)                       # the text of a file
    LivePage()                            # what a server mounts (docs/page-api.md)

data.py says what is drawn (nouns.py), path.py and its neighbours how a part of it comes about, pieces.py and the
templates draw it. Jinja2 is imported here.
"""

from reports.render.html.document import policy, render, render_comparison
from reports.render.html.live import LivePage
from reports.render.html.state import Shown, State

__all__ = ["LivePage", "Shown", "State", "policy", "render", "render_comparison"]
