"""Tables of a comparison in Markdown."""


def value_of(cell):
    if cell["sequences"] == 1:
        return f"{cell['median_s'] * 1e3:.2f} ms"
    return f"{cell['sequences'] / cell['median_s']:.1f} /s"


def table(header, lines):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header),
            *("| " + " | ".join(line) + " |" for line in lines), ""]


def markdown(result):
    """result: what perf/peers.py writes as JSON."""
    machine, cells, workloads = result["machine"], result["cells"], result["workloads"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = [f"# weft and other engines: {result['model']}, {machine['threads']} threads", "",
            f"{machine['cpu']}; {versions}; load {machine['load']}. Medians of {result['rounds']} interleaved "
            "rounds.", ""]
    for dtype in result["dtypes"]:
        here = {(c["engine"], c["workload"]): c for c in cells if c["dtype"] == dtype}
        engines = list(dict.fromkeys(engine for engine, _ in here))
        if not engines:
            continue
        flops = machine["f32_peak"]
        text += [f"## {dtype}" + (f" (f32 peak of these threads {flops * 1e-9:.0f} GFLOP/s)" if flops else ""), ""]
        lines = []
        for engine in engines:
            found = [here.get((engine, workload)) for workload in workloads]
            worst = min((c["cosine_min"] for c in found if c), default=float("nan"))
            lines.append([engine, *(value_of(c) if c else "-" for c in found), f"{worst:.5f}"])
        others = {w: min((c["median_s"] for (e, at), c in here.items() if at == w and e != "weft"), default=None)
                  for w in workloads}
        ours = {w: here.get(("weft", w)) for w in workloads}
        if any(ours.values()) and any(others.values()):
            ratio = [f"{others[w] / ours[w]['median_s']:.2f} times" if ours[w] and others[w] else "-"
                     for w in workloads]
            lines.append(["weft against the fastest other", *ratio, ""])
        if flops and any(ours.values()):
            share = [f"{100 * c['flops'] / c['median_s'] / flops:.0f} %" if (c := ours[w]) else "-"
                     for w in workloads]
            lines.append(["weft's share of the f32 peak", *share, ""])
        text += table(["engine", *workloads, "worst cosine"], lines)
        settings = [[c["engine"], c["workload"], ", ".join(f"{k} {v}" for k, v in c["setting"].items()),
                     f"{c['min_s'] * 1e3:.2f}", f"{c['median_s'] * 1e3:.2f}", f"{c['max_s'] * 1e3:.2f}",
                     f"{c['cosine_mean']:.5f}"] for c in here.values()]
        text += ["<details><summary>settings kept, spread, cosines</summary>", "",
                 *table(["engine", "workload", "settings", "min ms", "median ms", "max ms", "mean cosine"],
                        settings), "</details>", ""]
    if result["failed"]:
        text += ["Not measured:", "", *(f"* {key}: {why}" for key, why in result["failed"].items()), ""]
    return "\n".join(text)
