"""The models of the school: the one that read every book, and those that were trained without one."""
