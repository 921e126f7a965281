"""One process at one campaign: the writer's loop around its sender threads.

collect calls that ended -> record them and claim new ones (one commit) -> hand those out -> ...
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from newsletter.delivery.calling import Done
from newsletter.delivery.canary import Canary
from newsletter.delivery.crew import Crew
from newsletter.delivery.ending import Ending, halted, say, stopped
from newsletter.delivery.outcomes import Breaker
from newsletter.delivery.pacing import Budget, rest
from newsletter.delivery.progress import Meter, OwnMeter, Progress
from newsletter.delivery.waiting import Patience
from newsletter.delivery.writing import Writer
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Effect
from newsletter.store import guard

__all__ = ["Run"]

_NAP: Final = 0.5  # seconds, after which a stop is noticed


class Run:
    """One process delivering one campaign that is ``sending``."""

    def __init__(
        self,
        writer: Writer,
        crew: Crew,
        *,
        stop: Callable[[], bool],
        place: guard.Place,
        canary: Canary | None,
        wait: bool,
        own: bool,
    ) -> None:
        self._writer, self._crew, self._stop = writer, crew, stop
        self._engine, self._campaign, self._pacer = writer.engine, writer.campaign, writer.pacer
        self._patience = Patience(
            engine=writer.engine,
            campaign=writer.campaign,
            clock=writer.clock,
            sleep=writer.sleep,
            stop=stop,
            place=place,
        )
        self._canary, self._wait = canary, wait
        self._breaker = Breaker()
        where = (writer.engine, writer.campaign.id, writer.clock)
        self._meter = OwnMeter(*where, most=canary.size + 1 if canary else 0) if own else Meter(*where)
        self._in_canary = canary is not None and self._meter.sent <= canary.size
        self._ending: Ending | None = None  # what the run comes to once no call is in flight
        self._dry = False  # whether the last claim found nothing more that is due
        self._short = 0.0  # seconds until the next call is within the rate

    def steps(self) -> Iterator[Progress]:
        """Deliver; yield at the start, as calls end and while waiting."""
        abandoned = self._patience.abandon_dead()
        if self._campaign.reason:
            say(self._engine, self._campaign, "")
        if abandoned:
            self._meter.recount()
        yield self._show()
        try:
            yield from self._turns()
        except NewsletterError:
            self._drain()
            yield self._show()  # with what the last calls came to
            raise
        finally:
            self._drain()
        self._meter.recount()
        yield self._show()

    def _turns(self) -> Iterator[Progress]:
        while True:
            if self._stop():
                raise stopped(self._campaign)
            if self._patience.beat() and self._canary is not None and not self._in_canary:
                yield from self._waits(self._patience.for_canary(self._canary, first=False))
            if self._turn():
                yield self._show()
            if self._crew.open:
                continue
            if self._dry and self._ending is None:
                seconds = self._patience.seconds_to_wait()
                if seconds is None:
                    return
                yield from self._waits(self._patience.rest(seconds))
                self._dry = False
            else:
                yield from self._stand_still()

    def _stand_still(self) -> Iterator[Progress]:
        """Nothing is in flight: do what had to wait for that, or wait for the rate."""
        if self._ending is not None:
            ending, self._ending = self._ending, None
            if ending.effect is Effect.HALT:
                raise halted(self._engine, self._campaign, ending.reason)
            quota = self._patience.for_quota(ending.reason, self._pacer, patient=self._wait)
            yield from self._waits(quota)
        elif self._canary is not None and self._in_canary and self._meter.sent >= self._canary.size:
            if self._meter.queued:
                yield from self._waits(self._patience.for_canary(self._canary, first=True))
            self._in_canary = False
        elif self._short:
            rest(self._short, self._writer.sleep, self._stop)
            self._short = 0.0

    def _turn(self) -> bool:
        """Collect what ended, record it, claim and hand out; return whether anything came of it."""
        room = self._room()
        waits = self._ending is not None or self._dry or not self._crew.free or room == 0
        ended = self._crew.ended(_NAP if waits else min(self._short, _NAP))
        for done in ended:
            self._take_effect(done)
        room = self._room(ended)
        may_claim = self._ending is None and not self._dry and room != 0 and not self._stop()
        calls = self._crew.free if may_claim else 0
        if not ended and not calls:
            return False
        self._pacer.refresh()
        turn = self._writer.turn(ended, calls=calls, room=room)
        for work in turn.work:
            self._crew.start(work)
        for done in ended:
            self._meter.add(done.settled, done.work.call.skipped)
        self._meter.add([], turn.skipped)
        if turn.written < sum(len(done.settled) for done in ended):
            self._meter.recount()
        if turn.budget is not None:
            self._dry = turn.dry
            self._learn(turn.budget, claimed=bool(turn.work))
        for done in ended:
            if done.error is not None:
                raise done.error
        return bool(ended or turn.skipped)

    def _learn(self, budget: Budget, *, claimed: bool) -> None:
        """Take from a claim how long to wait, whether the day is over and how many threads to have."""
        self._short = 0.0 if claimed else budget.wait
        if budget.today_is_over:
            self._pacer.refresh(at_once=True)
            if self._pacer.day_is_over:
                self._ending = Ending(effect=Effect.PARK, reason="The daily quota is used up")
        self._crew.review(self._pacer.rate, budget.size)

    def _take_effect(self, done: Done) -> None:
        """Do to the run what the outcomes of a call ask for."""
        if any(row.state is DeliveryState.QUEUED for row in done.settled):
            self._dry = False
        worst = done.worst
        if worst is not None and worst.effect in (Effect.HALT, Effect.PARK):
            if self._ending is None or worst.effect is Effect.HALT:
                said = worst.reason or "The daily quota is used up"
                if worst.effect is Effect.HALT:
                    said = f"The provider refuses to send: {worst.reason}"
                self._ending = Ending(effect=worst.effect, reason=said)
            return
        if worst is not None and worst.effect is Effect.SPLIT and done.letters > 1:
            self._pacer.split(done.letters)
        elif worst is not None and worst.effect is not Effect.SLOW:
            self._pacer.join(done.letters)
        reason = self._breaker.note(done.settled)
        if reason is not None and self._ending is None:
            self._ending = Ending(effect=Effect.HALT, reason=f"Nothing gets through: {reason}")

    def _room(self, ended: Sequence[Done] = ()) -> int | None:
        """Return how many more may be claimed while the first mails go alone; None for no limit."""
        if self._canary is None or not self._in_canary:
            return None
        sent = sum(row.state is DeliveryState.SENT for done in ended for row in done.settled)
        return max(0, self._canary.size - self._meter.sent - sent - self._crew.letters)

    def _drain(self) -> None:
        """See the calls in flight to their end and record them; what has not begun comes back undone."""
        self._crew.stop()
        while self._crew.open:
            ended = self._crew.ended(_NAP)
            self._writer.write(ended)
            for done in ended:
                self._meter.add(done.settled, done.work.call.skipped)
        self._crew.dismiss()

    def _waits(self, waiting: Iterator[datetime]) -> Iterator[Progress]:
        for until in waiting:
            yield self._show(until)

    def _show(self, waiting_until: datetime | None = None) -> Progress:
        return self._meter.show(rate=self._pacer.rate, waiting_until=waiting_until, note=self._patience.note)
