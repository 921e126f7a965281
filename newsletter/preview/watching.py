"""Noticing that a file of the workspace was saved, and telling the pages that show it.

Watched are the settings file and every folder that may hold something of an issue. Left out are the
subscribers (the database changes all the time), what we write ourselves, and folders of other tools.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from newsletter.settings import SETTINGS_FILE

__all__ = ["Watch", "folders"]

_NOT_OURS: Final = frozenset({"subscribers", "out"})
_TOOLS: Final = frozenset({"node_modules", "__pycache__", "4913"})  #: the last: how vim tries a folder
_PASSING: Final = ("~", ".swp", ".swx", ".tmp", ".pyc")  #: what editors leave for a moment
_DEBOUNCE: Final = 300  #: ms in which the files of one save are waited for
_STEP: Final = 40  #: ms of quiet that end it
_CHECK: Final = 0.5  #: seconds between two looks at whether the program ends
_HEARTBEAT: Final = 20  #: looks between two signs of life to a browser


class Watch:
    """Watches one workspace. changed: called after each save, in the event loop."""

    def __init__(self, root: Path, changed: Callable[[], None]) -> None:
        self._root, self._changed = root.resolve(), changed
        self._news = asyncio.Event()
        self._restart = asyncio.Event()
        self._ended = False

    async def run(self) -> None:
        """Watch until ``end``. Falls back to looking now and then where the system cannot tell."""
        polling = False
        while not self._ended:
            self._restart = asyncio.Event()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._settings_and_folders(polling))
                    group.create_task(self._below(polling))
            except* FileNotFoundError:  # a folder went while we looked
                await asyncio.sleep(_CHECK)
            except* (OSError, RuntimeError):  # the system has no watches left, or none at all
                polling = True
            if not self._ended:
                self._tell()
                await asyncio.sleep(0.1)

    def end(self) -> None:
        """Stop watching."""
        self._ended = True
        self._restart.set()

    async def stream(self, generation: Callable[[], str], ended: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield the generation as Server-Sent Events, now and after each change (HTML standard, 9.2)."""
        yield "retry: 1000\n"
        told, looks = "", 0
        while not ended():
            if told != generation():
                told = generation()
                yield f"data: {told}\n\n"
            looks += 1
            if looks % _HEARTBEAT == 0:
                yield ": still here\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _CHECK)

    async def _settings_and_folders(self, polling: bool) -> None:
        """Look at the workspace's own level: the settings, and folders that come or go."""
        watched = folders(self._root)
        async for changes in awatch(
            self._root,
            recursive=False,
            watch_filter=self._matters,
            debounce=_DEBOUNCE,
            step=_STEP,
            stop_event=self._restart,
            force_polling=polling or None,
        ):
            if watched != folders(self._root) or any(
                kind is not Change.modified and Path(path) in watched for kind, path in changes
            ):
                self._restart.set()
            elif any(Path(path).name == SETTINGS_FILE for _, path in changes):
                self._tell()

    async def _below(self, polling: bool) -> None:
        """Look into the folders, at any depth."""
        watched = folders(self._root)
        if not watched:
            await self._restart.wait()
            return
        async for _ in awatch(
            *watched,
            watch_filter=self._matters,
            debounce=_DEBOUNCE,
            step=_STEP,
            stop_event=self._restart,
            force_polling=polling or None,
        ):
            self._tell()

    def _tell(self) -> None:
        self._changed()
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _matters(self, _: Change, path: str) -> bool:
        here = Path(path)
        parts = here.relative_to(self._root).parts if here.is_relative_to(self._root) else here.parts[-1:]
        return not any(map(_passing, parts))


def folders(root: Path) -> list[Path]:
    """Return the folders of a workspace that may hold issues, templates or pictures."""
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir()
        and not path.is_symlink()
        and path.name not in _NOT_OURS
        and not _passing(path.name)
        and not (path / "pyvenv.cfg").exists()
    )


def _passing(name: str) -> bool:
    """Whether a file or folder is one of another tool's."""
    return name in _TOOLS or name.startswith((".", "#")) or name.endswith(_PASSING)
