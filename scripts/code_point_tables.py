"""Two-stage tables over all code points, as C++ text on stdout: what the generators share."""

LIMIT = 0x110000
BLOCK = 128


def two_stage(values):
    """values -> (block number of each BLOCK code points, the distinct blocks joined)."""
    seen, first, second = {}, [], []
    for start in range(0, LIMIT, BLOCK):
        block = tuple(values[start : start + BLOCK])
        if block not in seen:
            seen[block] = len(seen)
            second.extend(block)
        first.append(seen[block])
    return first, second


def array(type_name, name, values):
    print(f"constexpr {type_name} {name}[{len(values)}] = {{")
    line = "   "
    for value in values:
        text = f" {value},"
        if len(line) + len(text) > 100:
            print(line)
            line = "   "
        line += text
    print(line + "\n};\n")
