"""`python -m clew` is `clew`."""

from clew.main import main

main()
