"""Backups of the database: one a day, and one before the first mail of each campaign.

A campaign's is made when its audience is frozen and nothing has left yet: whoever restores it finds the send
open, and decides; a backup from before would not know of it at all, and mail everybody again.
"""

from newsletter.due.news import News, Report
from newsletter.errors import NewsletterError
from newsletter.store import notices
from newsletter.store.backup import back_up
from newsletter.store.campaigns import Campaign
from newsletter.wiring import Services

__all__ = ["back_up_before", "back_up_daily"]


def back_up_before(services: Services, campaign: Campaign, report: Report) -> None:
    """Make a backup unless there is one of this campaign's beginning.

    A backup that cannot be made is said so and stops nothing: readers do not wait for a disk to be mended.
    """
    _once(services, f"backup before campaign {campaign.id}", report, issue=campaign.slug)


def back_up_daily(services: Services, report: Report) -> None:
    """Make the backup of this day, unless another process has."""
    _once(services, f"backup of {services.today()}", report)


def _once(services: Services, key: str, report: Report, issue: str = "") -> None:
    with services.engine.begin() as connection:
        if not notices.claim(connection, key, services.clock()):
            return
    try:
        made = back_up(
            services.engine,
            services.workspace.backups,
            now=services.clock(),
            env=services.env,
            keep=services.settings.schedule.keep_backups,
        )
    except NewsletterError as error:
        text = f"No backup was made: {error} {error.hint}"
        report(News(what="backup", issue=issue, text=text, fields={"made": "no"}, warning=True))
        return
    report(
        News(what="backup", issue=issue, text=f"Backup: {services.shown(made)}", fields={"made": made.name})
    )
