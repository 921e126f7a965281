"""The fleet: any number of workers, on any number of hosts, send one campaign together.

    watching   `newsletter send`: puts the first share in the ledger's own transaction, then looks on
    jobs       a share of a campaign (``store.shares``), as a job of Procrastinate in the same PostgreSQL
    shares     what a worker does for a share: up to 45 s of the same delivery as everywhere
    tending    what dead workers left, and what nobody looks after
    working    `newsletter worker`
    metrics    what a worker did, for a monitor

Decisions
- The ledger decides who has a row, and one token bucket how fast all are; a job only says that there is
  work. So a job that is lost, or done twice, changes nothing.
- A campaign has one share for each live worker. Share 0 is always there, and makes the others as they come.
- Schedulers (`newsletter run`, `newsletter send`) leave what is due to workers, too: ``due.enlisting``.
"""
