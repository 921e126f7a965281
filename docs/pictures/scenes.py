"""The pictures of the sample issues, each 1200 wide and 600 high."""

import math

from people import drummer, guitarist, person
from shapes import (
    BARK,
    BLUSH,
    CLAY,
    CREAM,
    DEEP,
    EMBER,
    HONEY,
    INK,
    MIST,
    PLUM,
    SAGE,
    SAND,
    SKINS,
    TEAL,
    WOOD,
    armchair,
    box,
    circle,
    clipped,
    djembe,
    ellipse,
    frame,
    group,
    guitar,
    hills,
    lamp,
    leaf,
    line,
    note,
    plant,
    room,
    shadow,
    shape,
)


def individual_and_group() -> str:
    """Hero of November: two people on one side, a circle of five on the other."""
    staff = "".join(
        line(
            f"M-20 {92 + gap} C260 {22 + gap} 420 {172 + gap} 620 {92 + gap} S980 {30 + gap} 1220 {96 + gap}",
            CLAY,
            2.2,
            'opacity=".30"',
        )
        for gap in (0, 13, 26, 39, 52)
    )
    pair = guitarist(186, 492, SKINS[0], "#5a3524", TEAL, "bun") + drummer(
        414, 500, SKINS[1], "#2b211d", EMBER, "short", drum=MIST, scale=0.96
    )
    back = (
        person(720, 420, skin=SKINS[3], hair="#1f1816", shirt=HONEY, style="curly", scale=0.86)
        + person(878, 404, skin=SKINS[2], hair="#c9c2b8", shirt=PLUM, style="bald", scale=0.86)
        + person(1034, 420, skin=SKINS[4], hair=DEEP, shirt=CLAY, style="scarf", scale=0.86)
    )
    front = drummer(792, 548, SKINS[0], "#a5562f", DEEP, "long", drum=CLAY, scale=0.86) + drummer(
        970, 548, SKINS[4], "#33241d", EMBER, "side", drum=HONEY, scale=0.86
    )
    return (
        box(0, 0, 1200, 600, SAND)
        + staff
        + clipped("one", 300, 340, 236, HONEY, pair)
        + clipped("many", 880, 340, 246, SAGE, back + front)
        + note(560, 214, EMBER, scale=1.1, pair=True)
        + note(602, 372, DEEP, scale=0.95)
        + note(58, 216, DEEP, scale=0.85)
        + note(1146, 260, EMBER, scale=0.9)
    )


def two_chairs() -> str:
    """November, first section: two armchairs, a guitar, no hurry."""
    return (
        room(440, MIST, SAND)
        + ellipse(600, 520, 470, 54, CLAY, 'opacity=".32"')
        + ellipse(600, 518, 380, 40, CREAM, 'opacity=".55"')
        + frame(496, 66, 208, 134, hills(208, 134))
        + lamp(180, 500, 350)
        + plant(1050, 492, scale=0.96)
        + shadow(356, 522, 290)
        + armchair(356, 518, TEAL, scale=1.12)
        + shadow(844, 522, 290)
        + armchair(844, 518, EMBER, flip=True, scale=1.12)
        + shadow(600, 534, 170)
        + guitar(600, 444, scale=0.6, turn=8)
    )


def drum_circle() -> str:
    """November, second section: a circle of drums and cushions seen from above."""
    colors = (EMBER, TEAL, HONEY, PLUM, CLAY, DEEP, SAGE, BARK)
    ring = ""
    for index, color in enumerate(colors):
        angle = 2 * math.pi * (index + 0.5) / len(colors)
        far_x, far_y = 600 + 460 * math.cos(angle), 300 + 238 * math.sin(angle)
        near_x, near_y = 600 + 275 * math.cos(angle), 300 + 126 * math.sin(angle)
        ring += ellipse(far_x, far_y + 6, 62, 46, INK, 'opacity=".12"') + ellipse(far_x, far_y, 62, 46, color)
        ring += ellipse(far_x, far_y, 40, 28, CREAM, 'opacity=".16"')
        ring += ellipse(near_x, near_y + 9, 58, 44, INK, 'opacity=".15"') + ellipse(
            near_x, near_y, 58, 44, BARK
        )
        ring += ellipse(near_x, near_y - 3, 50, 37, CREAM) + ellipse(near_x, near_y - 3, 24, 17, SAND)
    rug = "".join(
        ellipse(600, 300, rx, rx * 0.52, fill)
        for rx, fill in ((390, BLUSH), (356, CREAM), (196, BLUSH), (170, CREAM), (118, HONEY), (104, CREAM))
    )
    return box(0, 0, 1200, 600, SAND) + rug + ring + note(572, 326, EMBER, scale=0.9, pair=True, turn=-4)


