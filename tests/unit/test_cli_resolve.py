"""`clew resolve` as a command: what it tells of a file on the screen and in JSON."""

import json


def test_the_screen_tells_of_what_was_set_aside_and_regions_are_known_in_small_letters(tmp_path, clew):
    rows = ["kiosk@shop.example"] * 80 + [f"{number * 7_919}@{number}.example.com" for number in range(80)]
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["email", *rows]) + "\n", encoding="utf-8")
    options = ["resolve", "--input", str(file), "--output", str(tmp_path / "out.csv"), "--region", "us"]
    told = clew(*options).out
    assert "1 value of email was not used: on 80 rows, too many to tell of one person" in told
    printed = json.loads(clew(*options, "--json").out)
    assert (printed["crowded_values"], printed["crowded_rows"]) == ({"email": 1}, {"email": 80})
    assert printed["profiles"] == 160
