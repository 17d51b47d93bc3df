"""What is kept of each meter beside its live values: its ratios, its clock, and the gaps in its readings.

::

    a poll's result ---> Book ---> ratios: changed            meter-event ratio
                          |------> gaps: a hole just ended    meter-event gap ---> asks the meter's memory
    Recalled, its end --->|------> reading src load ...       meter-event filled: closes by how much
    ClockSeen ----------->|------> clocks: offset, jump       meter-event clock, clock-jump; anchor
    a poll's counters --->|------> counts: one rose           meter-event counted ---> asks for its records
    EventHeard, its end ->|------>                            meter-event happened, told

``book`` is what the recorder sees; ``recall`` runs on the bus. Nothing here judges a plant.
"""
