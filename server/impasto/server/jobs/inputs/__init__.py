"""The files a job reads: found in place or kept here, held open or awaited, and read as a shot."""
