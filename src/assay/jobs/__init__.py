"""Jobs: what a tool is told, what it must return, how it is judged."""
