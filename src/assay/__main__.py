"""``python -m assay``: the same as the command ``assay``."""

import sys

from assay.cli import main

# worker processes import this file again under another name
if __name__ == "__main__":
    sys.exit(main())