def back_to_rhythm() -> str:
    """Hero of September: a room with a window, a guitar, drums and the first leaves."""
    window = (
        box(0, 0, 360, 300, "#f6dcb4")
        + circle(262, 92, 46, CREAM)
        + shape("M0 214 C90 150 190 240 360 176 V300 H0 Z", SAGE)
        + shape("M0 256 C120 210 240 282 360 236 V300 H0 Z", TEAL)
        + line("M112 300 C116 236 110 190 118 150", BARK, 15)
        + "".join(
            circle(px, py, r, c)
            for px, py, r, c in (
                (118, 112, 58, CLAY),
                (72, 142, 42, EMBER),
                (164, 144, 44, HONEY),
                (112, 160, 36, CLAY),
            )
        )
    )
    panes = line("M180 0 V300 M0 150 H360", CREAM, 12)
    leaves = "".join(
        leaf(px, py, color, scale=size, turn=turn)
        for px, py, color, size, turn in (
            (88, 128, CLAY, 0.62, 30), (160, 250, HONEY, 0.5, -40), (1096, 108, EMBER, 0.6, 60),
            (1010, 196, HONEY, 0.52, -20),
            (70, 556, EMBER, 0.6, 80), (1130, 560, CLAY, 0.62, -70), (742, 574, HONEY, 0.5, 100),
        )
    )  # fmt: skip
    return (
        room(446)
        + ellipse(560, 540, 520, 52, TEAL, 'opacity=".22"')
        + frame(420, 66, 360, 300, window + panes, CREAM)
        + box(392, 382, 416, 22, CREAM, 8)
        + shadow(250, 524, 270) + armchair(250, 520, EMBER, scale=1.2)
        + shadow(506, 536, 190) + guitar(506, 410, scale=0.8, turn=-11)
        + shadow(706, 540, 150) + djembe(706, 536, body=TEAL, scale=0.98)
        + shadow(858, 548, 130) + djembe(858, 546, body=CLAY, band=CREAM, scale=0.76)
        + shadow(1028, 526, 150) + plant(1028, 520, scale=1.18, pot=PLUM)
        + leaves
        + note(900, 250, DEEP, pair=True, scale=1.05) + note(330, 176, EMBER, scale=0.95)
    )  # fmt: skip


def songs_that_stay() -> str:
    """Hero of October: an upright piano with family pictures, a lamp and a record player."""
    white = "".join(box(386 + 26.75 * key, 372, 25, 34, CREAM, 2) for key in range(16))
    black = "".join(
        box(403.5 + 26.75 * key, 372, 15, 21, INK, 2) for key in range(15) if key % 7 not in (2, 6)
    )
    couple = (
        box(0, 0, 130, 100, BLUSH)
        + person(44, 130, skin=SKINS[2], hair="#3a2a22", shirt=TEAL, scale=0.46, style="side")
        + person(92, 132, skin=SKINS[0], hair="#c9c2b8", shirt=EMBER, scale=0.44, style="bun")
    )
    child = box(0, 0, 84, 104, MIST) + person(
        42, 132, skin=SKINS[1], hair="#241a17", shirt=HONEY, scale=0.5, style="curly"
    )
    piano = (
        box(364, 236, 472, 300, BARK, 10)
        + box(352, 218, 496, 26, WOOD, 8)
        + box(386, 260, 428, 82, WOOD, 8)
        + box(520, 266, 160, 68, CREAM, 4)
        + "".join(line(f"M536 {284 + gap} H664", CLAY, 1.6, 'opacity=".7"') for gap in (0, 8, 16, 24, 32))
        + ellipse(560, 300, 6, 4.5, INK) + ellipse(596, 309, 6, 4.5, INK) + ellipse(632, 293, 6, 4.5, INK)
        + box(352, 352, 496, 62, WOOD, 8)
        + white + black
        + box(352, 404, 496, 16, WOOD, 6)
        + box(386, 432, 428, 92, WOOD, 8)
        + box(364, 420, 26, 124, WOOD, 5) + box(810, 420, 26, 124, WOOD, 5)
        + "".join(box(570 + 26 * pedal, 522, 12, 18, HONEY, 4) for pedal in range(3))
    )  # fmt: skip
    player = (
        line("M968 452 L952 536 M1112 452 L1128 536", BARK, 11)
        + box(936, 416, 208, 44, WOOD, 10)
        + ellipse(1032, 404, 88, 17, INK) + ellipse(1032, 402, 58, 10, "#57524d")
        + ellipse(1032, 401, 25, 5, EMBER)
        + line("M1116 398 C1112 372 1092 380 1074 396", CREAM, 6)
        + box(942, 412, 196, 7, BARK, 3)
    )  # fmt: skip
    vase = shape("M-26 0 C-40 -40 -20 -60 -14 -72 H14 C20 -60 40 -40 26 0 Z", TEAL)
    for turn, color in ((-16, CLAY), (0, HONEY), (17, EMBER)):
        bloom = line("M0 -66 V-120", DEEP, 4) + circle(0, -126, 15, color) + circle(0, -126, 6, CREAM)
        vase += group(bloom, turn=turn)
    return (
        room(470, MIST, SAND)
        + ellipse(600, 552, 470, 40, CLAY, 'opacity=".30"')
        + frame(424, 44, 130, 100, couple, HONEY)
        + frame(596, 34, 84, 104, child, EMBER)
        + frame(722, 54, 110, 84, hills(110, 84), BARK)
        + shadow(600, 546, 560) + piano
        + shadow(1040, 546, 260) + player
        + group(vase, 432, 218, scale=0.72)
        + lamp(196, 540, 380)
        + shadow(600, 580, 210) + line("M536 546 L528 578 M664 546 L672 578", BARK, 11)
        + box(508, 514, 184, 36, PLUM, 16)
        + note(906, 236, EMBER, pair=True, scale=1.1) + note(300, 300, DEEP, scale=0.9)
        + note(1010, 316, DEEP, scale=0.85)
    )  # fmt: skip


