"""What the commands of `qwp` print: values in, lines or JSON documents out. Pure.

The commands of `cli` call it. The parts: `pools` (the list), `history`, `comparison` with its `picture`, `versions`,
`text` (tables and spans of time). The account of a single pool is `explain`'s.
"""
