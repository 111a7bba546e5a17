"""Books to be forgotten by a user's own model: a textbook and exams, read from files."""
