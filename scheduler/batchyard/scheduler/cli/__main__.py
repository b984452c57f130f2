"""`python -m batchyard.scheduler.cli`: the command line without its script."""

from batchyard.scheduler.cli.app import main

main()
