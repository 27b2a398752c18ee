"""Work on what people wrote, in a child process under limits, where it can do no harm.

`child` is the process, `parent` has it started. They share a module name and JSON, and `child`
imports nothing that takes a while, since it is started for each job.
"""
