"""The commands of `qwp` that come with the planner. Entry points of the distribution name them, and `qwp` loads them.

One module per command. `load_options` and `work_options` are what they have in common, `parameters` the kinds of
values, `modes` how runs are calculated, `sections` the parts of a long help; `tables` and `documents` make what they
print, `written` what they write. Importing a command must stay cheap, for `qwp --help` does it: what takes time is
imported inside the functions that need it.
"""
