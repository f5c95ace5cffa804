"""A method that is not gexpipe's to train: a command, or files of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from gexpipe.errors import UserError
from gexpipe.methods.options import suggestion

__all__ = ["ExternalOptions", "places"]

RUN = ("cell", "fold", "seed")
# What stands for a path in a command: the blinded example table, whose window each gene has, the
# stores, the genome, and the file to write.
PATHS = ("examples", "windows_of", "sequence", "signals", "elements", "genome", "out")


@dataclass(frozen=True)
class ExternalOptions:
    """Options of ``architecture: external``; one of the two is given.

    Attributes
    ----------
    command : str
        A shell command that writes a table of gene_id and predicted (parquet, TSV or CSV) to {out},
        for all validation and test genes. {examples} is a TSV of genes, features, ``split`` and
        ``target``, which is empty for the test genes; {cell}, {fold}, {seed} tell the run;
        {sequence}, {signals}, {elements} are the window stores, {genome} the FASTA. With
        {windows_of} (a TSV: gene_id, windows_of), it answers for windows exchanged between genes.
    predictions : str
        Path of such a table that is there already, with {cell}, {fold} and {seed}.
    files : tuple of str
        Files of the command (scripts, weights): when one changes, it is run again.
    """

    command: str = ""
    predictions: str = ""
    files: tuple[str, ...] = ()

    def check(self, where: str) -> None:
        """Raise a `UserError` for none or both, and for a place that nothing stands for."""
        if bool(self.command) == bool(self.predictions):
            raise UserError("give either command or predictions", where)
        _check(self.command, (*RUN, *PATHS), f"{where}.command")
        _check(self.predictions, RUN, f"{where}.predictions")
        if self.command and not {"examples", "out"} <= places(self.command):
            raise UserError("a command names {examples} and {out}", f"{where}.command")


def places(text: str) -> set[str]:
    """Names in braces of a command or a path."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _check(text: str, known: tuple[str, ...], where: str) -> None:
    meant = "braces that are meant are doubled: {{ }}"
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        raise UserError(f"{error}; {meant}", where) from error
    for _, name, form, conversion in fields:
        if name is None:
            continue
        if name not in known:
            hint = suggestion(name, known)
            raise UserError(f"nothing stands for {{{name}}}; {hint}; {meant}", where)
        if form or conversion:
            raise UserError(f"{{{name}}} takes no format ({form or conversion!r})", where)
