"""A real browser for tests that look: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

__all__ = ["chromium"]

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)


@pytest.fixture(scope="module")  # not longer: while Playwright is open, no other test can run an event loop
def chromium() -> Iterator[Any]:
    """A browser. Missing, it fails the run where nothing may be skipped, and is named loudly elsewhere."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "Chromium is not installed: what people see was NOT checked (apt-get install chromium)."
        if os.environ.get("CI") or os.environ.get("NEWSLETTER_TEST_ALL"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()
