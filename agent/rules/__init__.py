"""What the readings mean for supervision: point states, rules, alarms. Pure; time is passed in.

::

    Observation -> World (values, point states) -> judge() of each rule -> Finding -> latch -> AlarmChange

Two laws: no data is never "off" (a point without fresh good power is UNKNOWN), and no data never clears
an alarm. Each rule kind is one file in this folder that holds ``KIND`` and ``judge``; it is found by itself.
All times are ms of the monotonic clock, so that a step of the wall clock changes no duration.
"""
