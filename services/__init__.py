"""The six services; each is started by its own name: `python -m services.leads`."""

import gc

# Imports make only what stays. To look for garbage each 700 objects is an eighth of their time.
gc.set_threshold(100_000, 20, 50)
