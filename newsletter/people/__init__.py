"""Subscribers: addresses, adding, importing, leaving."""
