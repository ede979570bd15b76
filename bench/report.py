"""The figures of scripts/bench: as a line, as JSON, as a page, as a plot."""

import html
import json
import statistics
import time


def figure(name, ours, theirs, peer, goal, unit):
    """One comparison. `theirs` None: there is nothing to compare with, only to be known."""
    median = statistics.median(ours)
    other = statistics.median(theirs) if theirs else None
    return {"name": name, "ours": round(median, 4), "theirs": round(other, 4) if theirs else None, "peer": peer,
            "ratio": round(median / other, 4) if other else None, "goal": goal, "unit": unit, "n": len(ours),
            "spread": [round(value, 4) for value in spread(ours)],
            "their_spread": [round(value, 4) for value in spread(theirs)] if theirs else None}


def spread(values):
    """Lowest, 99th percentile, highest."""
    ordered = sorted(values)
    return ordered[0], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], ordered[-1]


def met(entry):
    if entry["goal"] is None or entry["ratio"] is None:
        return "-"
    return "yes" if entry["ratio"] <= entry["goal"] else "NO"


def line(entry):
    low, late, high = entry["spread"]
    text = f"{entry['name']}: {entry['ours']:g} {entry['unit']} ({low:g} to {high:g}, p99 {late:g}; n={entry['n']})"
    if entry["theirs"] is not None:
        text += f", {entry['peer']} {entry['theirs']:g}; ratio {entry['ratio']:g}"
    if entry["goal"] is not None:
        text += f", at most {entry['goal']:g}: {met(entry)}"
    return text


def page(figures, machine, quick):
    rows = ["| what | ours | p99 | theirs | peer | ratio | goal | met | n |", "|---|---|---|---|---|---|---|---|---|"]
    for entry in figures:
        theirs = "-" if entry["theirs"] is None else f"{entry['theirs']:g}"
        ratio = "-" if entry["ratio"] is None else f"{entry['ratio']:g}"
        goal = "-" if entry["goal"] is None else f"≤ {entry['goal']:g}"
        rows.append(f"| {entry['name']} | {entry['ours']:g} {entry['unit']} | {entry['spread'][1]:g} | {theirs} | "
                    f"{entry['peer'] or '-'} | {ratio} | {goal} | {met(entry)} | {entry['n']} |")
    kind = "a quick run: few pairs" if quick else "a full run"
    return ("# Figures\n\n"
            f"Made by `sudo scripts/bench` on {time.strftime('%Y-%m-%d')}: {kind}, {machine}. Medians of paired runs; "
            "the ratio is ours to theirs, so less is better.\n\n" + "\n".join(rows) +
            "\n\n![ratios](report.svg)\n\nWhat each line measures, and how to repeat it: "
            "[performance.md](../docs/performance.md).\n")


def plot(figures):
    """A bar a comparison: its ratio in parts of its goal, and where the goal is."""
    shown = [entry for entry in figures if entry["ratio"] is not None and entry["goal"]]
    width, height, left, unit = 900, 40 + 34 * len(shown), 380, 300
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             'font-size="13">', f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{left + unit}" y="18" text-anchor="middle">goal</text>',
             f'<line x1="{left + unit}" y1="24" x2="{left + unit}" y2="{height}" stroke="black" stroke-dasharray="4"/>']
    for row, entry in enumerate(shown):
        y = 30 + 34 * row
        length = min(entry["ratio"] / entry["goal"], 1.6) * unit
        colour = "#4a8" if entry["ratio"] <= entry["goal"] else "#c54"
        parts.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{html.escape(entry["name"])}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="22" fill="{colour}"/>')
        parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 16}">{entry["ratio"]:g} (≤ {entry["goal"]:g})</text>')
    return "\n".join(parts + ["</svg>\n"])


def write(folder, figures, machine, quick):
    keys = ("name", "ours", "theirs", "peer", "ratio", "goal", "unit", "n")
    for name, text in (("report.json", json.dumps([{key: entry[key] for key in keys} for entry in figures], indent=2,
                                                  ensure_ascii=False) + "\n"),
                       ("report.md", page(figures, machine, quick)), ("report.svg", plot(figures))):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    print(f"written: {folder}/report.md, report.json, report.svg")
