"""A job's life: planned, its inputs found, kept on record, queued, run, its results written.

`planning` fixes what is asked, `inputs` finds and reads its files, `records` keeps it, `queueing` says when it runs,
`running` makes its frames, `results` writes them. `task.py` is what the queue hands the run; `live.py` stands beside.
"""
