"""Scenarios: a plant, what happens at it, and which alarms are to come of it, in one text file. Pure.

::

    bytes --file.take--> Scenario --play--> changes --compare--> expected against actual

``docs/scenarios.md`` is the format. Nothing here reads a clock, a bus or the journal: simulated meters give
readings of round numbers, and the engine of ``agent.rules`` judges them as it does those of a plant.
"""
