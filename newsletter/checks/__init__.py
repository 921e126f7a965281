"""Preflight: one file a family of checks, each yields findings."""
