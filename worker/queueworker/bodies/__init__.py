"""Bodies as values: what the type of a handler's parameter makes of a message's body. Pure, and loaded at the start.

`handlers.fitting` asks `readers` for a function from body to value, once for each handler; `envelopes` reads JSON with
`json_text`. The parts: `readers` (which function fits a type), `conversion` (values of JSON into types), `kinds` (the
types that JSON's values become), `pydantic_types` (the adapter to pydantic), `json_text`, `failures`.
"""
