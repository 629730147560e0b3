#!/usr/bin/env python3
"""Runs the recipes of quantization-aware training and writes their results into the README.

  tools/qat_results.py CLI RECIPE...    runs each recipe (minutes each) and keeps what it came to
  tools/qat_results.py --write          writes the kept results between the README's markers

Results are kept in build/qat_results.json, so that one recipe can be run again alone.
"""
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "qat_results.json"
BEGIN, END = "<!-- qat-results -->", "<!-- /qat-results -->"


def kept():
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def value(run, name):
    metric = run["metrics"].get(name)
    return None if metric is None else metric["value"]


def run_recipe(program, recipe, settings):
    begin = time.monotonic()
    log = ROOT / "build" / "qat_results.db"
    command = [program, "run", str(recipe), "--json", "--log", str(log)]
    for setting in settings:
        command += ["--set", setting]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    runs = json.loads(result.stdout)["runs"]
    document = json.loads(pathlib.Path(recipe).read_text())
    epochs = next(stage["epochs"] for stage in document["stages"] if stage["stage"] == "qat")
    for setting in settings:
        if setting.startswith("stages[qat].epochs="):
            epochs = int(setting.partition("=")[2])
    results = kept()
    for run in runs:
        if value(run, "top1_before_training") is None:
            continue
        key = f"{document['name']} | {run['name']} | {epochs}"
        results[key] = {
            "recipe": pathlib.Path(recipe).stem,
            "model": document["name"].rsplit(", ", 1)[1],
            "variant": run["name"],
            "epochs": epochs,
            "before": value(run, "top1_before_training"),
            "after": value(run, "top1"),
            "minutes": (time.monotonic() - begin) / 60 / len(runs),
        }
    KEPT.write_text(json.dumps(results, indent=1))


def table(results):
    lines = [
        "| model | scheme | epochs | calibrated | trained | recipe |",
        "|---|---|---:|---:|---:|---|",
    ]
    for entry in sorted(results.values(), key=lambda r: (r["model"], r["recipe"], r["variant"], r["epochs"])):
        lines.append(
            f"| {entry['model']} | {entry['variant']} | {entry['epochs']} | {entry['before']:.2f} "
            f"| {entry['after']:.2f} | `{entry['recipe']}` |"
        )
    return "\n".join(lines)


def write_readme():
    readme = ROOT / "README.md"
    text = readme.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    readme.write_text(f"{before}{BEGIN}\n{table(kept())}\n{END}{after}")


def main(arguments):
    if arguments == ["--write"]:
        write_readme()
        return
    settings = [a.removeprefix("--set=") for a in arguments if a.startswith("--set=")]
    program, *recipes = [a for a in arguments if not a.startswith("--set=")]
    KEPT.parent.mkdir(exist_ok=True)
    for recipe in recipes:
        print(f"== {recipe}", file=sys.stderr)
        run_recipe(program, recipe, settings)


if __name__ == "__main__":
    main(sys.argv[1:])
