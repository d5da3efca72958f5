"""Tables of a comparison in Markdown."""
import math


def ratio(result, dtype, workload):
    """Median seconds of the fastest other engine over weft's, and that engine; None if either is missing.
    An engine whose outputs are NaN does not count."""
    times = {c["engine"]: c["median_s"] for c in result["cells"]
             if (c["dtype"], c["workload"]) == (dtype, workload) and not math.isnan(c["cosine_min"])}
    ours = times.pop("weft", None)
    if ours is None or not times:
        return None
    fastest = min(times, key=times.get)
    return times[fastest] / ours, fastest


def summary(results, aim):
    """One line per model and dtype: weft against the fastest other engine, and cells below `aim`."""
    lines = []
    for result in results:
        for dtype in result["dtypes"]:
            found = {w: pair for w in result["workloads"] if (pair := ratio(result, dtype, w))}
            told = ", ".join(f"{w} {times:.2f} times {engine}" for w, (times, engine) in found.items())
            below = ", ".join(w for w, (times, _) in found.items() if times < aim)
            lines.append([result["model"], dtype, told or "-", below or "none" if found else "-"])
    return "\n".join(table(["model", "dtype", "weft against the fastest other", f"below {aim} times"], lines))


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
        ratios = [ratio(result, dtype, w) for w in workloads]
        if any(ratios):
            lines.append(["weft against the fastest other", *(f"{r[0]:.2f} times" if r else "-" for r in ratios), ""])
        ours = {w: here.get(("weft", w)) for w in workloads}
        if flops and any(c and c["flops"] for c in ours.values()):
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
