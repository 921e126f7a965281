"""The palette, and what the pictures are made of: each function returns a piece of SVG."""

TEAL, DEEP, SAGE, MIST = "#2f6b6f", "#1f4b50", "#9fb9a2", "#d5ddcb"
EMBER, CLAY, HONEY, BLUSH = "#b9512f", "#d97b4f", "#e9b35f", "#f2cdb0"
CREAM, SAND, PLUM, INK = "#fbf3e3", "#f1e0c6", "#6a4152", "#33302d"
GLOW = (
    '<radialGradient id="glow"><stop stop-color="#e9b35f" stop-opacity=".5"/>'
    '<stop offset="1" stop-color="#e9b35f" stop-opacity="0"/></radialGradient>'
)
WOOD, BARK = "#a9663d", "#6f4029"
SKINS = ("#f0c5a0", "#8a563a", "#d9a177", "#5f3b2a", "#c08a60")


def group(content: str, x: float = 0, y: float = 0, *, scale: float = 1, turn: float = 0) -> str:
    """Return the content moved, scaled and turned (degrees) about its own origin."""
    return f'<g transform="translate({x} {y}) rotate({turn}) scale({scale})">{content}</g>'


def circle(x: float, y: float, radius: float, fill: str, extra: str = "") -> str:
    """Return a disc."""
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" {extra}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, extra: str = "") -> str:
    """Return an oval; flat ones are shadows and drum skins."""
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}" {extra}/>'


