# Prints random trees of Python exceptions and what sentry-sdk 2.75.0 makes of
# them: python python_trees.py OUT.json SEED COUNT (needs sentry-sdk).
import sys, json, random, traceback
from sentry_sdk.utils import exceptions_from_error_tuple
rnd = random.Random(int(sys.argv[2])); out = []
class ShopError(Exception): pass
class Nested(Exception):
    class Inner(Exception): pass
BAIT = ["plain", "", '  File "fake.py", line 1, in fake', "    fake()", "ValueError: x", "a: b", " (2 sub-exceptions)", "  | x", "  +-+---------------- 1 ----------------", "| y", "    at x (y.js:1:1)", "tail "]
def message():
    return "\n".join(["m%d" % rnd.randrange(99)] + [rnd.choice(BAIT) for _ in range(rnd.choice([0, 0, 0, 1, 2, 4]))] + ["."])
def make():
    return rnd.choice([ValueError, ShopError, Nested.Inner, KeyError, lambda m: OSError(2, m, "/f"), RuntimeError])(message())
def deep(n, f):
    if n:
        return deep(n - 1, f)
    return f()
def boom(e): raise e
def leaf():
    return deep(rnd.choice([0, 0, 1, 2, 6, 40]), lambda: boom(make()))
def build(depth):
    kind = rnd.choice(["leaf", "from", "during", "none", "group", "group", "unraised"] if depth else ["leaf"])
    if kind == "leaf": leaf()
    elif kind == "from":
        try: build(depth - 1)
        except Exception as e: raise make() from e
    elif kind == "during":
        try: build(depth - 1)
        except Exception as e: raise make()
    elif kind == "none":
        try: build(depth - 1)
        except Exception as e: raise make() from None
    elif kind == "unraised":
        raise make() from make()
    else:
        excs = []
        for _ in range(rnd.choice([1, 2, 3])):
            try: build(depth - 1)
            except Exception as e: excs.append(e)
        if rnd.random() < .2: excs.append(make())
        raise ExceptionGroup(message(), excs)
for i in range(int(sys.argv[3])):
    try: build(rnd.choice([0, 1, 2, 3, 4]))
    except Exception as e:
        text = "".join(traceback.format_exception(type(e), e, e.__traceback__))
        vals = exceptions_from_error_tuple((type(e), e, e.__traceback__))
        chain = []
        for v in vals:
            m = v.get("mechanism") or {}
            fs = [{"function": f["function"], "filename": f["filename"], "abs_path": f.get("abs_path"), "lineno": f["lineno"], "context_line": f.get("context_line")} for f in ((v.get("stacktrace") or {}).get("frames") or [])]
            chain.append({"type": v["type"], "value": v["value"], "mechanism": {k: m[k] for k in ("exception_id", "parent_id", "is_exception_group") if k in m and (m.get("exception_id") is not None)}, "stacktrace": {"frames": fs}})
        m = type(e).__module__; q = type(e).__qualname__
        out.append({"type": q if m == "builtins" else m + "." + q, "message": str(e), "text": text, "chain": chain})
json.dump(out, open(sys.argv[1], "w"))
