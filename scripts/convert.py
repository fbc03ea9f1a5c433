"""Saves a Real NVP of nflows, normflows or FrEIA, or the paper's for images, for `nvpico import`, with rows to check it by.

    from convert import convert
    convert(flow, x, "mine")    # flow: the trained model; x: a table of normal rows, 64 or more

or, of a model saved whole by torch.save, `python convert.py flow.pt rows.npy mine` (or rows.csv; --help lists the options),
writes mine.weights.safetensors (the state dict, with what its keys do not tell in its header) and
mine.vectors.safetensors (64 of the rows, with the model's own results in double precision). It leaves
the model on the CPU, in float32 and evaluation mode. What it cannot find out about a model is an error.

x are rows as the flow takes them. Where these were standardised by scikit-learn's StandardScaler, tell that too, and the
imported model takes raw rows: convert(flow, scaler.transform(raw), "mine", scaler=scaler).

The paper's (arXiv:1605.08803) is a module with `in_couplings`, as the usual PyTorch implementations have, perhaps
wrapped in another that prepares pixels; the wrapper is ignored, so x are images (N, C, H, W) after dequantising and the logit.
Expected: forward(x, sldj, reverse=False) gives (z, sldj), z in the shape of x, and log_prob is log N(z; 0, I) + sldj.
"""
import argparse, csv, json, math, pickle, re, sys
from importlib.metadata import version
import numpy, torch
from safetensors.torch import save_file
from torch import nn

U = torch.tensor([-9, -1, -0.1, 0, 0.1, 1, 9], dtype=torch.float64)
CLAMPS = {"ATAN": lambda u: 0.636 * u.atan(), "TANH": torch.tanh, "SIGMOID": lambda u: 2 * u.sigmoid() - 1}
GLOBAL = {"SIGMOID": lambda a: 10 * (a - 2).sigmoid(), "SOFTPLUS": lambda a: 0.1 * nn.functional.softplus(a, 0.5), "EXP": torch.exp}

def which(f, known):
    """The name of the known function that has f's values; failing that, f's own name."""
    same = (name for name, g in known.items() if torch.allclose(f(U), g(U), 1e-6))
    return next(same, getattr(f, "__name__", type(f).__name__))

def activation(where, functions):
    slopes = {abs(float(f(U)[1])): f for f in functions}
    names = {which(f, {f"leaky_relu({a})": lambda u: torch.where(u > 0, u, a * u)}) for a, f in slopes.items()}
    if len(names) > 1:
        raise ValueError(f"{where} has several activations: {', '.join(names)}")
    return names.pop() if names else None

def perceptron(where, net):
    """Activation functions of a perceptron, what follows its last layer, whether it has dropout."""
    layers = getattr(net, "net", net)
    kinds = [type(m).__name__ for m in layers] if type(layers) is nn.Sequential else [type(net).__name__]
    letters = "".join({"Linear": "L", "Dropout": "D", "ConstScaleLayer": "S"}.get(k, "A") for k in kinds)
    if not re.fullmatch("(LAD?)*L(S?AS?)?", letters):
        raise ValueError(f"{where} is {', '.join(kinds)}; expected Linear layers with an activation between, in a Sequential")
    last = letters.rindex("L")
    output = [k.lower() for k, letter in zip(kinds[last:], letters[last:]) if letter == "A"]
    return [m for m, letter in zip(layers, letters[:last]) if letter == "A"], (output or ["none"])[0], "D" in letters

