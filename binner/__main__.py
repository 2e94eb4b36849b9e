"""`python -m binner`."""

from binner.cli import main

main()
