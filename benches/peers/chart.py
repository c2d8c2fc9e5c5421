"""Draws bars. In: groups of bars with their labels. Out: an SVG as text, legible on light and dark pages since it
brings its own ground. The scale is linear and begins at zero; a bar that does not fit is cut, shows it, and is labelled
in full. Never computes a figure that it writes.
"""

from dataclasses import dataclass
from html import escape

COLOURS = {"trailmill": "#0f766e", "clickhouse": "#e0a526", "duckdb": "#8a94a6"}
WIDTH = 920
BAR, BAR_STEP, GROUP_GAP, TOP = 15, 21, 22, 92
NAMES_END, BARS_START, BARS_END, MEMORY_END = 320, 330, 710, WIDTH - 32
# A bar is cut if it is so many times as long as the longest one of trailmill.
CUT = 8
STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px; fill: #1f2937 }
.head { font-size: 19px; font-weight: 700 } .title { font-size: 14px; font-weight: 600 } .own { font-weight: 700 }
.faint { fill: #6b7280 } .small { font-size: 11.5px } .tiny { font-size: 11px } .end { text-anchor: end }
.middle { text-anchor: middle }
.over { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round }"""


@dataclass(frozen=True)
class Bar:
    engine: str
    length: float
    label: str
    memory: str
    ratio: str


@dataclass(frozen=True)
class Group:
    title: str
    subtitle: list
    bars: list


def text(x, y, words, kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def tick_step(longest):
    """A round step that gives four to nine ticks."""
    step = 0.001
    for factor in [2, 2.5, 2] * 6:
        if longest / step < 9:
            break
        step *= factor
    return step


def draw_bar(bar, name, y, scale, limit):
    """One line: the engine's name, the bar, its label, the memory."""
    own = "own" if bar.engine == "trailmill" else ""
    middle = y + BAR - 3.5
    end = BARS_START + max(min(bar.length, limit) * scale, 1.5)
    yield text(NAMES_END, middle, name, f"end {own}")
    yield (f'<path d="M{BARS_START} {y}H{end - 3:.1f}a3 3 0 0 1 3 3v{BAR - 6}a3 3 0 0 1 -3 3H{BARS_START}z"'
           f' fill="{COLOURS[bar.engine]}"/>')
    if bar.length > limit:
        yield f'<path d="M{end - 26:.1f} {y + BAR + 2}l6 -{BAR + 4}h5l-6 {BAR + 4}z" fill="#fff"/>'
    ratio = f'<tspan dx="6" class="faint" font-weight="400">{escape(bar.ratio)}</tspan>' if bar.ratio else ""
    yield f'<text x="{end + 7:.1f}" y="{middle}" class="over {own}">{escape(bar.label)}{ratio}</text>'
    yield text(MEMORY_END, middle, bar.memory, f"end {own}")


def draw(groups, names, notes):
    own = max(bar.length for group in groups for bar in group.bars if bar.engine == "trailmill")
    lengths = [bar.length for group in groups for bar in group.bars]
    limit = min(max(lengths), CUT * own)
    scale = (BARS_END - BARS_START) / limit
    step, body, y = tick_step(limit), [], TOP
    for group in groups:
        body += [text(32, y + BAR - 3.5, group.title, "title")]
        body += [text(32, y + BAR + 13 + 14 * line, words, "faint tiny") for line, words in enumerate(group.subtitle)]
        for index, bar in enumerate(group.bars):
            body += draw_bar(bar, names[bar.engine], y + index * BAR_STEP, scale, limit)
        # The words below the title need the height of two bars.
        y += max(len(group.bars), 2) * BAR_STEP + GROUP_GAP
    bottom = y - GROUP_GAP + 4
    grid = []
    for tick in range(int(limit / step) + 1):
        x = BARS_START + tick * step * scale
        grid += [f'<path d="M{x:.1f} {TOP - 8}V{bottom}" stroke="#e5e7eb"/>',
                 text(x, bottom + 16, f"{tick * step:g}", "faint tiny middle")]
    cut = " Cut bars (//) are longer than drawn." if max(lengths) > limit else ""
    height = bottom + 62 + 16 * len(notes)
    feet = [text(32, bottom + 50 + 16 * line, note, "faint tiny") for line, note in enumerate(notes)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" role="img"'
        f' viewBox="0 0 {WIDTH} {height:.0f}" aria-labelledby="title">',
        '<title id="title">Seconds to convert CloudTrail archives to Parquet, by engine</title>',
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="12" fill="#fff" stroke="#d1d5db"/>',
        text(32, 40, "CloudTrail archives to partitioned Parquet", "head"),
        text(32, 62, f"Seconds, shorter is better; beside them how many times as long as trailmill.{cut}", "faint"),
        text(MEMORY_END, 62, "peak memory", "faint end"),
        *grid, *body,
        text((BARS_START + BARS_END) / 2, bottom + 31, "seconds", "faint tiny middle"),
        *feet, "</svg>\n"])
