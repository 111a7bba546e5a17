"""Files that people wrote: their text, their entries, and the fields of an entry."""
