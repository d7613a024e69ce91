"""``make mutants``: break real networks, print the shares, write ``docs/mutants.md``."""

from __future__ import annotations

import argparse
import multiprocessing
import time
import warnings
from pathlib import Path

import torch
from zoo_stub import declare_torchvision

from mutants.networks import SUBJECTS
from mutants.tables import line, page, totals
from mutants.verdict import Verdict, verdicts


def _run(job: tuple[int, int, int]) -> list[Verdict]:
    index, count, seed = job
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    declare_torchvision()
    return verdicts(SUBJECTS[index], count, seed)


def main() -> None:
    """Run all networks, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2, help="mutants of each kind per network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="networks whose name holds this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where the page is written")
    given = parser.parse_args()
    jobs = [
        (index, given.count, given.seed)
        for index, subject in enumerate(SUBJECTS)
        if given.only in subject.target
    ]
    start, found = time.perf_counter(), list[Verdict]()
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        for some in pool.imap(_run, jobs):
            found += some
            print(f"{some[0].network}: {totals(some)}", flush=True)
            for each in some:
                if each.misses:
                    print("  " + line(each), flush=True)
    print(totals(found))
    if given.out:
        given.out.write_text(page(found, given.seed, (time.perf_counter() - start) / 60), "utf-8")


if __name__ == "__main__":
    main()
