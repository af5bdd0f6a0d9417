"""The rules by which a pool is sized, shown by runs of the real `decide`: pictures and blocks of docs/size.md.

`docs.generate` calls it. The parts: `engine` (a queue, workers, and a tick every few seconds), `runs` (what is played),
`plot` (lines and axes), `pictures` (a picture per rule), `page` (what `qwp explain` says in these runs).
"""
