"""JSON documents with something wrong in them."""

import copy


def changed(document, path, value):
    """The document with the field at this path set, or left out if the value is an ellipsis."""
    made = copy.deepcopy(document)
    *way, last = path
    holder = made
    for step in way:
        holder = holder[step]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return made