def layer(where, m):
    """What the importer asks of a layer."""
    kind, told = type(m).__name__, {}
    if getattr(m, "conditional", False) or getattr(m, "init_on_next_batch", False):
        raise ValueError(f"{where} ({kind}) has a condition, or has yet to see its first batch")
    nets = {n: c for n, c in m.named_children() if re.fullmatch("s|t|F|G|subnet.*", n)}
    if hasattr(m, "transform_net"):  # nflows
        blocks = getattr(m.transform_net, "blocks", None)
        if blocks is None or m.transform_net.context_features is not None:
            raise ValueError(f"{where}.transform_net is no ResidualNet without context")
        told = {"activation": activation(where, [b.activation for b in blocks])}
        told |= {"within_eps": b.batch_norm_layers[0].eps for b in blocks if b.use_batch_norm}
    elif hasattr(m, "unconstrained_weight"):
        told = {"between_eps": m.eps}
    elif hasattr(m, "unconstrained_upper_diag"):
        told = {"linear_eps": m.eps}
    elif kind == "AffineCouplingBlock":  # normflows
        split, coupling = m.flows[:2]
        told = {"split_mode": split.mode, "scale": coupling.scale, "scale_map": coupling.scale_map}
        nets = {"param_map": coupling.param_map}
    elif kind == "Permute":
        told = {"permute": m.mode}
    elif kind == "AllInOneBlock":  # FrEIA
        told = {"affine_clamping": float(m.clamp), "global_affine_type": which(m.global_scale_activation, GLOBAL)}
        told |= {"gin_block": m.GIN, "reverse_permutation": m.reverse_pre_permute}
    elif kind != "NICECouplingBlock" and hasattr(m, "f_clamp"):
        told = {"clamp": float(m.clamp), "clamp_activation": which(m.f_clamp, CLAMPS)}
    found = {n: perceptron(f"{where}.{n}", net) for n, net in nets.items()}
    if found:
        told["activation"] = activation(where, [f for functions, _, _ in found.values() for f in functions])
        told["dropout"] = any(dropout for _, _, dropout in found.values()) or None
    return told | {f"{n}_output" if n in ("s", "t") else "output": output for n, (_, output, _) in found.items()}

def flat(t):
    return [u for s in t._transforms for u in flat(s)] if hasattr(t, "_transforms") else [t]

def passes(library, flow):
    """x to z and log-density, and z to x."""
    if library == "nflows":
        return lambda x: (flow._transform(x)[0], flow.log_prob(x)), lambda z: flow._transform.inverse(z)[0]
    if library == "normflows":
        return lambda x: (flow.inverse(x), flow.log_prob(x)), flow.forward
    alone = lambda y: y if torch.is_tensor(y) else y[0]
    gauss = lambda z, log_det: (z, log_det - 0.5 * ((z**2).flatten(1).sum(1) + z[0].numel() * math.log(2 * math.pi)))
    if library == "paper":
        run = lambda x, reverse: flow(x, x.new_zeros(len(x)), reverse=reverse)
        return lambda x: gauss(*run(x, False)), lambda z: run(z, True)[0]
    return lambda x: gauss(alone(flow(x)[0]), flow(x)[1]), lambda z: alone(flow(z, rev=True)[0])

def paper(flow, x):
    """The module with the paper's couplings, and its architecture."""
    name, inner = next((name, m) for name, m in flow.named_modules() if hasattr(m, "in_couplings"))
    outside = [k for k in flow.state_dict() if not k.startswith(name) and k.split(".")[-1] != "data_constraint"]
    if outside or x.ndim != 4:
        raise ValueError(f"x has shape {(*x.shape,)}, expected (N, C, H, W)" if not outside else f"{outside[0]} is not of {name}")
    eps = {m.eps for m in inner.modules() if isinstance(m, nn.BatchNorm2d)}
    if len(eps) > 1:
        raise ValueError(f"the batch norms have several eps: {eps}")
    told = {"library": "paper", "cls": type(inner).__name__, "layout": "NCHW", "within_eps": next(iter(eps), None)}
    told |= {"num_scales": 1 + sum(n.split(".")[-1] == "next_block" for n, _ in inner.named_modules())}
    net = inner.in_couplings[0].st_net
    told |= {"mid_channels": net.out_norm.num_features, "num_blocks": len(net.blocks)}
    return inner, told | dict(zip(("in_channels", "height", "width"), x.shape[1:]))

