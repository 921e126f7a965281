"""docs/checks.md: each rule has its row, with its level; each row has a rule; no finding is without one."""

import importlib
import pkgutil
import re

import newsletter.checks
from newsletter.checks.rules import Rule
from tests.workspaces import REPOSITORY

ROW = re.compile(r"^\| `([a-z-]+)` \| (error|warning|note) \| (.+) \|$", re.MULTILINE)


def rules() -> list[Rule]:
    found: list[Rule] = []
    for module in pkgutil.iter_modules(newsletter.checks.__path__, "newsletter.checks."):
        found += [
            item for item in vars(importlib.import_module(module.name)).values() if isinstance(item, Rule)
        ]
    return list(dict.fromkeys(found))


def test_each_rule_has_a_row_with_its_level_and_each_row_a_rule() -> None:
    rows = ROW.findall((REPOSITORY / "docs" / "checks.md").read_text("utf-8"))
    assert sorted((name, level) for name, level, _ in rows) == sorted(
        (rule.name, str(rule.level)) for rule in rules()
    )
    assert all(len(rest.replace(r"\|", "").split("|")) == 3 for _, _, rest in rows)


def test_no_two_rules_have_one_name() -> None:
    names = [rule.name for rule in rules()]
    assert len(names) == len(set(names)) > 40


def test_findings_come_from_rules_only() -> None:
    """A finding that is made without a rule would have no row."""
    for file in (REPOSITORY / "newsletter" / "checks").glob("*.py"):
        if file.name != "rules.py":
            assert "Finding(" not in file.read_text("utf-8"), file.name
