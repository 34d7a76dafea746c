"""The published language of replays: what one asks for, what it commits, how it stands."""
