"""What people have annotated: tiers of ELAN, Praat and FLEx documents, with times in seconds, and their media."""
