"""What the World can say and ask about an edited fact, one file per family of facts."""
