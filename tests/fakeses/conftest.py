"""Fixtures of this part."""

from tests.fakeses.fixture import fake_ses, fake_ses_process

__all__ = ["fake_ses", "fake_ses_process"]
