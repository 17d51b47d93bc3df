"""DL/T 645-1997 meters, reading only. Frames, formats and the poll are shared with ``drivers.dlt645``.

``item`` what a two-byte DI holds, ``words`` the error word, ``decode`` any frame in words. None of it does IO
or reads a clock.
"""
