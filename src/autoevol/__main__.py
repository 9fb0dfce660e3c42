"""`python -m autoevol`."""

from autoevol.cli import main

main()
