"""``python -m agent.cli``: the console script without an installation."""

import sys

from agent.cli import main

sys.exit(main())
