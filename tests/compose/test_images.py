"""Pictures travel with the message: right-sized, upright, anonymous; wrong ones are refused at their line."""

import io
from pathlib import Path

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from newsletter.compose.images import Album, Embedded
from newsletter.errors import IssueError

from .conftest import Bench, lines_with


def added(root: Path, src: str, width: int = 600) -> tuple[Embedded, Album]:
    """Return a picture of the workspace's issues folder and the album it is in."""
    album = Album(root)
    return album.add(src, root / "issues", file="issues/x.md", line=7, width=width), album


def opened(album: Album) -> Pillow.Image:
    """Return the album's one picture, decoded."""
    (image,) = album.images.values()
    return Pillow.open(io.BytesIO(image.data))


def test_a_photograph_is_shrunk_to_twice_its_shown_width_and_is_jpeg(bench: Bench) -> None:
    bench.picture("issues/Großes Bild.png", (1600, 800))
    made, album = added(bench.root, "Gro%C3%9Fes%20Bild.png")
    assert (made.width, made.height, made.pixels) == (600, 300, (1200, 600))
    (image,) = album.images.values()
    assert image.content_type == "image/jpeg" and opened(album).format == "JPEG"
    assert made.size == len(image.data)
    assert made.src == f"cid:{image.cid}" and image.cid.endswith("@newsletter")
    assert image.name.startswith("gro-es-bild-") and image.name.endswith(".jpg")


def test_a_small_picture_is_never_enlarged_and_a_plain_jpeg_keeps_its_bytes(bench: Bench) -> None:
    path = bench.picture("issues/a.jpg", (300, 200))
    made, album = added(bench.root, "a.jpg")
    assert (made.width, made.pixels) == (300, (300, 200))
    assert next(iter(album.images.values())).data == path.read_bytes()


def test_few_colours_and_transparency_stay_png(bench: Bench) -> None:
    (bench.root / "issues").mkdir(exist_ok=True)
    Pillow.new("RGB", (1400, 700), "#24595c").save(bench.root / "issues/flat.png")
    bench.picture("issues/clear.png", (200, 200), mode="RGBA")
    clear = Pillow.open(bench.root / "issues/clear.png")
    clear.putalpha(100)
    clear.save(bench.root / "issues/clear.png")
    _, flat = added(bench.root, "flat.png")
    assert (opened(flat).format, opened(flat).size) == ("PNG", (1200, 600))
    _, album = added(bench.root, "clear.png")
    assert opened(album).format == "PNG" and opened(album).has_transparency_data


def test_photographs_are_turned_upright_and_lose_the_cameras_notes(bench: Bench) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # held sideways
    exif[0x010E] = "at home, 12 Example Street"
    bench.picture("issues/phone.jpg", (400, 200), exif=exif)
    made, album = added(bench.root, "phone.jpg")
    assert made.pixels == (200, 400)
    assert not opened(album).getexif() and b"Example Street" not in next(iter(album.images.values())).data


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", "jpg"), ("L", "jpg"), ("P", "gif"), ("1", "png"), ("RGB", "webp")]
)
def test_every_usual_kind_of_picture_becomes_one_that_mail_programs_show(
    bench: Bench, mode: str, suffix: str
) -> None:
    bench.picture(f"issues/a.{suffix}", (90, 60), mode=mode)
    _, album = added(bench.root, f"a.{suffix}")
    assert opened(album).format in {"JPEG", "PNG"} and opened(album).mode in {"RGB", "L", "P"}


def test_a_moving_gif_keeps_moving(bench: Bench) -> None:
    frames = [Pillow.new("RGB", (40, 40), color) for color in ("red", "blue")]
    (bench.root / "issues").mkdir()
    frames[0].save(bench.root / "issues/a.gif", save_all=True, append_images=frames[1:])
    _, album = added(bench.root, "a.gif")
    assert getattr(opened(album), "n_frames", 1) == 2


def test_the_same_picture_twice_travels_once(bench: Bench) -> None:
    bench.picture("issues/a.jpg")
    letter = bench.compile("![one](a.jpg)\n\n![two](a.jpg)")
    assert len(letter.issue.images) == 1
    assert letter.html().count(f"cid:{letter.issue.images[0].cid}") == 2


def test_pictures_on_the_web_and_of_the_reader_stay_where_they_are(bench: Bench) -> None:
    letter = bench.compile("![a](https://example.org/a.png)\n\n![b]({{ subscriber.photo }})")
    assert letter.issue.images == []
    assert 'src="https://example.org/a.png"' in letter.html() and 'src="#"' in letter.html()


def test_the_width_that_html_asks_for_is_the_width_shown(bench: Bench) -> None:
    bench.picture("issues/a.jpg", (800, 400))
    letter = bench.compile('text <img src="a.jpg" alt="x" width="100"> text')
    assert 'width="100"' in letter.html()
    assert Pillow.open(io.BytesIO(letter.issue.images[0].data)).size == (200, 100)


