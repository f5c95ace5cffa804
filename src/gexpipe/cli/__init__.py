"""The command line: one module a stage, each with a typer application called ``app``."""
