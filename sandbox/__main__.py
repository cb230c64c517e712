"""`python -m sandbox --households 400 --landing landing`: write the demo's landing files by hand."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from contracts.errors import ClewError
from sandbox import clock
from sandbox.generate import SEED, generate


def _households(text: str) -> int | None:
    return None if text == "all" else int(text)


def main() -> int:
    """Read the command line, write the files, print lines per source as JSON."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Write the demo's landing files.")
    parser.add_argument("--landing", type=Path, default=Path("landing"), help="folder to write to (landing)")
    parser.add_argument("--truth", type=Path, help="folder for the truth (truth, beside the landing folder)")
    parser.add_argument("--households", type=_households, default=400, help="a number, or all (400)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of the synthetic people ({SEED})")
    parser.add_argument(
        "--since", type=date.fromisoformat, default=clock.FIRST_DAY, help="first local day (2017-01-01)"
    )
    parser.add_argument("--until", type=date.fromisoformat, default=clock.LAST_DAY, help="last local day (2017-12-31)")
    given = parser.parse_args()
    truth = given.truth or given.landing.resolve().parent / "truth"
    try:
        lines = generate(given.landing, truth, given.households, given.seed, given.since, given.until)
    except ClewError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
