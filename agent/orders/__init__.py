"""Orders (停产, 限产) and declarations (报备) that this box was given: judged, recorded, kept.

::

    file, note or words --> Counter --inbox--> Clerk --> command note, judged --> record in the journal
                            (socket)                 `-> Book --> rules, logbook page
"""
