"""Plain rivals, placebos, floors and ceilings."""
