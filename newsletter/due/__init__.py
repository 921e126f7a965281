"""What is due now, done: READ FIRST ``sending.send_due``, behind the daemon and behind ``newsletter send``.

    send_due: a slot whose time has come takes an issue  ─┐
              an appointment that is due gets a campaign  ├─ appointments
              one that is too late becomes "missed"      ─┘
              whatever is under way and untended is sent     sending
              where workers live, they are left to do that   enlisting
              the owner is reminded, warned and asked        telling

The database is the truth, and each step is a compare-and-set or a row that can be made once: any number of
schedulers may do this at the same time, and any of them may die anywhere.
"""
