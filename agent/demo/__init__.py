"""The demonstration: a simulated plant, real daemon, real broker, two platforms, told as a story.

``plant`` holds the texts of the configuration, ``pki`` and ``broker`` the MQTT side, ``stage`` runs the
processes, ``story`` is what happens. Nothing here runs in a daemon.
"""
