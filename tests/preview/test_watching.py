"""A saved file is noticed, whichever way an editor saves it; what is no issue's business is not."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from newsletter.preview.watching import Watch, folders

pytestmark = pytest.mark.slow

SOON = 8.0  # seconds in which a busy machine notices a change


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace's files and folders."""
    for name in ("issues/images", "templates/monthly", "subscribers", "out", ".git", "venv/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "newsletter.toml").write_text("")
    (tmp_path / "issues" / "2026-12-a.md").write_text("one")
    return tmp_path


def told_after(root: Path, *steps: Callable[[], object], wait: float = SOON) -> list[int]:
    """Return how often the watch told of a change after each step; it is given ``wait`` seconds to."""

    async def follow() -> list[int]:
        told = 0
        counts: list[int] = []

        def changed() -> None:
            nonlocal told
            told += 1

        watch = Watch(root, changed)
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0.7)  # until the system watches
        for step in steps:
            before = told
            step()
            for _ in range(int(wait / 0.05)):
                await asyncio.sleep(0.05)
                if told > before:
                    await asyncio.sleep(0.5)  # a folder that came is watched from now on
                    break
            counts.append(told - before)
        watch.end()
        await asyncio.wait_for(task, SOON)
        return counts

    return asyncio.run(follow())


def test_every_way_to_save_is_noticed(root: Path) -> None:
    issue = root / "issues" / "2026-12-a.md"

    def rename_over() -> None:
        (root / "issues" / ".2026-12-a.md.tmp").write_text("three")
        (root / "issues" / ".2026-12-a.md.tmp").rename(issue)

    counts = told_after(
        root,
        lambda: issue.write_text("two"),
        rename_over,
        lambda: (root / "issues" / "images" / "a.png").write_bytes(b"picture"),
        lambda: (root / "templates" / "monthly" / "layout.mjml.j2").write_text("<mjml>"),
        lambda: (root / "newsletter.toml").write_text("[newsletter]"),
        issue.unlink,
    )
    assert all(counts), counts


def test_a_folder_that_comes_or_is_replaced_is_watched_too(root: Path) -> None:
    def replace() -> None:
        shutil.rmtree(root / "issues")
        (root / "issues").mkdir()

    counts = told_after(
        root,
        (root / "pictures").mkdir,
        lambda: (root / "pictures" / "a.png").write_bytes(b"picture"),
        replace,
        lambda: (root / "issues" / "2026-12-b.md").write_text("new"),
    )
    assert all(counts), counts


def test_people_output_and_other_tools_files_are_not_watched(root: Path) -> None:
    counts = told_after(
        root,
        lambda: (root / "subscribers" / "newsletter.db").write_text("people"),
        lambda: (root / "out" / "2026-12-a.html").write_text("rendered"),
        lambda: (root / "venv" / "lib" / "a.py").write_text(""),
        lambda: (root / "issues" / ".2026-12-a.md.swp").write_text(""),
        lambda: (root / "issues" / "2026-12-a.md~").write_text(""),
        wait=0.7,
    )
    assert counts == [0, 0, 0, 0, 0]
    assert [path.name for path in folders(root)] == ["issues", "templates"]


def test_where_the_system_has_no_watches_left_it_looks_now_and_then(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watchfiles.awatch

    def without_watches(*paths: Path, force_polling: bool | None, **options: Any) -> Any:
        if not force_polling:
            raise OSError("OS file watch limit reached")
        return real(*paths, force_polling=force_polling, **options)

    monkeypatch.setattr("newsletter.preview.watching.awatch", without_watches)
    counts = told_after(
        root,
        lambda: None,  # the watch that was lost tells of itself
        lambda: (root / "issues" / "2026-12-a.md").write_text("two"),
        lambda: (root / "newsletter.toml").write_text("[newsletter]"),
        wait=4,
    )
    assert all(counts[1:]), counts


def test_many_files_saved_at_once_are_one_change(root: Path) -> None:
    def checkout() -> None:
        for number in range(30):
            (root / "issues" / f"2026-12-{number}.md").write_text("new")

    [count] = told_after(root, checkout)
    assert 1 <= count <= 3


def test_pages_are_told_at_once_of_a_change_and_let_go_when_the_server_ends(root: Path) -> None:
    async def follow() -> list[str]:
        generation, ending = 0, False

        def changed() -> None:
            nonlocal generation
            generation += 1

        watch = Watch(root, changed)
        task = asyncio.create_task(watch.run())
        seen: list[str] = []
        stream = watch.stream(lambda: f"run.{generation}", lambda: ending)
        async for piece in stream:
            seen.append(piece)
            if len(seen) == 2:
                await asyncio.sleep(0.7)
                (root / "newsletter.toml").write_text("changed")
            ending = len(seen) == 3
        watch.end()
        await asyncio.wait_for(task, SOON)
        return seen

    assert asyncio.run(asyncio.wait_for(follow(), 20)) == [
        "retry: 1000\n",
        "data: run.0\n\n",
        "data: run.1\n\n",
    ]