def layered(library, flow, x):
    """The architecture of a flow of nflows, normflows or FrEIA."""
    if any(n.module and not len(n.inputs) == len(n.outputs) == 1 for n in getattr(flow, "node_list", [])):
        raise ValueError("the GraphINN is no chain")
    layers = flat(flow._transform) if library == "nflows" else flow.flows if library == "normflows" else flow.module_list
    told = {"library": library, "version": version(library), "features": x.shape[1]}
    told[KNOWN[library]] = [type(m).__name__ for m in layers]
    each = [layer(f"{KNOWN[library]} {i}", m) for i, m in enumerate(layers)]
    for key in sorted({key for entries in each for key in entries}):  # one value if all have the same
        values = [entries.get(key) for entries in each]
        told[key] = values if len({*values} - {None}) > 1 else next((v for v in values if v is not None), None)
    base = getattr(flow, "q0", getattr(flow, "_distribution", None))
    if getattr(base, "temperature", None) is not None:
        raise ValueError(f"the base has the temperature {base.temperature}")
    return told | ({"base": type(base).__name__} if base else {})

KNOWN = {"nflows": "transforms", "normflows": "flows", "FrEIA": "modules"}

def convert(flow, x, name, rows=64, scaler=None):
    """Writes NAME.weights.safetensors and NAME.vectors.safetensors; returns the two names."""
    if isinstance(flow, dict):
        raise ValueError("this is a state dict, which does not say what model it is of: build the model, call its "
                         "load_state_dict, and give the model")
    cls = next((c for c in type(flow).__mro__ if c.__module__.split(".")[0] in KNOWN), None)
    if cls is None and not any(hasattr(m, "in_couplings") for m in flow.modules()):
        raise ValueError(f"{type(flow).__name__} is of none of {', '.join(KNOWN)}, and has no `in_couplings` as the paper's")
    flow.cpu().float().eval()
    x = torch.as_tensor(x if torch.is_tensor(x) else numpy.asarray(x)).detach().cpu().float()
    if x.ndim < 2 or not len(x):
        raise ValueError(f"x has shape {(*x.shape,)}, expected rows: (N, features), or (N, C, H, W) for the paper's images")
    bad = (~x.flatten(1).isfinite().all(1)).nonzero().flatten()
    if len(bad):
        raise ValueError(f"row {int(bad[0])} of x (from 0) is not finite, and {len(bad) - 1} others: leave such rows out")
    x = x[torch.linspace(0, len(x) - 1, min(rows, len(x))).long()]
    if cls is None:
        library, (flow, told) = "paper", paper(flow, x)
    else:
        library = cls.__module__.split(".")[0]
        told = layered(library, flow, x) | {"cls": cls.__name__}
    if scaler is not None:
        told |= {f"input_{key}": numpy.asarray(own, float).tolist() for key in ("mean", "scale") if (own := getattr(scaler, f"{key}_")) is not None}
    state = {key: value.detach().clone().contiguous() for key, value in flow.state_dict().items()}
    forward, inverse = passes(library, flow)
    z_sample = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        try:
            (z32, log_prob32), x32 = forward(x), inverse(z_sample)
        except RuntimeError as error:
            raise ValueError(f"the model does not take rows of shape {(*x.shape[1:],)}: {error}") from error
        flow.double()
        (z, log_prob), x_sample = forward(x.double()), inverse(z_sample.double())
        flow.float()
    vectors = {"x": x, "z": z, "log_prob": log_prob, "z_sample": z_sample.double(), "x_sample": x_sample}
    if not all(v.isfinite().all() for v in vectors.values()):
        raise ValueError("the model itself gives infinities or NaN for these rows, in double precision")
    vectors |= {"z_f32": z32, "log_prob_f32": log_prob32, "x_sample_f32": x32}
    save_file(state, f"{name}.weights.safetensors", {"architecture": json.dumps(told)})
    save_file({key: value.contiguous() for key, value in vectors.items()}, f"{name}.vectors.safetensors")
    return f"{name}.weights.safetensors", f"{name}.vectors.safetensors"

