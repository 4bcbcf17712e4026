/** The Python that stands around a step's Python: hands it what is in scope, writes down its output, and offers the module `studio`. Constant text:
 *  what differs lies in files beside it. Nothing of it needs more than the standard library of Python 3.8. */

/** Runs main.py beside it; its traceback begins in the step's own code. */
export const RUNNER = `import inspect, json, os, runpy, sys, traceback

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "scope.json"), encoding="utf-8") as file:
    names = json.load(file)
# Modules that the job was given first, then the module studio.
sys.path[0:1] = [os.getcwd(), here]
main = os.path.join(here, "main.py")
try:
    scope = runpy.run_path(main, init_globals=names, run_name="__main__")
    if callable(scope.get("main")):
        takes = [p.kind for p in inspect.signature(scope["main"]).parameters.values()]
        places = sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in takes)
        count = 2 if inspect.Parameter.VAR_POSITIONAL in takes else min(places, 2)
        result = scope["main"](*[names["input"], names["steps"]][:count])
    else:
        result = scope.get("output")
except Exception as error:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != main:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
    sys.exit(1)
if result is not None and not os.path.exists(os.environ["STUDIO_RESULT"]):
    try:
        text = json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        sys.exit("the output is no JSON: %s" % error)
    with open(os.environ["STUDIO_RESULT"], "w", encoding="utf-8") as file:
        file.write(text)
`;

/** What `import studio` gives. */
export const MODULE = `"""What a step can tell Studio while it runs, and where it leaves things."""
import json, os

artifacts = os.environ["STUDIO_ARTIFACTS"]
checkpoint = os.environ["STUDIO_CHECKPOINT"]


def _tell(values):
    with open(os.environ["STUDIO_PROGRESS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\\n")


def progress(fraction):
    """How far it is, 0 to 1."""
    _tell({"progress": float(fraction)})


def metric(step=None, **values):
    """Points of curves: studio.metric(step=10, loss=0.52)."""
    told = {name: float(value) for name, value in values.items()}
    if step is not None:
        told["step"] = float(step)
    _tell(told)
`;
