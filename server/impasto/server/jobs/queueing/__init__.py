"""When a job runs, on which device and cores, what is told of it meanwhile and how it ends."""
