# How commands name what rules hand them, and what jobs ask of the machine.
import shlex

from gexpipe.config import one_line
from gexpipe.costs import COSTS
from gexpipe.tables.plan import written_lines


def repeat(flag, values):
    """``--flag a --flag b`` for the shell."""
    values = [values] if isinstance(values, str) else values
    return " ".join(f"--{flag} {shlex.quote(str(value))}" for value in values)


def bin_options(settings):
    """Options of ``gexpipe abc summit-bins`` for a set of the configuration."""
    offsets = ",".join(map(str, settings["offsets"]))
    return (
        f"--offsets={offsets} --stride {settings['stride']} --most {settings['peaks']}"
        f" --negatives {settings['negatives']}"
    )


def by_cell(flag, files):
    """``--flag CELL=FILE`` for a file of every cell of the configuration."""
    return repeat(flag, [f"{cell}={path}" for cell, path in zip(config["cells"], files)])


def named_inputs(names, input):
    """``--NAME FILE`` for some named inputs of a rule."""
    return " ".join(repeat(name.replace("_", "-"), input[name]) for name in names)


def changes(test):
    """Options of ``gexpipe evaluate predict`` for changed inputs."""
    length = f"--length {test['length']}" if "length" in test else ""
    weighted = "--weighted" if test.get("weighted") else ""
    return f"{length} {repeat('drop', test.get('drop', []))} {weighted}".strip()


def labels():
    """``--method name=label`` for every method of the configuration."""
    return repeat("method", [f"{name}={method['label']}" for name, method in METHODS.items()])


def lines(table):
    """The rows of a table, resolved."""
    return written_lines(PLANS[table].lines)


def published_cells(table):
    """``--cell name=cell type whose published values stand beside it``.

    A table of cell types that the configuration has not keeps its published values.
    """
    cells = {cell: SHEETS.published_as[cell] for cell in PLANS[table].cells}
    cells = cells or {cell: cell for cell in TABLES[table]["cells"]}
    return repeat("cell", [f"{cell}={published}" for cell, published in cells.items()])


def input_mb(input):
    """`input.size_mb`, which starts a loop of tasks for each job: a tenth of the plan's time."""
    if STORED or not isinstance(input, list):  # the preflight knows sizes, and has no files yet
        return input.size_mb
    return sum(os.path.getsize(path) for path in input) / 2**20


def growing(mb_per_input_mb, least):
    """Memory that grows with the input's size and doubles with every attempt, in MB."""
    return lambda wildcards, input, attempt: int(
        max(least, mb_per_input_mb * input_mb(input)) * 2 ** (attempt - 1)
    )


def measured(rule):
    """Memory of a rule by the table of measured costs, doubled with every attempt, in MB."""
    return lambda wildcards, input, attempt: (
        COSTS[rule].megabytes(input_mb(input)) * 2 ** (attempt - 1)
    )


def profile_default(name):
    """A default resource of the profile that is used; None where it has none."""
    default = (workflow.resource_settings.default_resources or {}).get(name)
    return getattr(default, "raw", default)


# Sites that take --gres say in their profile what they call a GPU (profiles/slurm-gres).
GRES = profile_default("gpu_gres")


def gpus(count):
    """GPUs of a job, or none where they are asked for as `gres`: both would be sent."""
    return 0 if GRES else count


def gres(count):
    """The same as SLURM's generic resource, `gpu:2`; nothing without a profile that names it."""
    if not GRES:
        return None
    if callable(count):
        return lambda wildcards: f"{GRES}:{count(wildcards)}"
    return f"{GRES}:{count}"


def lasting(rule):
    """Time of a rule by the same table, in minutes."""
    return lambda wildcards, input, attempt: (
        COSTS[rule].minutes(input_mb(input)) * 2 ** (attempt - 1)
    )
