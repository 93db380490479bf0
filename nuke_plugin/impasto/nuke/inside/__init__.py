"""What speaks to Nuke: imported inside Nuke only."""
