"""The kinds of rules, one file each; a file that holds ``KIND`` is found by itself.

::

    judge(rule, world) -> findings                    a kind that needs no memory
    step(rule, world, held) -> findings, held         a kind that does

Both are pure: the same rule, world and memory give the same findings. ``held`` is what a kind wants to
remember until the next step, and over a restart: a mapping of texts, whole numbers, ``Decimal`` and lists of
these. A kind never sees the latch of its alarms; hold times, hysteresis of alarms and storms are the
engine's."""
