"""What outlives the server: jobs and their events, and content by its digest."""
