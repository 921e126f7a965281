"""People from head to lap, alone or with an instrument."""

from shapes import CLAY, INK, SKINS, box, circle, djembe, ellipse, group, guitar, line, shape


def hair_behind(style: str, color: str) -> str:
    """Return what of a hair style lies behind the head."""
    if style == "long":
        return shape("M-47 -212 C-58 -130 -60 -110 -44 -92 H44 C60 -110 58 -130 47 -212 Z", color)
    if style == "curly":
        spots = (
            (-42, -214),
            (42, -214),
            (-48, -188),
            (48, -188),
            (-26, -244),
            (26, -244),
            (0, -252),
            (-42, -164),
            (42, -164),
        )
        return "".join(circle(px, py, 25, color) for px, py in spots)
    if style == "bun":
        return circle(0, -274, 23, color)
    if style == "scarf":
        return shape(
            "M-52 -206 C-54 -284 54 -284 52 -206 C54 -160 66 -120 74 -96 H-74 C-66 -120 -54 -160 -52 -206 Z",
            color,
        )
    return ""


def hair_above(style: str, color: str) -> str:
    """Return what of a hair style lies over the head."""
    if style == "scarf":
        return shape("M-52 -206 C-54 -284 54 -284 52 -206 C46 -262 -46 -262 -52 -206 Z", color) + shape(
            "M-48 -180 C-40 -146 40 -146 48 -180 C56 -140 62 -112 66 -92 H-66 C-62 -112 -56 -140 -48 -180 Z",
            color,
        )
    if style == "bald":
        return line("M-41 -190 C-48 -200 -46 -216 -42 -222 M41 -190 C48 -200 46 -216 42 -222", color, 9)
    if style == "side":
        return shape(
            "M-46 -192 C-60 -268 4 -280 34 -260 C58 -250 52 -208 46 -192 "
            "C42 -212 32 -224 8 -226 C-14 -228 -38 -220 -46 -192 Z",
            color,
        )
    return shape(
        "M-46 -190 C-60 -282 60 -282 46 -190 C42 -218 22 -229 0 -229 C-22 -229 -42 -218 -46 -190 Z", color
    )


def person(
    x: float,
    y: float,
    *,
    skin: str,
    hair: str,
    shirt: str,
    style: str = "short",
    scale: float = 1,
    arms: str = "",
) -> str:
    """Return somebody from head to lap, eyes closed and smiling. arms: a path for both sleeves, or none."""
    darker = "#4a2c20" if skin in (SKINS[1], SKINS[3]) else "#7d4a33"
    face = line("M-22 -198 q7 6 14 0 M8 -198 q7 6 14 0", darker, 3.4) + line(
        "M-13 -178 q13 12 26 0", darker, 3.6
    )
    sleeves = line(arms, shirt, 34) + line(arms, INK, 34, 'opacity=".10"') if arms else ""
    return group(
        hair_behind(style, hair)
        + box(-17, -172, 34, 60, skin, 16)
        + box(-17, -158, 34, 22, INK, 10, 'opacity=".10"')
        + shape(
            "M-86 0 C-92 -84 -84 -126 -34 -132 C-20 -112 20 -112 34 -132 C84 -126 92 -84 86 0 V300 H-86 Z",
            shirt,
        )
        + sleeves
        + ellipse(0, -202, 43, 50, skin)
        + circle(-25, -182, 8, CLAY, 'opacity=".28"')
        + circle(25, -182, 8, CLAY, 'opacity=".28"')
        + face
        + hair_above(style, hair),
        x,
        y,
        scale=scale,
    )


def hands(skin: str, *places: tuple[float, float]) -> str:
    """Return hands, drawn last because they hold what is in front of a person."""
    return "".join(circle(x, y, 17, skin) for x, y in places)


def drummer(
    x: float, y: float, skin: str, hair: str, shirt: str, style: str, *, drum: str, scale: float = 1
) -> str:
    """Return a person behind a drum with both hands on its skin."""
    return group(
        person(
            0,
            0,
            skin=skin,
            hair=hair,
            shirt=shirt,
            style=style,
            arms="M-66 -92 L-84 -30 L-44 -16 M66 -92 L84 -30 L44 -16",
        )
        + djembe(0, 176, body=drum, scale=0.98)
        + hands(skin, (-34, -14), (34, -14)),
        x,
        y,
        scale=scale,
    )


def guitarist(x: float, y: float, skin: str, hair: str, shirt: str, style: str, *, scale: float = 1) -> str:
    """Return a person who plays the guitar."""
    return group(
        person(0, 0, skin=skin, hair=hair, shirt=shirt, style=style)
        + guitar(-30, -4, scale=0.62, turn=60)
        + line("M-70 -92 L-92 -20 L-30 0", shirt, 32)
        + line("M-70 -92 L-92 -20 L-30 0", INK, 32, 'opacity=".08"')
        + line("M70 -92 L104 -52 L112 -82", shirt, 30)
        + hands(skin, (-20, 2), (114, -88)),
        x,
        y,
        scale=scale,
    )
