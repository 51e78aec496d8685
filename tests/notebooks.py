"""Runs notebooks in a fresh kernel; called as a script it stores what they show."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def run(path):
    """The notebook with the outputs of a run in the folder it stands in."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    return notebook


def stored(notebook):
    """The same without what differs from run to run or repeats a picture in words."""
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data = {"image/png": output.data["image/png"]}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


if __name__ == "__main__":
    for path in [Path(one) for one in sys.argv[1:]] or NOTEBOOKS:
        nbformat.write(stored(run(path)), path)