def load(path):
    """A model that torch.save wrote whole."""
    try:
        model = torch.load(path, weights_only=False, map_location="cpu")
    except (AttributeError, ImportError) as error:
        raise ValueError(f"{path}: its classes cannot be found here ({error}): run this where the model was trained, or "
                         "import convert in that script and call convert(flow, x, name)") from error
    except (pickle.UnpicklingError, EOFError, RuntimeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a file by torch.save ({error})") from error
    if isinstance(model, dict):
        inner = [key for key, value in model.items() if isinstance(value, nn.Module)]
        if len(inner) == 1:
            return model[inner[0]]
        raise ValueError(f"{path}: holds a state dict ({', '.join(list(map(str, model))[:3])}, ...), which does not say what "
                         "model it is of: build the model in Python, call its load_state_dict, then convert(flow, x, name)")
    if not isinstance(model, nn.Module):
        raise ValueError(f"{path}: holds a {type(model).__name__}, expected a model")
    return model

def number(cell, comma):
    cell = cell.strip().replace(",", ".") if comma else cell.strip()
    try:
        return float(cell)
    except ValueError:
        return None

def table(path, delimiter=None, columns=None):
    """Rows of numbers and their names from .npy, .npz or text; columns of text are left out, and said."""
    if path.endswith((".npy", ".npz")):
        array = numpy.load(path)
        if path.endswith(".npz"):
            array = array["X"] if "X" in array else array[array.files[0]]
        return array, None
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        text = file.read()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{path}: no rows")
    delimiter = delimiter or max(";\t,| ", key=lambda c: (min(line.count(c) for line in lines[:20]) > 0, c != " ", lines[0].count(c)))
    comma = delimiter != "," and "." not in lines[-1] and "," in lines[-1]
    rows = [row for row in csv.reader(lines, delimiter=delimiter)]
    has_header = all(number(cell, comma) is None for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if has_header else [f"c{i}" for i in range(len(rows[0]))]
    rows = rows[has_header:]
    for at, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise ValueError(f"{path}: row {at} has {len(row)} cells, expected {len(names)} (split at {delimiter!r}; --delimiter sets another)")
    unknown = [name for name in columns or [] if name not in names]
    if unknown:
        raise ValueError(f"{path}: no column {unknown[0]!r}; there are {', '.join(names)}")
    kept, left, values = [], [], []
    for name in columns or names:
        cells = [number(row[names.index(name)], comma) for row in rows]
        if columns is None and sum(cell is None for cell in cells) > len(cells) // 2:
            left.append(name)
            continue
        if None in cells:
            at = cells.index(None)
            raise ValueError(f"{path}: row {at + 1}, column {name!r}: {rows[at][names.index(name)]!r} is not a number")
        kept.append(name)
        values.append(cells)
    if left:
        print(f"left out, because it is text: {', '.join(left)}")
    if not kept:
        raise ValueError(f"{path}: no column of numbers (split at {delimiter!r}; --delimiter sets another)")
    return numpy.array(values).T, kept

def main():
    parser = argparse.ArgumentParser(description="A model in Python for `nvpico import`, with rows to check it by.")
    parser.add_argument("model", help="file by torch.save, of the whole model")
    parser.add_argument("rows", help="normal rows as the model takes them: .npy, .npz (array X) or text")
    parser.add_argument("name", help="beginning of the names of the files to write")
    parser.add_argument("--delimiter", help="of a text; found out by default")
    parser.add_argument("--columns", type=lambda text: text.split(","), help="of a text, comma-separated, in the order of the model's features")
    args = parser.parse_args()
    try:
        rows, names = table(args.rows, args.delimiter, args.columns)
        flow = load(args.model)
        if names:
            print(f"{len(rows)} rows of {len(names)} features: {', '.join(names)}")
        weights, vectors = convert(flow, rows, args.name)
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(f"wrote {weights} and {vectors}; next:\n  nvpico import --from auto {weights} --check {vectors} --out {args.name}.safetensors")

if __name__ == "__main__":
    main()
