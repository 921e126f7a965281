"""Makes ``caniemail.json`` from the file of that name in the npm package: ``README.md`` says how to run it.

Kept: for each feature that can be recognised in an issue, what the newest tested version of each large
program does with it, one letter a program: y(es), n(o), a(lmost), u(nknown).
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["main", "trimmed"]

FAMILIES: Final = (
    "gmail", "outlook", "apple-mail", "yahoo", "samsung-email", "thunderbird", "gmx", "web-de",
)  # fmt: skip
#: Programs that are no longer made, or were tested with too few features to tell.
_LEFT_OUT: Final = frozenset({("outlook", "windows-mail"), ("thunderbird", "windows")})
_TAGS: Final = {
    "html-lists": "ul ol dl", "html-h1-h6": "h1 h2 h3 h4 h5 h6", "html-image-maps": "map area",
    "html-svg": "svg",
    "html-semantics": "article aside details figcaption figure footer header main mark nav section summary",
}  # fmt: skip
_ENDINGS: Final = {
    "image-avif": "avif", "image-bmp": "bmp", "image-heif": "heif heic", "image-ico": "ico",
    "image-svg": "svg", "image-tiff": "tif tiff", "image-webp": "webp", "image-apng": "apng",
}  # fmt: skip
#: Values of several properties, a pseudo-class, and a keyword that is called a unit.
_NOT_MARKED: Final = frozenset(
    {"css-sytem-ui", "css-intrinsic-size", "css-pseudo-class-lang", "css-unit-initial"}
)
_PLAIN: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_FUNCTION: Final = re.compile(r"([a-z-]+)\(\)")


def trimmed(data: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return what is kept of caniemail's data. version: of the npm package."""
    platforms = {
        (family, platform)
        for feature in data["data"]
        for family, stats in feature["stats"].items()
        for platform in stats
        if family in FAMILIES and (family, platform) not in _LEFT_OUT
    }
    clients = sorted(platforms, key=lambda client: (FAMILIES.index(client[0]), client[1]))
    names = data["nicenames"]
    return {
        "source": f"npm caniemail {version}, data/caniemail.json",
        "date": data["last_update_date"][:10],
        "clients": [[names["family"][family], names["platform"][platform]] for family, platform in clients],
        "features": [
            {
                "slug": feature["slug"],
                "title": feature["title"],
                "category": feature["category"],
                "marks": marks,
                "support": "".join(_letter(feature["stats"], *client) for client in clients),
            }
            for feature in data["data"]
            if (marks := sorted(set(_marks(feature))))
        ],
    }


def _letter(stats: Mapping[str, Any], family: str, platform: str) -> str:
    """Return what the newest version does; versions stand in the order of their making."""
    versions = list(stats.get(family, {}).get(platform, {}).values())
    return str(versions[-1])[:1] if versions else "u"  # "y #1": a note follows


def _marks(feature: Mapping[str, Any]) -> Iterator[str]:
    """Yield how the feature is recognised: property:, value:, function:, unit:, tag:, attribute:, ending:."""
    slug, title = feature["slug"], feature["title"].strip()
    if feature["category"] == "image":
        yield from (f"ending:{ending}" for ending in _ENDINGS.get(slug, "").split())
    elif feature["category"] == "html":
        yield from (f"tag:{tag}" for tag in _TAGS.get(slug, "").split())
        if found := re.fullmatch(r"<([a-z]+)(?: (type)=\"([a-z]+)\")?>(?: element)?", title):
            yield f"tag:{found[1]}" + (f"[{found[2]}={found[3]}]" if found[2] else "")
        elif title.endswith((" attribute", " attributes")):
            words = title.rpartition(" ")[0].replace(" and ", " ").split()
            yield from (f"attribute:{word}" for word in words)
    elif feature["category"] == "css":
        yield from _css_marks(slug, title, (feature["keywords"] or "").split(", "))


def _css_marks(slug: str, title: str, keywords: list[str]) -> Iterator[str]:
    if title.startswith((":", "@")) or slug in _NOT_MARKED:
        return
    if found := re.fullmatch(r"([a-z-]+): ?([a-z-]+)", title):
        yield f"value:{found[1]}:{found[2]}"
    elif found := re.fullmatch(r"([a-z]+|%) unit", title):
        yield f"unit:{found[1]}"
    elif functions := _FUNCTION.findall(title):
        yield from (f"function:{name}" for name in functions)
    elif title.endswith(" properties"):
        yield from (f"property:{name}" for name in keywords if re.fullmatch(r"[a-z]+(?:-[a-z]+)+", name))
    else:
        plain = re.sub(r" (?:property|shorthand)$", "", title)
        for name in re.split(r", | & ", plain):
            if _PLAIN.fullmatch(name):
                yield f"property:{name}"
                yield from (f"property:{word}" for word in keywords if word.startswith(f"{name}-"))


def main(arguments: list[str]) -> None:
    """Write ``caniemail.json`` beside this file. arguments: the unpacked npm package's folder."""
    package = Path(arguments[0])
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    data = json.loads((package / "data" / "caniemail.json").read_text("utf-8"))
    kept = trimmed(data, version)
    head = json.dumps({key: value for key, value in kept.items() if key != "features"}, ensure_ascii=False)
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in kept["features"])
    text = f'{head[:-1]}, "features": [\n{lines}\n]}}\n'
    Path(__file__).with_name("caniemail.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
