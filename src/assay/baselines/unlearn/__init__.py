"""Plain rivals, floor and ceilings for the job unlearn."""
