"""The only place where the parts meet: clock, poller, rules, recorder, uplinks, control socket, CLI.

``drivers`` and ``buffer`` never see each other; what flows from one to the other flows through here::

    bus thread --PollResult--> Inbox --> recorder thread --> journal --> uplink threads
                                             |  rules                        |
                                             +<---------- receipt -----------+
"""