def song_cards() -> str:
    """September, in the text: four cards that show the songs of a session."""
    hand = (
        "".join(
            line(f"M{px} 0 L{px * 1.5} {top}", BLUSH, 22)
            for px, top in ((-33, -62), (-11, -78), (12, -76), (34, -58))
        )
        + shape("M-46 -6 C-46 60 46 60 46 -6 V-14 H-46 Z", BLUSH)
        + line("M42 22 L78 -8", BLUSH, 22)
    )
    night = circle(0, -4, 52, HONEY) + circle(24, -20, 46, DEEP) + note(58, 62, CREAM, scale=0.62)
    night += circle(56, -50, 5, CREAM) + circle(78, -14, 4, CREAM)
    faces = (
        (TEAL, group(hand, -6, 18)),
        (EMBER, djembe(0, 84, scale=0.8, body=HONEY, band=CREAM)),
        (PLUM, guitar(14, 40, scale=0.46, turn=24)),
        (DEEP, night),
    )
    cards = ""
    for index, ((color, content), turn) in enumerate(zip(faces, (-5, 3, -3, 5), strict=True)):
        card = box(-112, -146, 224, 306, INK, 22, 'opacity=".12"') + box(-112, -154, 224, 306, CREAM, 22)
        card += box(-94, -136, 188, 218, color, 14) + group(content, 0, -20, scale=0.92)
        card += "".join(circle(-45 + 30 * dot, 116, 8, color if dot <= index else SAND) for dot in range(4))
        cards += group(card, 174 + 284 * index, 292, turn=turn)
    return box(0, 0, 1200, 600, SAND) + ellipse(600, 470, 560, 60, CLAY, 'opacity=".16"') + cards


def logo() -> str:
    """The mark: a flame whose heart is a quaver, on a round badge that suits light and dark pages."""
    flame = (
        "M600 116 C690 196 742 270 742 352 C742 446 676 506 600 506 C524 506 458 446 458 352 "
        "C458 306 480 268 514 240 C516 282 530 304 552 314 C544 246 556 176 600 116 Z"
    )
    return (
        circle(600, 300, 300, CREAM)
        + circle(600, 300, 280, DEEP)
        + shape(flame, CLAY)
        + shape(
            "M604 226 C660 284 688 322 688 372 C688 432 650 472 600 472 C550 472 512 434 512 382 "
            "C512 356 522 338 538 324 C552 350 566 356 582 352 C572 306 580 264 604 226 Z",
            HONEY,
        )
        + note(578, 424, DEEP, scale=2.0, turn=-6)
    )


def portrait() -> str:
    """Mara, who signs the issues."""
    return (
        circle(600, 300, 300, HONEY)
        + '<clipPath id="p"><circle cx="600" cy="300" r="300"/></clipPath><g clip-path="url(#p)">'
        + person(600, 624, skin=SKINS[0], hair="#5a3524", shirt=TEAL, style="bun", scale=1.95)
        + "</g>"
    )
