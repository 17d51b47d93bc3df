"""Which driver speaks which protocol: folders under ``drivers/`` whose ``driver`` module holds ``DRIVER``.

Adding a protocol is adding a folder; nothing here names one.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import cast

import drivers as package
from drivers.errors import DriverError
from drivers.exchange import Driver


@cache
def drivers() -> Mapping[str, Driver]:
    """Protocol name, as in the site file, to its driver. Raises `DriverError` if two claim one name."""
    found: dict[str, Driver] = {}
    for folder in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{folder.name}.driver"
        if not folder.ispkg or importlib.util.find_spec(name) is None:
            continue
        driver = cast(Driver | None, getattr(importlib.import_module(name), "DRIVER", None))
        for protocol in driver.protocols if driver is not None else ():
            if protocol in found:
                raise DriverError(f"two drivers speak {protocol}")
            found[protocol] = cast(Driver, driver)
    return MappingProxyType(found)