def box(
    x: float, y: float, width: float, height: float, fill: str, round_: float = 0, extra: str = ""
) -> str:
    """Return a rectangle with rounded corners."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{round_}" fill="{fill}" {extra}/>'


def shape(path: str, fill: str, extra: str = "") -> str:
    """Return a filled path."""
    return f'<path d="{path}" fill="{fill}" {extra}/>'


def line(path: str, color: str, width: float, extra: str = "") -> str:
    """Return a stroked path with round ends."""
    return (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-linejoin="round" {extra}/>'
    )


def shadow(x: float, y: float, width: float) -> str:
    """Return the soft shadow of something that stands on the floor."""
    return ellipse(x, y, width / 2, width / 14, INK, 'opacity=".13"')


def note(x: float, y: float, color: str, *, scale: float = 1, pair: bool = False, turn: float = -8) -> str:
    """Return a quaver, or two joined by a beam."""
    head = ellipse(0, 0, 15, 11, color, 'transform="rotate(-20)"') + line("M13 -4 V-62", color, 5)
    if pair:
        second = ellipse(52, -10, 15, 11, color, 'transform="rotate(-20 52 -10)"')
        head += second + line("M65 -14 V-74", color, 5) + shape("M10 -64 L68 -78 V-62 L10 -48 Z", color)
    else:
        head += shape("M13 -64 C18 -42 44 -42 36 -14 C36 -32 22 -34 13 -38 Z", color)
    return group(head, x, y, scale=scale, turn=turn)


def guitar(x: float, y: float, *, scale: float = 1, turn: float = 0, top: str = HONEY) -> str:
    """Return an acoustic guitar; the origin is the middle of its body."""
    outline = (
        "M0 -112 C46 -112 64 -84 60 -52 C57 -27 50 -12 64 8 C88 30 98 62 88 97 C74 138 36 152 0 152 "
        "C-36 152 -74 138 -88 97 C-98 62 -88 30 -64 8 C-50 -12 -57 -27 -60 -52 C-64 -84 -46 -112 0 -112 Z"
    )
    frets = "".join(line(f"M-10 {-80 - step} H10", CREAM, 1.6) for step in range(0, 220, 26))
    strings = "".join(
        line(f"M{offset} -330 V84", CREAM, 1.3, 'opacity=".85"') for offset in (-7, -2.3, 2.3, 7)
    )
    pegs = "".join(circle(side * 23, -358 + step, 5.5, INK) for side in (-1, 1) for step in (0, 18, 36))
    return group(
        pegs
        + shape(outline, BARK)
        + shape(outline, top, 'transform="scale(.94) translate(0 1)"')
        + circle(0, -8, 36, WOOD)
        + circle(0, -8, 29, BARK)
        + shape("M-17 -374 H17 L13 -306 H-13 Z", BARK)
        + box(-11, -312, 22, 276, BARK, 3)
        + frets
        + box(-33, 80, 66, 13, BARK, 5)
        + strings,
        x,
        y,
        scale=scale,
        turn=turn,
    )


def djembe(x: float, y: float, *, scale: float = 1, body: str = CLAY, band: str = HONEY) -> str:
    """Return a goblet drum; the origin is the middle of its foot."""
    cords = "".join(
        line(f"M{-74 + step} -176 L{-62 + step * 0.84} -104", CREAM, 3, 'opacity=".75"')
        for step in range(0, 149, 21)
    )
    cords += "".join(
        line(f"M{-53 + step} -176 L{-62 + step * 0.84} -104", CREAM, 3, 'opacity=".75"')
        for step in range(0, 128, 21)
    )
    return group(
        shape(
            "M-78 -186 C-78 -110 -34 -96 -30 -64 C-27 -36 -40 -14 -46 0 H46 "
            "C40 -14 27 -36 30 -64 C34 -96 78 -110 78 -186 Z",
            body,
        )
        + shape("M-46 0 C-42 10 42 10 46 0 L41 -12 C30 -5 -30 -5 -41 -12 Z", BARK)
        + cords
        + line("M-78 -182 C-74 -160 74 -160 78 -182", band, 9)
        + line("M-63 -106 C-46 -92 46 -92 63 -106", band, 7)
        + ellipse(0, -188, 79, 20, BARK)
        + ellipse(0, -191, 75, 18, CREAM),
        x,
        y,
        scale=scale,
    )


def leaf(x: float, y: float, color: str, *, scale: float = 1, turn: float = 0) -> str:
    """Return an autumn leaf."""
    blade = shape("M0 -40 C26 -22 26 16 0 40 C-26 16 -26 -22 0 -40 Z", color)
    return group(blade + line("M0 -30 V54", INK, 2.5, 'opacity=".35"'), x, y, scale=scale, turn=turn)


def plant(x: float, y: float, *, scale: float = 1, pot: str = CLAY) -> str:
    """Return a pot plant; the origin is the middle of its foot."""
    stems = "".join(
        group(
            shape("M0 0 C34 -50 30 -120 0 -170 C-30 -120 -34 -50 0 0 Z", color), 0, -86, turn=turn, scale=size
        )
        for turn, size, color in (
            (-58, 0.8, SAGE),
            (58, 0.8, SAGE),
            (-28, 1, TEAL),
            (30, 1, TEAL),
            (0, 1.12, DEEP),
        )
    )
    return group(
        stems
        + shape("M-52 -96 H52 L40 0 H-40 Z", pot)
        + box(-58, -108, 116, 24, pot, 6)
        + box(-58, -90, 116, 6, INK, 3, 'opacity=".10"'),
        x,
        y,
        scale=scale,
    )


def armchair(x: float, y: float, color: str, *, flip: bool = False, scale: float = 1) -> str:
    """Return an armchair seen from the side, facing right unless flipped; the origin is on the floor."""
    legs = "".join(line(f"M{px} -34 L{px + lean} 0", BARK, 11) for px, lean in ((-84, -10), (78, 10)))
    side = "M-104 -32 V-158 C-104 -200 36 -204 68 -184 C92 -168 82 -146 66 -140 C48 -132 46 -112 46 -32 Z"
    chair = (
        legs
        + shape("M-118 -250 C-122 -300 -40 -304 -40 -256 L-16 -96 H-96 Z", color)
        + box(-104, -130, 204, 100, color, 30)
        + box(-84, -142, 186, 46, color, 22)
        + box(-84, -142, 186, 46, CREAM, 22, 'opacity=".22"')
        + shape(side, color)
        + shape(side, INK, 'opacity=".15"')
    )
    return f'<g transform="translate({x} {y}) scale({-scale if flip else scale} {scale})">{chair}</g>'


def lamp(x: float, y: float, height: float) -> str:
    """Return a floor lamp with its glow; the origin is on the floor."""
    return group(
        circle(0, -height + 24, 170, "url(#glow)")
        + line(f"M0 -6 V{-height}", BARK, 8)
        + ellipse(0, -4, 46, 9, BARK)
        + shape(f"M-34 {-height - 30} H34 L66 {-height + 62} H-66 Z", CREAM)
        + shape(f"M-34 {-height - 30} H34 L66 {-height + 62} H-66 Z", HONEY, 'opacity=".45"'),
        x,
        y,
    )


def frame(x: float, y: float, width: float, height: float, content: str, border: str = BARK) -> str:
    """Return a framed picture; the content is drawn in its own coordinates and clipped."""
    name = f"f{int(x)}x{int(y)}"
    clip = f'<clipPath id="{name}">{box(0, 0, width, height, "#000000", 3)}</clipPath>'
    return group(
        box(-12, -12, width + 24, height + 24, border, 7)
        + box(0, 0, width, height, CREAM, 3)
        + clip
        + f'<g clip-path="url(#{name})">{content}</g>',
        x,
        y,
    )


def hills(width: float, height: float) -> str:
    """Return a small landscape: sun, hills and sea."""
    return (
        box(0, 0, width, height, BLUSH)
        + circle(width * 0.68, height * 0.36, height * 0.17, HONEY)
        + shape(
            f"M0 {height * 0.62} C{width * 0.25} {height * 0.36} {width * 0.45} {height * 0.8} "
            f"{width} {height * 0.5} V{height} H0 Z",
            SAGE,
        )
        + shape(
            f"M0 {height * 0.8} C{width * 0.3} {height * 0.6} {width * 0.6} {height * 0.95} "
            f"{width} {height * 0.72} V{height} H0 Z",
            TEAL,
        )
    )


def room(floor_at: float, wall: str = SAND, floor: str = BLUSH) -> str:
    """Return a wall and a floor, 1200 wide."""
    return (
        box(0, 0, 1200, 600, wall)
        + box(0, floor_at, 1200, 600 - floor_at, floor)
        + box(0, floor_at - 9, 1200, 9, CREAM)
    )


def clipped(name: str, x: float, y: float, radius: float, back: str, content: str) -> str:
    """Return the content inside a disc whose upper half it may leave: heads rise above the edge."""
    clip = (
        f'<clipPath id="{name}"><path d="M{x - radius} {y} A{radius} {radius} 0 0 0 {x + radius} {y} '
        f'V0 H{x - radius} Z"/></clipPath>'
    )
    return circle(x, y, radius, back) + clip + f'<g clip-path="url(#{name})">{content}</g>'
