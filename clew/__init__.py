"""The command line of Clew."""
