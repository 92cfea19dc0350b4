"""JSON, quickly: a run encodes thousands of small values, one at a time."""

import json
import json.encoder
from typing import Any, Callable


def encoder(**options: Any) -> Callable[[Any], str]:
    """``json.JSONEncoder(...).encode``, made ready once: by itself it makes itself ready for each value anew."""
    made = json.JSONEncoder(**options)
    in_c: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        encode = in_c(
            None,  # what is encoded here holds no cycles
            made.default,
            json.encoder.encode_basestring_ascii,
            made.indent,
            made.key_separator,
            made.item_separator,
            made.sort_keys,
            made.skipkeys,
            made.allow_nan,
        )
    except TypeError:  # another Python than CPython, or a CPython to come
        return made.encode
    return lambda value: "".join(encode(value, 0))
