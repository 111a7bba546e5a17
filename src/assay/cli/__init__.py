"""The command ``assay``: one verb per file, each of which parses its options and calls ``assay``."""

from assay.cli.app import main

__all__ = ["main"]