@pytest.mark.parametrize(
    ("src", "message"),
    [
        ("pictures/drm.jpg", 'There is no picture "pictures/drm.jpg". Did you mean "drum.jpg"?'),
        ("nowhere/a.jpg", 'There is no picture "nowhere/a.jpg".'),
        ("../../secret.jpg", "outside of the workspace"),
        ("%2e%2e/%2e%2e/secret.jpg", "outside of the workspace"),
        ("link.jpg", "outside of the workspace"),
        ("/etc/passwd", "is not a picture next to the issue"),
        ("//example.org/a.png", "is not a picture next to the issue"),
        ("file:///etc/passwd", "is not a picture next to the issue"),
        ("data:image/png;base64,AAAA", "is not a picture next to the issue"),
        ("notes.txt", "is no picture that mail can carry"),
        ("drawing.svg", "is no picture that mail can carry"),
        ("cut.jpg", "is no picture that mail can carry"),
        ("huge.png", "is far too large"),
    ],
)
def test_wrong_pictures_are_refused_at_their_line(bench: Bench, src: str, message: str) -> None:
    bench.picture("issues/pictures/drum.jpg")
    bench.write("issues/notes.txt", "text")
    bench.write("issues/drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    bench.write("issues/cut.jpg", bench.picture("issues/whole.jpg").read_bytes()[:2000])
    if src == "huge.png":
        Pillow.new("1", (20_000, 10_000)).save(bench.root / "issues/huge.png")
    (bench.root / "issues/link.jpg").symlink_to("/etc/hostname")
    with pytest.raises(IssueError, match=r"issues/x\.md:7: ") as caught:
        added(bench.root, src)
    assert message in str(caught.value) and caught.value.hint


def test_a_missing_picture_in_an_issue_is_reported_where_it_is_asked_for(bench: Bench) -> None:
    for body in (
        "One\n\n![x](gone.jpg)",
        'One\n\n<img src="gone.jpg">',
        "One\n\n::: callout\n![x](gone.jpg) y\n:::",
    ):
        error = bench.refuse(body)
        (line,) = lines_with(bench.root / "issues/2026-11-test.md", "gone.jpg")
        assert (error.file, error.line) == ("issues/2026-11-test.md", line)
    error = bench.refuse("Hi", hero={"alt": "x", "image": "gone.jpg"})
    assert (error.file, error.line) == ("issues/2026-11-test.md", 5)


def png(bench: Bench, size: tuple[int, int] = (90, 60), mode: str = "P", **save: object) -> Path:
    """Write a drawing."""
    return bench.picture("issues/a.png", size, mode=mode, **save)


def test_a_small_plain_drawing_keeps_its_bytes(bench: Bench) -> None:
    for mode in ("P", "L", "RGBA"):
        path = png(bench, mode=mode)
        made, album = added(bench.root, "a.png")
        assert next(iter(album.images.values())).data == path.read_bytes()
        assert (made.pixels, made.size) == ((90, 60), path.stat().st_size)


def test_a_drawing_with_notes_or_something_behind_it_is_written_again(bench: Bench) -> None:
    notes = PngInfo()
    notes.add_text("Comment", "at home, 12 Example Street")
    exif = Pillow.Exif()
    exif[0x010E] = "at home, 12 Example Street"
    for save in ({"pnginfo": notes}, {"exif": exif}):
        assert b"Example Street" in png(bench, **save).read_bytes()
        _, album = added(bench.root, "a.png")
        assert b"Example Street" not in next(iter(album.images.values())).data
        assert opened(album).size == (90, 60)
    path = png(bench)
    path.write_bytes(path.read_bytes() + b"at home, 12 Example Street")
    _, album = added(bench.root, "a.png")
    assert b"Example Street" not in next(iter(album.images.values())).data


def test_a_drawing_that_is_large_or_too_wide_is_written_again(bench: Bench) -> None:
    path = png(bench, (1300, 40))
    made, album = added(bench.root, "a.png")
    assert made.pixels == (1200, 37) and path.stat().st_size < 64 * 1024
    png(bench, (400, 400), mode="L", compress_level=0)
    _, album = added(bench.root, "a.png")
    assert opened(album).size == (400, 400)
    assert len(next(iter(album.images.values())).data) < (bench.root / "issues/a.png").stat().st_size


def test_a_drawing_that_was_cut_off_is_refused(bench: Bench) -> None:
    path = png(bench)
    whole = path.read_bytes()
    for length in (len(whole) // 2, 60):
        path.write_bytes(whole[:length])
        with pytest.raises(IssueError, match="no picture that mail can carry"):
            added(bench.root, "a.png")
