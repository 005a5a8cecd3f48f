#!/usr/bin/env bash
# Everything worth doing on a lent GPU, from the repository's root. Results go to the folder named by
# OUT (default: gpu-results).
#   tests/gpu/run.sh         parity on the device, the bench of all models, the painter's tests, as
#                            gpu.json and gpu.txt; again, at once, until it says that all is done
#   tests/gpu/run.sh --dry   every step of it on the CPU, on tiny models: before a machine is asked for
#   tests/gpu/run.sh train   nine minutes of training the rehearsal model; again, until it says done:
#                            rehearsal-work/ stays there between calls. Needs the workshop's wheels
#
# Wheels missing there may be carried in .whl/ (pip download --no-deps; diffusers, streamdiffusion and
# msgspec are seldom there); they are installed beside what is there. A machine that was given back
# between two calls has lost gpu-work/: copy the last gpu.json to gpu-before.json in the root, and what
# it holds is not measured again.
set -euo pipefail

out=${OUT:-gpu-results}
mkdir -p "$out"
if compgen -G ".whl/*.whl" >/dev/null; then
  python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target /tmp/site .whl/*.whl
  export PYTHONPATH="/tmp/site${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1

# what is missing is told in the first seconds, all of it
python3 -W ignore - "${1:-}" <<'PYTHON' | tee "$out/machine.txt"
import importlib, sys

missing, found = [], [f"python {sys.version.split()[0]}"]
for name in ("torch", "diffusers", "transformers", "streamdiffusion", "safetensors", "msgspec",
             "numpy", "PIL", "tokenizers", "pytest"):
    try:
        module = importlib.import_module(name)
        found.append(f"{name} {getattr(module, '__version__', '')}".strip())
    except Exception as error:
        missing.append(f"{name} ({type(error).__name__}: {error})")
print(", ".join(found))
if missing:
    sys.exit(f"missing: {'; '.join(missing)}; carry their wheels in .whl/")
import torch

cuda = torch.cuda.is_available()
print(torch.cuda.get_device_name(0) if cuda else "no CUDA device")
if not cuda and sys.argv[1] != "--dry":
    sys.exit("there is no CUDA device; --dry tries all steps on the CPU")
PYTHON

if [ "${1:-}" = train ]; then
  workshop=(python3 -m presets.rehearsal --work rehearsal-work --plan gpu --workers "$(nproc)"
    --model rehearsal-work/model --loras rehearsal-work/loras)
  # a command ends after ten minutes there
  left() { echo "$(((540 - SECONDS) / 60)).1"; }
  "${workshop[@]}" --minutes "$(left)" train && "${workshop[@]}" --minutes "$(left)" loras &&
    [ "$SECONDS" -lt 360 ] && "${workshop[@]}" evaluate --sheets "$out/sheets" &&
    touch "$out/done" || true
  cp rehearsal-work/evaluation.json "$out/" 2>/dev/null || true
  # whole folders do not come back: one file each, and under 16 MiB
  for kind in model loras; do
    [ ! -d "rehearsal-work/$kind" ] || tar -C rehearsal-work -cf "$out/$kind.tar" "$kind"
  done
  exit
fi

if [ "${1:-}" = --dry ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -W ignore -m tests.gpu.measure --dry --work "$work" --out "$out" --minutes 60
  exit
fi

# what a call could not do is done by the next one: gpu-work/ stays there between calls
python3 -W ignore -m tests.gpu.measure --work gpu-work --out "$out" --resume gpu-before.json --minutes 9
